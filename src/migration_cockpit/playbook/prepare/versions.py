"""1 production runs the source version; 2 staging equals it; 13 the target has every provider that production has."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migration_cockpit.actions import database
from migration_cockpit.actions.site import Site
from migration_cockpit.advice import revisions
from migration_cockpit.config import version_tuple
from migration_cockpit.connections import Connections, Unreachable, postgres
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.preflight import metadata, release
from migration_cockpit.playbook.prepare import plugins, same_values
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where, together
from migration_cockpit.session.words import plural

SHOWN = 5
COUNT_SECONDS = 60.0
SMALLEST = 0.5
"""Share of production's rows below which staging's migration tells nothing of the time that production's takes."""
_SETS = {
    "connections": "select conn_id from connection",
    "variables": "select key from variable",
    "pools": "select pool from slot_pool",
}
"""What staging must have by name, beside DAGs. Values are not compared: they differ on purpose."""
_ROWS = """
select relname, reltuples::bigint from pg_class
where relname in ('task_instance', 'dag_run', 'xcom') and relkind = 'r' and reltuples > 0
"""
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*?)(?:\[[^\]]*\])?==([\w.!+-]+)")


async def source(where: Where) -> Seen:
    """The image, `airflow version` and the schema head are the source version's, and that is 2.11."""
    wanted = where.settings.deployment.source_version
    parts = []
    if version_tuple(wanted) < (2, 11, 0):
        mend = "go to 2.11 first: it is the same schema, with the warnings and the checks for 3.x"
        parts.append(Seen(FAILS, (f"the config says {wanted}",), mend))
    findings = [one for one in await release.look(where.place) if one.name in {"airflowVersion", "image tag"}]
    findings.append(await metadata.revision(where.place))
    parts += [Seen(HOLDS if one.ok else FAILS, (f"{one.name}: {one.found}",), one.mend) for one in findings]
    running = await where.place.connections.airflow.version()
    parts.append(Seen(HOLDS if running == wanted else FAILS, (f"airflow version: {running}",), "correct the config"))
    return together(parts)


async def staging(where: Where) -> Seen:
    """DAGs, connections, variables and pools by name; rows of the large tables; version, Helm values, providers."""
    if where.settings.prepare.staging_dsn is None or where.staging is None:
        return Seen(UNKNOWN, ("staging is not known",), "set prepare.staging_dsn in the config")
    parts = [await _names(where.place.connections, where.staging), await _rows(where.place.connections, where.staging)]
    prepare = where.settings.prepare
    if prepare.staging_airflow is not None:
        parts.append(await _version(where))
    parts += [await same_values.look(where), await plugins.look(where)]
    here, there = prepare.production_packages, prepare.staging_packages
    if here and there:
        parts.append(await in_thread(providers, here, there, "staging"))
    else:
        text = "providers are not compared: prepare.production_packages and staging_packages are not both given"
        parts.append(Seen(UNKNOWN, (text,), "write `pip freeze` of both images into files, and name them"))
    return together(parts)


async def packages(where: Where) -> Seen:
    """What production has pinned is in the target's image, and not older; its plugins are loaded by the target."""
    prepare = where.settings.prepare
    if not prepare.production_packages or not prepare.target_packages:
        mend = "write `pip freeze` of both images into files: prepare.production_packages and prepare.target_packages"
        pinned = Seen(UNKNOWN, ("the packages of production and target are not known",), mend)
    else:
        pinned = await in_thread(providers, prepare.production_packages, prepare.target_packages, "the target")
    return together([pinned, await plugins.look(where)])


async def query(connections: Connections, sql: str, *, seconds: float = 3.0) -> list[tuple[Any, ...]]:
    """Rows of a read-only query that may take so long. Raises Unreachable, for a query that fails too."""
    async with connections.postgres(statement_timeout_ms=int(seconds * 1000)) as connection:
        import psycopg

        try:
            return [tuple(row) for row in await (await connection.execute(sql.encode())).fetchall()]
        except psycopg.Error as error:
            raise Unreachable(postgres.WHAT, postgres.why(error)) from error


async def _version(where: Where) -> Seen:
    """Whether staging runs the target version."""
    assert where.staging is not None
    running, wanted = await where.staging.airflow.version(), where.settings.deployment.target_version
    return Seen(HOLDS if running == wanted else FAILS, (f"staging runs {running}",), f"bring staging to {wanted}")


async def _names(production: Connections, other: Connections) -> Seen:
    differ, same = [], []
    for what in ("DAGs", *_SETS):
        here, there = await _set(production, what), await _set(other, what)
        for words, names in (("staging lacks", here - there), ("only staging has", there - here)):
            if names:
                differ.append(f"{what}: {words} {_some(names)}")
        if here == there:
            same.append(plural(len(here), what.removesuffix("s")))
    found = (*differ, *([f"the same by name: {', '.join(same)}"] if same else []))
    return Seen(FAILS if differ else HOLDS, found, "bring staging up to production" if differ else "")


