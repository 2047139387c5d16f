"""XCom values that the target version's migration cannot convert, found before it strikes.

Revision eed27faa34e3 turns xcom.value from bytes into JSON in one statement: one bad value undoes it all, after the
whole table was rewritten. What is bad depends on how the target version cleans the text first, so each value is
converted by that version's own expression (migrations/versions/0049_3_0_0_… of each release).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migration_cockpit.config import version_tuple
from migration_cockpit.sources.dialects import text

if TYPE_CHECKING:
    import psycopg

    from migration_cockpit.session.clock import Clock

    Connection = psycopg.AsyncConnection[Any]

KINDS = {
    "nul": r"\u0000 in a text",
    "empty": "empty bytes",
    "encoding": "not UTF-8",
    "nan": "NaN or Infinity that the conversion breaks",
    "json": "not JSON",
}
"""What can be wrong with a value, in words."""
EXAMPLES = 3
STATEMENT_SECONDS = 0.5
"""How long one statement of the scan should take: other sessions wait no longer for anything of it."""
FIRST_BLOCKS, MOST_BLOCKS = 64, 16384

_QUOTED = r"'([:,\[]\s*|^)(NaN|-?Infinity)(?=\s*[,}\]]|$)'"
_SANITISED = (
    ((3, 3, 2), r"replace(replace(replace(t, '\\', chr(1)), '\u0000', ''), chr(1), '\\')"),
    ((3, 1, 8), rf"""regexp_replace(t, {_QUOTED}, '\1"\2"', 'g')"""),
    ((3, 1, 3), r"""regexp_replace(t, '([:,\[]\s*)NaN(\s*[,}\]])', '\1"nan"\2', 'g')"""),
    ((3, 1, 0), """replace(t, 'NaN', '"nan"')"""),
    ((3, 0, 0), "t"),
)
"""What a release does to the text of a value, from the release on that is named; newest first."""


def sanitised(target: str) -> tuple[str, str]:
    """The target's expression over the text `t`, and what it does to a text that is no JSON after that."""
    version = version_tuple(target)
    since, expression = next(each for each in _SANITISED if version >= each[0])
    return expression, rf"regexp_replace({expression}, {_QUOTED}, '\1null', 'g')" if since >= (3, 3, 2) else expression


@dataclass
class XComScan:
    """What a scan found. `whole` is False when it was cut off: then nothing is known of the rest."""

    rows: int = 0
    pickled: int = 0
    """Not fatal: archived in _xcom_archive, and invisible in Airflow 3."""
    bad: Counter[str] = field(default_factory=Counter)
    """How many by kind."""
    examples: list[str] = field(default_factory=list)
    whole: bool = True
    share: float = 1.0
    """How much of the table was looked at."""
    converted: bool = False
    """The column is JSON already: the revision is behind."""


_COLUMN = """
select format_type(a.atttypid, null), pg_relation_size(a.attrelid) / current_setting('block_size')::bigint
from pg_attribute a where a.attrelid = to_regclass('xcom') and a.attname = 'value'
"""


async def scan(connection: Connection, target: str, clock: Clock, *, seconds: float) -> XComScan:
    """Look at every value, for so many seconds at most. Raises psycopg.Error.

    Goes through the table in short statements outside of any transaction: it holds no lock and no old snapshot.
    """
    import psycopg  # imported by then

    found = XComScan()
    rows = await (await connection.execute(_COLUMN)).fetchall()
    if not rows or rows[0][0] != "bytea":
        found.converted = bool(rows)
        return found
    last = int(rows[0][1])
    expression, again = sanitised(target)
    template = text("xcom_scan")
    position, blocks, deadline = 0, FIRST_BLOCKS, clock.monotonic() + seconds
    while position < last:
        if clock.monotonic() >= deadline:
            found.whole, found.share = False, position / last
            return found
        end = min(position + blocks, last)
        begun = clock.monotonic()
        parts = {"{low}": str(position), "{high}": str(end), "{sanitised}": expression, "{again}": again}
        sql = template
        for name, value in parts.items():
            sql = sql.replace(name, value)
        try:
            await connection.execute(sql)
        except psycopg.errors.QueryCanceled:
            if blocks == 1:
                found.whole, found.share = False, position / last
                return found
            blocks = max(1, blocks // 8)
            continue
        answer = await (await connection.execute("select current_setting('migration_cockpit.scan')")).fetchone()
        _add(found, json.loads(answer[0]) if answer else {})
        position = end
        took = max(clock.monotonic() - begun, 0.001)
        blocks = max(1, min(MOST_BLOCKS, int(blocks * min(4.0, STATEMENT_SECONDS / took))))
    return found


def _add(found: XComScan, answer: dict[str, Any]) -> None:
    found.rows += answer["rows"]
    found.pickled += answer["pickled"]
    for one in answer["bad"]:
        found.bad[one["kind"]] += 1
        if found.bad[one["kind"]] <= EXAMPLES:
            where = f"{one['dag']}.{one['task']} ({one['run']}) key {one['key']}"
            found.examples.append(f"{KINDS[one['kind']]}: {where}")
