"""DAGs and runs as both APIs list and change them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from migration_cockpit.rehearsal.seed.dags import dag_specs
from migration_cockpit.rehearsal.standin.database import Connection, sql
from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NAMED = 7
"""How many of the rehearsal's DAGs have names of their own, as critical, normal or canary."""
_SPARED = 2
"""How many DAGs stay active under fault pause-noop, stay paused under unpause-lost, or fail under unpause-partial."""


def pattern_filter(text: str | None) -> str:
    """An API search pattern as SQL's ILIKE takes it: `~` and `%` match everything, anything else is contained."""
    return "%" if text in ("~", "%", None) else f"%{text}%"


def page_of(
    session: Connection, where: str, values: list[Any], columns: str, limit: int, offset: int
) -> tuple[int, list[Any]]:
    """Number of matching DAGs and the asked-for page, by dag_id."""
    count = session.execute(sql(f"SELECT count(*) FROM dag WHERE {where}"), values).fetchone()  # noqa: S608  # names of ours, values as parameters
    query = f"SELECT {columns} FROM dag WHERE {where} ORDER BY dag_id LIMIT %s OFFSET %s"  # noqa: S608 - our own text
    return (int(count[0]) if count else 0), session.execute(sql(query), [*values, limit, offset]).fetchall()


def set_paused(session: Connection, names: Iterable[str], paused: bool, world: Path | None) -> None:
    """Pause or unpause `names` and report nothing: under the faults some of them are left as they were."""
    chosen = sorted(names)
    name = "pause-noop" if paused else "unpause-lost"
    if (options := fault(world, name)) is not None:
        spared = {str(options["dag_id"])} if "dag_id" in options else set(_spared(session, late=not paused))
        chosen = [dag for dag in chosen if dag not in spared]
    session.execute("UPDATE dag SET is_paused = %s WHERE dag_id = ANY(%s)", (paused, chosen))


def refuses_unpause(session: Connection, dag_id: str, world: Path | None) -> bool:
    """Whether fault unpause-partial makes the API answer 500 for this DAG."""
    options = fault(world, "unpause-partial")
    if options is None:
        return False
    return dag_id == str(options["dag_id"]) if "dag_id" in options else dag_id in _spared(session, late=False)


def _spared(session: Connection, *, late: bool) -> list[str]:
    """The DAGs that the faults hit: of those that a playbook unpauses first, or `late` of those it leaves for last."""
    query = "SELECT dag_id FROM dag WHERE dag_id <> ALL(%s) ORDER BY dag_id = ANY(%s) DESC, dag_id LIMIT %s"
    named = [spec.dag_id for spec in dag_specs(_NAMED)]
    avoided = named if late else ["cockpit_canary"]
    return [str(row[0]) for row in session.execute(query, (avoided, named, _SPARED))]


def new_run_id(kind: str = "manual") -> tuple[str, datetime]:
    """A run id of now and the moment it carries."""
    now = datetime.now(UTC)
    return f"{kind}__{now.isoformat()}", now
