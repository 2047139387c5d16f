"""The runner: gates hold, outcomes are told, and a crash at any point neither repeats nor loses anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.connections import Connections, Unreachable
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.runner import EARLIER_STEPS, Refused, Runner
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.steps import AppendLine, FileStep, file_steps

SETTINGS = load(Path(__file__).parents[2] / "config.example.toml")


class Bench:
    """A runner over small real steps, which can be killed and started again on the same journal."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "lines"
        self.steps = {step.id: step for step in file_steps(self.file)}
        self.open()

    def open(self) -> None:
        redactor = Redactor()
        self.recorder = Recorder(self.directory, SystemClock(), redactor)
        if self.recorder.state.session is None:
            planned = {step: SETTINGS.schedule.planned(step) for step in STEP_IDS}
            opened = ev.SessionOpened(
                session="s",
                deployment="d",
                production=False,
                source_version="2.11.2",
                target_version="3.2.2",
                context="c",
                namespace="n",
                release="r",
                config="",
                program="",
                planned=planned,
            )
            self.recorder.record(opened)
        connections = Connections(SETTINGS, redactor, SystemClock())
        self.flight = Flight(SETTINGS, connections, self.recorder, SystemClock())
        self.runner = Runner(self.flight, list(self.steps.values()))

    def kill(self) -> None:
        """What a crash leaves: the journal as it is, no farewell."""
        self.recorder.close()

    async def fly(self, step: str, reason: str = "") -> str:
        await self.runner.start(step, "sre", reason)
        return await self.finish(step)

    async def finish(self, step: str) -> str:
        assert self.runner._task is not None
        await asyncio.wait_for(self.runner._task, 5)
        return self.recorder.state.step(step).outcome

    def kinds(self) -> list[str]:
        return [entry.event.kind for entry in journal.read(self.directory / journal.FILE)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.recorder.close()


async def test_a_step_is_verified_by_the_world(bench: Bench) -> None:
    assert await bench.fly("announce") == "verified"
    assert bench.file.read_text() == "announce\n"
    kinds = bench.kinds()
    assert kinds.index("operation.intended") < kinds.index("operation.ended") < kinds.index("step.ended")


async def test_the_sheet_shows_gates_commands_and_undo_and_is_recorded(bench: Bench) -> None:
    sheet = await bench.runner.sheet("pause", "sre")
    assert [gate.name for gate in sheet.gates] == [EARLIER_STEPS, "disk"]
    assert [gate.name for gate in sheet.failing] == [EARLIER_STEPS]
    assert sheet.commands[0].text == "echo pause >> lines"
    assert bench.kinds()[-1] == "sheet.opened"
    assert not bench.file.exists()


async def test_a_sheet_shows_no_secret(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.recorder.redactor.register("hunter22")

    async def look(_: Flight) -> ev.Check:
        return ev.Check(name="disk", holds=False, found="login hunter22 was refused", mend="not hunter22")

    monkeypatch.setattr(bench.steps["announce"], "gates", lambda _: (Gate("disk", "there is disk", look),))
    sheet = await bench.runner.sheet("announce", "sre")
    assert "hunter22" not in repr(sheet)


async def test_a_gate_that_fails_needs_a_reason_which_is_recorded(bench: Bench) -> None:
    bench.steps["announce"].gate_holds = False
    with pytest.raises(Refused, match="disk: 3 GB"):
        await bench.runner.start("announce", "sre", "  ")
    assert not bench.file.exists()
    assert await bench.fly("announce", "storage team says go") == "verified"
    assert bench.recorder.state.overrides[0].reason == "storage team says go"
    assert [gate.name for gate in bench.recorder.state.overrides[0].gates] == ["disk"]


async def test_steps_left_out_are_marked_when_the_order_is_overridden(bench: Bench) -> None:
    assert await bench.fly("drain", "done by hand") == "verified"
    outcomes = [step.outcome for step in bench.recorder.state.steps.values()]
    assert outcomes[:4] == ["skipped", "skipped", "verified", ""]


async def test_a_failing_operation_fails_the_step_and_says_the_mend(bench: Bench) -> None:
    bench.steps["announce"].fails = True
    assert await bench.fly("announce") == "failed"
    assert "make it writable" in bench.recorder.state.step("announce").why
    with pytest.raises(Refused, match="the steps before it"):
        await bench.runner.start("pause", "sre")
    bench.steps["announce"].fails = False
    assert await bench.fly("announce") == "verified"
    assert bench.recorder.state.step("announce").attempt == 2


async def test_a_defect_of_ours_is_told_as_ours(bench: Bench) -> None:
    async def broken(_: Flight) -> list[ev.Check]:
        raise ZeroDivisionError("by zero")

    bench.steps["announce"].fly = broken  # type: ignore[method-assign,assignment]  # the defect
    assert await bench.fly("announce") == "failed"
    assert "the cockpit itself failed: ZeroDivisionError" in bench.recorder.state.step("announce").why


async def test_a_system_that_does_not_answer_is_not_called_a_defect_of_the_cockpit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fly(_: Flight) -> tuple[ev.Check, ...]:
        raise Unreachable("Postgres", "the server refuses connections")

    monkeypatch.setattr(bench.steps["announce"], "fly", fly)
    assert await bench.fly("announce") == "failed"
    why = bench.recorder.state.step("announce").why
    assert why == "Postgres: the server refuses connections. Run the step again: what is done is found"


async def test_a_verified_step_does_not_run_twice(bench: Bench) -> None:
    await bench.fly("announce")
    with pytest.raises(Refused, match="does not run twice"):
        await bench.runner.start("announce", "sre")


async def test_two_starts_at_once_start_it_once(bench: Bench) -> None:
    results = await asyncio.gather(*(bench.runner.start("announce", "sre") for _ in range(5)), return_exceptions=True)
    await bench.finish("announce")
    assert sum(result is None for result in results) == 1
    assert bench.file.read_text() == "announce\n"


@pytest.mark.parametrize("moment", ["operation.intended", "operation.ended", "step.checked", "step.started"])
async def test_a_crash_after_any_record_goes_on_without_repeating(moment: str, bench: Bench) -> None:
    class Crash(BaseException):
        """Stands for kill -9: nothing of ours catches it."""

    def crash(entry: journal.Entry, _: object) -> None:
        if entry.event.kind == moment:
            raise Crash

    bench.recorder.listeners.append(crash)
    with pytest.raises(Crash):
        await bench.fly("announce")
    bench.kill()
    bench.open()
    bench.runner.resume()
    assert await bench.finish("announce") == "verified"
    assert bench.file.read_text() == "announce\n"


async def test_the_same_operation_on_another_thing_is_another_one(bench: Bench) -> None:
    """As the snapshot of a second standstill in one attempt is not the first one's."""
    bench.recorder.record(ev.StepStarted(step="announce", operator="sre"))
    for text in ("first", "second", "second"):
        await bench.flight.do("announce", AppendLine(bench.file, text))
    assert bench.file.read_text() == "first\nsecond\n"
    assert bench.recorder.state.operations["announce/append-line"].key == "second"


async def test_an_operation_that_happened_before_the_crash_is_found_not_repeated(bench: Bench) -> None:
    step = bench.steps["announce"]
    bench.recorder.record(ev.StepStarted(step="announce", operator="sre"))
    operation = AppendLine(bench.file, "announce")
    names = {"step": "announce", "operation": operation.name, "key": operation.key}
    bench.recorder.record(ev.OperationIntended(**names, commands=operation.describe()))  # type: ignore[arg-type]
    bench.file.write_text("announce\n")
    bench.runner.resume()
    assert await bench.finish("announce") == "verified"
    assert bench.file.read_text() == "announce\n"
    assert "operation.observed" in bench.kinds()
    assert bench.recorder.state.operations["announce/append-line"].outcome == "found"
    assert isinstance(step, FileStep)
