"""Import errors as Airflow 2 and 3 keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.seed import SeedReport
from migration_cockpit.sources.import_errors import LONGEST, newest
from tests.connections.support import connected


async def test_the_newest_come_first_and_of_a_long_traceback_its_end(
    settings_for: Callable[..., Settings], seeded: SeedReport, owner: psycopg.AsyncConnection[Any]
) -> None:
    async with connected(settings_for()) as connections:
        assert await newest(connections) == []
        add = "insert into import_error (filename, stacktrace) values (%s, %s)"
        await owner.execute(add, ["/dags/a.py", "x" * 10_000 + "KeyError: 'execution_date'"])
        await owner.execute(add, ["/dags/b.py", None])
        found = await newest(connections)
    assert [name for name, _ in found] == ["/dags/b.py", "/dags/a.py"]
    assert found[0][1] == ""
    assert found[1][1].endswith("KeyError: 'execution_date'")
    assert len(found[1][1]) == LONGEST
