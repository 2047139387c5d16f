"""Known failures as the cockpit recognises them live: what is new is looked at once, and what is over is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import pytest

from migration_cockpit.actions.cluster import MIGRATION_COMPONENT
from migration_cockpit.cockpit.watches import known_failures as module
from migration_cockpit.cockpit.watches.known_failures import AGAIN, GONE, LINES, FailureWatch
from migration_cockpit.connections import Connections
from migration_cockpit.session import events as ev
from migration_cockpit.session.readings import DatabaseReading, Pod, PodsReading
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from migration_cockpit.session.state import FailureState
from tests.app.fixtures import opened
from tests.app.light import LeapingClock

LOCK = "psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout"
STARTED = "Running upgrade 0bfc26bc256e -> a2c32e6c7729, Add triggered_by field to DagRun."
EMPTY = DatabaseReading(server_version=160004)
JOB = ev.OperationIntended(step="migrate", operation="migration-job", key="k1", commands=())
FULL = DatabaseReading(server_version=160004, revisions=("5f2621c13b39",))


class Bench:
    """A session whose failure watch looks when the test says so."""

    def __init__(self, directory: Path) -> None:
        self.clock = LeapingClock()
        self.recorder = Recorder(directory, self.clock, Redactor())
        self.recorder.record(opened())
        # Nothing here reads further; tests/sources and tests/flight do, from a cluster and a server.
        self.watch = FailureWatch(self.recorder, cast("Connections", None))

    def hear(self, *events: ev.Event) -> None:
        """Record events, then look."""
        for event in events:
            self.recorder.record(event)
        self.watch.look()

    def line(self, text: str, source: str = "job") -> None:
        """A line of a log."""
        self.hear(ev.LogLine(source=source, text=text))

    @property
    def showing(self) -> dict[str, FailureState]:
        """What shows now."""
        return {name: each for name, each in self.recorder.state.failures.items() if each.ended is None}

    def log(self) -> list[str]:
        """What the log pane says of failures."""
        return [
            entry.text for entry in self.recorder.state.log if "known failure" in entry.text or "no more" in entry.text
        ]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.recorder.close()


def step(name: str, outcome: str = "", attempt: int = 1) -> ev.Event:
    """A step starts, or ends."""
    if outcome:
        return ev.StepEnded(step=name, outcome=outcome, operator="sre-1")
    return ev.StepStarted(step=name, operator="sre-1", attempt=attempt)


def test_a_line_of_the_migration_shows_a_failure_until_the_step_is_tried_again(bench: Bench) -> None:
    bench.hear(step("migrate"))
    bench.line(STARTED)
    bench.line(LOCK)
    shown = bench.showing["lock-timeout"].event
    assert (shown.found, shown.where, shown.severity, shown.step) == ("log", "job", "bad", "migrate")
    assert shown.evidence == LOCK
    bench.hear(step("migrate", "failed"))
    assert "lock-timeout" in bench.showing
    bench.hear(step("migrate", attempt=2))
    assert bench.showing == {}
    assert bench.log() == [
        "known failure in job: A revision gave up waiting for a lock (lock-timeout)",
        "lock-timeout shows no more: step migrate is tried again",
    ]


def test_the_same_line_again_is_told_once(bench: Bench) -> None:
    bench.hear(step("migrate"))
    for _ in range(3):
        bench.line(LOCK)
    assert len(bench.log()) == 1


def test_a_new_job_is_a_new_log(bench: Bench) -> None:
    bench.hear(step("migrate"))
    bench.line(STARTED)
    bench.hear(ev.OperationIntended(step="migrate", operation="migration-job", key="k2", commands=(), attempt=2))
    bench.line(LOCK)
    assert set(bench.showing) == {"second-migration"}


def test_a_cockpit_that_comes_back_in_the_middle_knows_the_revision(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.hear(step("migrate"), JOB)
    first.line(STARTED)
    first.recorder.close()
    second = FailureWatch(recorder := Recorder(tmp_path, LeapingClock(), Redactor()), cast("Connections", None))
    recorder.record(ev.LogLine(source="job", text=LOCK))
    second.look()
    assert set(recorder.state.failures) == {"lock-timeout"}
    recorder.close()


def test_what_people_and_the_cockpit_write_is_no_evidence(bench: Bench) -> None:
    bench.line(LOCK, source="cockpit")
    bench.hear(ev.Note(operator="sre-1", text="deadlock detected, said the DBA"))
    assert bench.showing == {}


def test_what_a_reading_shows_is_over_when_it_has_not_shown_for_a_while(bench: Bench) -> None:
    bench.hear(ev.DatabaseRead(reading=EMPTY))
    assert bench.showing["alembic-version-empty"].event.found == "state"
    bench.hear(ev.DatabaseRead(reading=FULL))
    assert bench.showing, "a moment is not enough"
    bench.clock.leap(GONE / 2)
    bench.hear(ev.DatabaseRead(reading=EMPTY))
    bench.hear(ev.DatabaseRead(reading=FULL))
    bench.clock.leap(GONE * 0.7)
    bench.hear()
    assert bench.showing, "it has shown again in between"
    bench.clock.leap(GONE)
    bench.hear()
    assert bench.showing == {}
    bench.hear(ev.DatabaseRead(reading=EMPTY))
    assert "alembic-version-empty" in bench.showing, "and it can come back"


def test_what_is_expected_is_recorded_without_a_word_in_the_log(bench: Bench) -> None:
    for name in ("announce", "pause", "drain", "helm"):
        bench.hear(step(name), step(name, "verified"))
    text = (
        "TimeoutError: There are still unapplied migrations after 60 seconds. MigrationHead(s) in DB: {'5f2621c13b39'}"
    )
    bench.line(text + " | Migration Head(s) in Source Code: {'1d6611b6ab7c'}")
    assert bench.showing["unapplied-migrations"].event.severity == "expected"
    assert bench.log() == []


def test_a_failed_upgrade_is_recognised_by_what_helm_said(bench: Bench) -> None:
    bench.hear(
        step("helm"),
        ev.OperationIntended(step="helm", operation="helm-upgrade", key="k", commands=()),
        ev.OperationEnded(
            step="helm",
            operation="helm-upgrade",
            key="k",
            outcome="failed",
            detail="UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        ),
    )
    assert bench.showing["helm-pending"].event.where == "operation helm-upgrade"


def test_a_pod_is_named_in_the_mend_of_what_its_phase_shows(bench: Bench) -> None:
    pod = Pod(
        name="af-x",
        component="api-server",
        version="3.2.2",
        phase="OOMKilled",
        created=datetime(2026, 5, 16, tzinfo=UTC),
    )
    bench.hear(ev.PodsRead(reading=PodsReading(pods=(pod,))))
    assert bench.showing["out-of-memory"].event.values == {"pod": "af-x"}


def test_the_log_of_a_pod_that_fails_again_and_again_is_looked_at_now_and_then(bench: Bench) -> None:
    def fails(restarts: int) -> str:
        pod = Pod(
            name="af-x",
            component="api-server",
            version="3.2.2",
            phase="Error",
            restarts=restarts,
            created=datetime(2026, 5, 16, tzinfo=UTC),
        )
        bench.hear(ev.PodsRead(reading=PodsReading(pods=(pod,))))
        return bench.watch._next_pod()

    assert fails(0) == "af-x"
    assert fails(1) == ""
    bench.clock.leap(AGAIN)
    assert fails(1) == "af-x"
    bench.clock.leap(AGAIN)
    assert fails(1) == ""


def test_a_later_step_that_fails_does_not_bring_back_what_ended_the_migration_before(bench: Bench) -> None:
    pods = tuple(
        Pod(
            name=name,
            component=component,
            version="3.2.2",
            phase=phase,
            database=True,
            created=datetime(2026, 5, 16, tzinfo=UTC),
        )
        for name, component, phase in (
            ("af-migrate-a1-x", MIGRATION_COMPONENT, "Error"),
            ("af-scheduler-0", "scheduler", "Running"),
        )
    )
    bench.hear(ev.PodsRead(reading=PodsReading(pods=pods)), step("smoke"), step("smoke", "failed"))
    assert bench.watch._next_pod() == "af-scheduler-0"
    assert bench.watch._next_pod() == ""


def test_a_flood_of_lines_is_taken_in_portions_and_none_is_lost(bench: Bench) -> None:
    for _ in range(3 * LINES):
        bench.recorder.record(ev.LogLine(source="job", text="processing batch 1"))
    bench.recorder.record(ev.LogLine(source="job", text="deadlock detected"))
    looks = 0
    while not bench.showing:
        bench.watch.look()
        looks += 1
    assert looks == 4


def test_what_is_remembered_of_texts_stays_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEXTS", 10)
    for number in range(40):
        bench.hear(ev.SourceFailed(source="health", why=f"refused {number}"))
    assert len(bench.watch._known) <= 12


def test_a_defect_of_the_watch_is_told_once_and_stops_nothing(bench: Bench) -> None:
    bench.watch._complain("known failures could not be looked for: x")
    bench.watch._complain("known failures could not be looked for: x")
    assert [entry.text for entry in bench.recorder.state.log].count("known failures could not be looked for: x") == 1


def test_what_showed_survives_in_the_journal(bench: Bench, tmp_path: Path) -> None:
    bench.hear(step("migrate"))
    bench.line(LOCK)
    before = bench.recorder.state.failures
    bench.recorder.sync()
    again = Recorder(tmp_path, LeapingClock(), Redactor())
    assert msgspec.json.encode(again.state.failures) == msgspec.json.encode(before)
    again.close()
