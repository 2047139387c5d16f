"""Pause ledger and drain on a real database: what is written once, what is waited for, what the operator decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.config import STEP_IDS
from migration_cockpit.playbook import ledger
from migration_cockpit.playbook.drain import Drain
from migration_cockpit.playbook.flight import Flight, StepAborted
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock, until
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.actions.servers import DAGS, RUN, airflow_template, server, task, write
from tests.connections.support import connected, eventually, make_settings
from tests.pace import PATIENCE

__all__ = ["airflow_template", "server"]  # fixtures

Open = Callable[..., Any]


@pytest.fixture
def open_flight(server: EmbeddedPostgres, tmp_path: Path) -> Open:
    """Opens the session's flight; opening it again is what a cockpit does that was killed."""

    @asynccontextmanager
    async def opened(**limits: float) -> AsyncIterator[Flight]:
        dsn = {"dsn": {"value": server.dsn(user="cockpit")}}
        settings = make_settings(tmp_path, postgres=dsn, limits=limits)
        recorder = Recorder(tmp_path / "session", SystemClock(), Redactor())
        if recorder.state.session is None:
            planned = {step: settings.schedule.planned(step) for step in STEP_IDS}
            given = {"deployment": "test", "production": False, "source_version": "2.11.2", "target_version": "3.2.2"}
            place = {"context": "test", "namespace": "airflow", "release": "airflow"}
            recorder.record(
                ev.SessionOpened(session="s", **given, **place, config="", program="", planned=planned)  # type: ignore[arg-type]  # one dict of both kinds
            )
        async with connected(settings) as connections:
            yield Flight(settings, connections, recorder, SystemClock())
        recorder.close()

    return opened


async def _seed(server: EmbeddedPostgres, *tasks: str) -> None:
    await write(server, DAGS, RUN, *tasks)


async def test_ledger_is_written_before_pausing_and_never_after(server: EmbeddedPostgres, open_flight: Open) -> None:
    await _seed(server)
    async with open_flight() as flight:
        flight.recorder.write_artifact(ledger.ARTIFACT, b"{half a file of a cockpit that was killed")
        written = await ledger.write(flight)
        assert written.all == ("a", "b")
        assert written.active == ("a",)  # b was paused on purpose and stays so
    async with open_flight() as flight:
        await write(server, "update dag set is_paused = false where dag_id = 'b'")
        assert (await ledger.write(flight)).active == ("a", "b")  # nothing was paused yet: what is active now counts
        flight.record(ev.OperationIntended(step="pause", operation="pause-all", key="k", commands=()))
    async with open_flight() as flight:
        await write(server, "update dag set is_paused = true")
        assert (await ledger.write(flight)).active == ("a", "b")
        assert flight.state.ledger is not None
        assert (flight.state.ledger.active, flight.state.ledger.total) == (2, 2)


LONG = task("long", "running", "now() - interval '9 hours'", "now() - interval '9 hours'")
WAITS = task("waits", "deferred", "now()", "now()")


def _start(flight: Flight) -> asyncio.Task[Any]:
    if not flight.state.step("drain").running:
        attempt = flight.state.step("drain").attempt + 1
        flight.record(ev.StepStarted(step="drain", operator="me", attempt=attempt))
    return asyncio.create_task(Drain().fly(flight))


def _answer(flight: Flight, answer: str, reason: str = "") -> None:
    assert flight.state.decision is not None
    decision = flight.state.decision.event.decision
    flight.record(ev.DecisionMade(step="drain", decision=decision, answer=answer, operator="me", reason=reason))


async def test_the_oldest_task_is_waited_for_and_a_deferred_one_is_not(
    server: EmbeddedPostgres, open_flight: Open
) -> None:
    await _seed(server, LONG, WAITS)
    async with open_flight(drain=60.0) as flight:
        flying = _start(flight)
        await eventually(lambda: flight.state.step("drain").progress == "1 task still runs")
        await write(server, "update task_instance set state = 'success' where task_id = 'long'")
        (check,) = await flying
        assert check.holds
        assert "1 deferred" in check.found
        assert "1 unfinished DAG run" in check.found


async def test_after_the_limit_the_operator_decides_also_across_a_restart(
    server: EmbeddedPostgres, open_flight: Open
) -> None:
    await _seed(server, LONG)
    async with open_flight(drain=0.3) as flight:
        flying = _start(flight)
        await eventually(lambda: flight.state.decision)
        asked = flight.state.decision.event
        assert "a.long (r1) running for 9 h" in asked.evidence[0]
        assert asked.reasoned == ("proceed",)
        _answer(flight, "wait")
        await eventually(lambda: flight.state.decision)
        assert flight.state.decision.event.decision == "drain-2"
        flying.cancel()
        await asyncio.gather(flying, return_exceptions=True)
    async with open_flight(drain=0.3) as flight:
        flying = _start(flight)
        await eventually(lambda: flight.state.decision)
        assert flight.state.decision.event.decision == "drain-2"  # the first one was answered
        _answer(flight, "proceed", "the vendor's job may die")
        (check,) = await flying
        assert "gone past by me: the vendor's job may die" in check.found
        (overridden,) = flight.state.overrides
        assert overridden.reason == "the vendor's job may die"
        assert not overridden.gates[0].holds


async def test_abort_says_what_still_runs(server: EmbeddedPostgres, open_flight: Open) -> None:
    await _seed(server, LONG)
    async with open_flight(drain=0.0) as flight:
        flying = _start(flight)
        await eventually(lambda: flight.state.decision)
        _answer(flight, "abort")
        with pytest.raises(StepAborted, match=r"1 running \(a\.long"):
            await flying
        assert not flight.state.step("drain").checks[0].holds


async def test_the_question_answers_itself_when_the_last_task_ends(server: EmbeddedPostgres, open_flight: Open) -> None:
    await _seed(server, LONG)
    async with open_flight(drain=0.0) as flight:
        flying = _start(flight)
        await eventually(lambda: flight.state.decision)
        await write(server, "update task_instance set state = 'failed'")
        (check,) = await flying
        assert check.holds
        made = flight.state.decisions["drain/drain#1"]
        assert (made.answer, made.operator) == ("drained", "the world")


async def test_while_the_question_stands_the_count_stays_true(server: EmbeddedPostgres, open_flight: Open) -> None:
    await _seed(server, LONG)
    async with open_flight(drain=0.0) as flight:
        flying = _start(flight)
        await eventually(lambda: flight.state.decision)
        flight.progress("drain", "tasks cannot be counted: the database was away")
        await eventually(lambda: flight.state.step("drain").progress == "1 task still runs")
        await write(server, "update task_instance set state = 'success'")
        (check,) = await flying
        assert check.holds


async def test_a_database_that_is_away_is_waited_for(server: EmbeddedPostgres, open_flight: Open) -> None:
    await _seed(server, LONG)
    async with open_flight(drain=60.0) as flight:
        flying = _start(flight)
        await eventually(lambda: flight.state.step("drain").progress)
        await server.stop()
        await eventually(lambda: "cannot be counted" in flight.state.step("drain").progress)
        await server.start()
        ended: Callable[[], Awaitable[bool]] = _ender(server)
        assert await until(SystemClock(), ended, timeout=PATIENCE)
        (check,) = await flying
        assert check.holds


def _ender(server: EmbeddedPostgres) -> Callable[[], Awaitable[bool]]:
    async def end() -> bool:
        await write(server, "update task_instance set state = 'success'")
        return True

    return end
