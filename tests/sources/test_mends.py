"""The SQL of the mends on a database as Airflow 2.11 leaves it: rows that stop a migration are taken out, and kept."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from migration_cockpit.advice import failures
from migration_cockpit.rehearsal.seed import SeedReport

BAD = {
    "xcom-nan": b'{"said": "values: NaN, 3"}',
    "xcom-null-character": b'{"a": "x\\u0000y"}',
    "xcom-empty": b"",
    "xcom-not-utf8": b"\xff\x00",
    "xcom-not-json": b"not json",
}
GOOD = {"json": b'{"a": 1}', "pickle": b"\x80\x04\x95NaN\\u0000"}


@pytest.mark.parametrize("name", BAD)
async def test_a_mend_takes_the_bad_row_alone_and_keeps_it(
    name: str, seeded: SeedReport, owner: psycopg.AsyncConnection[Any]
) -> None:
    rows = {key: value for key, value in {**BAD, **GOOD}.items() if key == name or key in GOOD}
    for key, value in rows.items():
        await owner.execute(
            "insert into xcom (dag_run_id, dag_id, task_id, run_id, map_index, key, value, timestamp)"
            " select r.id, t.dag_id, t.task_id, t.run_id, t.map_index, %s, %s, now() from task_instance t"
            " join dag_run r using (dag_id, run_id) order by 1, 3 limit 1",
            [key, value],
        )
    before = await count(owner)
    for statement in statements(name):
        await owner.execute(statement.encode())
    assert await count(owner) == before - 1
    left = await (await owner.execute("select key from xcom where key = any(%s)", [list(rows)])).fetchall()
    assert {row[0] for row in left} == set(GOOD)
    kept = f"{name.replace('-', '_')}_kept"
    if name != "xcom-empty":  # there is nothing in it to keep
        assert await (await owner.execute(f"select key, value from {kept}".encode())).fetchall() == [(name, BAD[name])]


def statements(name: str) -> list[str]:
    """The SQL of an entry's mend."""
    failure = failures.by_id(name)
    assert failure is not None
    text = "\n".join(mend.run for mend in failure.entry.mend)
    return re.findall(r"<<'SQL'\n(.*?)\nSQL", text, re.DOTALL) + re.findall(r"-c '(delete .*?)'", text)


async def count(owner: psycopg.AsyncConnection[Any]) -> int:
    row = await (await owner.execute("select count(*) from xcom")).fetchone()
    assert row is not None
    return int(row[0])
