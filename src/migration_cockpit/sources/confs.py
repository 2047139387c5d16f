"""dag_run.conf values that the migration turns into NULL without a word, and those that it dies of.

Revision e39a26ac59f6 reads each pickle in Python and writes it as JSON. What cannot be unpickled or is no JSON becomes
NULL, with exit code 0. What becomes JSON that PostgreSQL refuses (NaN, a NUL character) is worse: the failed UPDATE
spoils the transaction, and the revision fails at its next statement.
"""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from migration_cockpit.connections.threads import in_thread

if TYPE_CHECKING:
    import psycopg

    from migration_cockpit.session.clock import Clock

    Connection = psycopg.AsyncConnection[Any]

PAGE = 2000
EXAMPLES = 3
LARGE = 1_000_000
"""Bytes above which a conf is not fetched."""


@dataclass
class ConfScan:
    """What a scan found. `whole` is False when it was cut off."""

    rows: int = 0
    lost: int = 0
    fatal: int = 0
    large: int = 0
    examples: list[str] = field(default_factory=list)
    whole: bool = True
    converted: bool = False
    """The column is JSON already: the revision is behind."""


class _Plain(pickle.Unpickler):
    """Reads plain values only: nothing of the pickle is executed."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is no plain value")


def fate(pickled: bytes) -> str:
    """What becomes of a conf: `kept`, `lost` (NULL) or `fatal`."""
    try:
        dumped = json.dumps(_Plain(io.BytesIO(pickled)).load())
    except Exception:  # noqa: BLE001  # garbage fails in any way it likes, as it does in the migration
        return "lost"

    def refuse(token: str) -> NoReturn:
        raise ValueError(token)

    try:
        json.loads(dumped, parse_constant=refuse)
    except ValueError:
        return "fatal"
    return "fatal" if "\\u0000" in dumped.replace("\\\\", "") else "kept"


_COLUMN = """
select format_type(a.atttypid, null) from pg_attribute a
where a.attrelid = to_regclass('dag_run') and a.attname = 'conf'
"""
_ROWS = r"""
select id, dag_id, run_id, case when octet_length(conf) <= %s then conf end from dag_run
where id > %s and conf is not null and conf <> '\x80057D942E'::bytea order by id limit %s
"""


async def scan(connection: Connection, clock: Clock, *, seconds: float) -> ConfScan:
    """Look at every conf that will be converted, for so many seconds at most. Raises psycopg.Error."""
    found = ConfScan()
    kind = await (await connection.execute(_COLUMN)).fetchone()
    if kind is None or kind[0] != "bytea":
        found.converted = kind is not None
        return found
    last, deadline = -1, clock.monotonic() + seconds
    while True:
        page = await (await connection.execute(_ROWS, [LARGE, last, PAGE])).fetchall()
        if not page:
            return found
        last = page[-1][0]
        for (_, dag, run, conf), end in zip(page, await in_thread(_fates, page), strict=True):
            found.rows += 1
            found.large += conf is None
            found.lost += end == "lost"
            found.fatal += end == "fatal"
            if end in {"lost", "fatal"} and len(found.examples) < EXAMPLES:
                found.examples.append(f"{dag} {run}{' stops the migration' if end == 'fatal' else ''}")
        if clock.monotonic() >= deadline:
            found.whole = False
            return found


def _fates(page: list[tuple[Any, ...]]) -> list[str]:
    return ["kept" if conf is None else fate(bytes(conf)) for *_, conf in page]
