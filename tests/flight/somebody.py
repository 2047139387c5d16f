"""Somebody who flies back in a process of their own, while a test looks at the world; and what they must come to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import psycopg.sql

from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import world as rehearsal


@contextmanager
def somebody(world: Path, session: Path, *order: str) -> Iterator[subprocess.Popen[str]]:
    """Flies in a process of its own while the test looks at the world."""
    command = [sys.executable, "-m", "tests.flight.person", str(world / "config.toml"), str(session), *order]
    with (session.parent / "flown.log").open("w") as log:
        flown = subprocess.Popen(
            command, cwd=rehearsal.ROOT, env=rehearsal.environment(world), stdout=log, stderr=log, text=True
        )
        try:
            yield flown
        finally:
            flown.kill()
            flown.wait()


def said(session: Path) -> str:
    """What the flight has printed last."""
    return (session.parent / "flown.log").read_text()[-6000:]


def wait(flown: subprocess.Popen[str], session: Path, holds: Callable[[], bool], seconds: float = 300.0) -> None:
    """Until it holds; not any longer than the flight is at work."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert flown.poll() is None, said(session)
        assert time.monotonic() < deadline, said(session)
        time.sleep(0.2)


def events_of(session: Path) -> list[ev.Event]:
    file = session / journal.FILE
    return [entry.event for entry in journal.read(file)] if file.exists() else []


def ended(session: Path) -> dict[str, ev.RollbackStageEnded]:
    """How each stage ended, the last time that it did."""
    return {event.stage: event for event in events_of(session) if isinstance(event, ev.RollbackStageEnded)}


def assert_back(session: Path, flown: subprocess.Popen[str]) -> None:
    assert flown.wait(300) == 0, said(session)
    stages = ended(session)
    assert {stage.outcome for stage in stages.values()} == {"verified"}
    tables = next(check for check in stages["compare"].checks if check.name == "tables")
    assert "tables equal row for row" in tables.found
    assert next(check for check in stages["unpause"].checks if check.name == "active as in the ledger").holds


def fact(session: Path, name: str) -> Any:
    """A fact of the way back, as it was written down last."""
    found = [e for e in events_of(session) if isinstance(e, ev.StepFact) and e.name.partition("#")[0] == name]
    return json.loads(bytes(found[-1].value))


COUNTED = {"dag_run": "dag_runs", "task_instance": "task_instances", "log": "logs"}
"""Tables of which is shown how many rows a restore loses, and the name of that count.

Not xcom: the migration itself moves pickled ones into an archive, so that the difference of two counts tells nothing.
"""


def rows_of_the_old_one(world: Path, session: Path) -> dict[str, int]:
    """Rows of the old instance, which is as it was when the last writer of 3.x had stopped."""
    place = fact(session, "old")
    dsn = (world / "secrets" / "dsn").read_text()
    with psycopg.connect(dsn, host=place["host"], port=place["port"]) as connection:
        return {table: _rows(connection, table) for table in COUNTED}


def _rows(connection: psycopg.Connection[Any], table: str) -> int:
    counting = psycopg.sql.SQL("select count(*) from {}").format(psycopg.sql.Identifier(table))
    [row] = connection.execute(counting).fetchall()
    return int(row[0])


def assert_cost_was_what_is_missing(session: Path, kept: dict[str, int]) -> None:
    """The cost that was shown last is what the restored database, as it was before 2.x started, does not have."""
    [file] = (session / "artifacts").glob("fingerprint-restored-*.json")
    restored = json.loads(file.read_text())["tables"]
    missing = {COUNTED[table]: kept[table] - restored[f"public.{table}"]["rows"] for table in COUNTED}
    events = events_of(session)
    until = next(n for n, e in enumerate(events) if isinstance(e, ev.RollbackStageStarted) and e.stage == "swap")
    shown = [e.reading for e in events[:until] if isinstance(e, ev.CostRead)][-1]
    assert {name: getattr(shown, name) for name in missing} == missing
    assert any(missing.values()), "something came since"