async def _set(connections: Connections, what: str) -> set[str]:
    """Names of one kind. Of DAGs those that are shown: a row of one whose file is gone stays in the table."""
    if what == "DAGs":
        return {each.dag_id for each in await database.dags(Site(connections.settings, "prepare", connections))}
    return {str(row[0]) for row in await query(connections, _SETS[what])}


async def _rows(production: Connections, other: Connections) -> Seen:
    here, there = dict(await query(production, _ROWS)), dict(await query(other, _ROWS))
    for table in here.keys() - there.keys():
        # Never analysed since it was made, or emptied: what the catalogue does not tell is counted.
        there[table] = (await query(other, f"select count(*) from {table}", seconds=COUNT_SECONDS))[0][0]  # noqa: S608
    small = {table: there.get(table, 0) / rows for table, rows in here.items() if there.get(table, 0) < SMALLEST * rows}
    if not small:
        tables = ", ".join(sorted(here)) or "no table that has been analysed"
        return Seen(HOLDS if here else UNKNOWN, (f"at least {SMALLEST:.0%} of production's rows in {tables}",))
    words = ", ".join(f"{table} {share:.0%}" for table, share in sorted(small.items()))
    return Seen(FAILS, (f"of production's rows staging has: {words}",), "restore a copy of production into staging")


def freeze(file: str) -> tuple[dict[str, str], datetime] | str:
    """The pins of a `pip freeze` by normalised name and when it was written; or why it cannot be read."""
    path = Path(file)
    try:
        text, at = path.read_text("utf-8"), datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, UnicodeDecodeError) as error:
        return f"{file} cannot be read: {getattr(error, 'strerror', '') or 'it is not text'}"
    pins = [match for line in text.splitlines() if (match := _PIN.match(line.strip()))]
    if not pins:
        return f"{file} holds no line such as apache-airflow==2.11.2"
    return {re.sub(r"[-_.]+", "-", pin[1]).lower(): pin[2] for pin in pins}, at


def providers(production: str, other: str, name: str) -> Seen:
    """Whether what the other image's `pip freeze` pins has every provider of production's, and none older."""
    here, there = freeze(production), freeze(other)
    for each in (here, there):
        if isinstance(each, str):
            return Seen(UNKNOWN, (each,), "write it anew: pip freeze > FILE, in the image")
    assert not isinstance(here, str)
    assert not isinstance(there, str)
    pinned = {
        package: version for package, version in here[0].items() if package.startswith("apache-airflow-providers-")
    }
    missing = {package for package in pinned if package not in there[0]}
    older = [
        f"{package} {there[0][package]}, production has {version}"
        for package, version in sorted(pinned.items())
        if package in there[0] and _order(there[0][package]) < _order(version)
    ]
    found = [f"{name} lacks {_some(missing)}"] if missing else []
    found += [f"{name} is behind: {each}" for each in older]
    if "apache-airflow-providers-fab" not in there[0]:
        found.append(f"{name} lacks apache-airflow-providers-fab: users and roles are its tables")
    at = min(here[1], there[1])
    if found:
        return Seen(FAILS, tuple(found), "build the image with them, then freeze it again", at)
    return Seen(HOLDS, (f"{name} has all {len(pinned)} providers of production, none of them older",), at=at)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])


def _some(names: set[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:SHOWN]) + (f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else "")


async def at_target(where: Where) -> Seen:
    """Whether staging's schema is at the target's head."""
    assert where.staging is not None
    found = [str(row[0]) for row in await query(where.staging, "select version_num from alembic_version")]
    target = where.settings.deployment.target_version
    wanted = revisions.head(target)
    if wanted is None:
        # All that is shipped is older than a version that nobody knows here.
        newer = len(found) == 1 and not revisions.is_shipped(found[0])
        text = f"staging's schema is at {', '.join(found) or 'no revision'}; the head of {target} is not known here"
        return Seen(HOLDS if newer else FAILS, (text,), "migrate staging to the target version")
    text = f"staging's schema is at {', '.join(found) or 'no revision'}, the target's head is {wanted}"
    return Seen(HOLDS if found == [wanted] else FAILS, (text,), "migrate staging to the target version")


async def import_errors(where: Where) -> Seen:
    """The import errors of staging on 3.x, which are those of production to come."""
    assert where.staging is not None
    files = [str(row[0]) for row in await query(where.staging, "select filename from import_error order by 1")]
    if not files:
        return Seen(HOLDS, ("staging has no import errors",))
    return Seen(
        FAILS, (f"{len(files)} import errors on staging: {_some(set(files))}",), "mend the DAGs: ruff names how"
    )
