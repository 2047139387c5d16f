"""Two cockpits and one helm: one drives, the other observes; it is handed over, lost, regained, taken from the dead."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.dialogs.helm import situation
from migration_cockpit.cockpit.driving import Driving, who
from migration_cockpit.cockpit.headless import fly
from migration_cockpit.config import Settings
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.events import Check
from migration_cockpit.session.follower import Follower
from migration_cockpit.session.journal import SessionLock
from migration_cockpit.session.lease import Lease
from tests.connections.support import cluster, eventually, make_settings
from tests.flight.world import chain_is_whole
from tests.session.test_lease import Memory
from tests.steps import FileStep, file_steps


@dataclass
class Held(FileStep):
    """Waits after its operation until the test lets it go on."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def fly(self, flight: Flight) -> Sequence[Check]:
        checks = await super().fly(flight)
        await self.go_on.wait()
        return checks


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    """A cluster; the lease is looked at more often than on a real day, and no source runs."""
    monkeypatch.setattr("migration_cockpit.cockpit.driving.RENEW_EVERY", 0.3)
    monkeypatch.setattr("migration_cockpit.sources.all_sources", lambda *_: [])
    async with cluster(tmp_path) as world:
        yield world


def seat(settings: Settings, directory: Path, operator: str, *, held: bool = False) -> tuple[Cockpit, Desk]:
    """A cockpit on a session's directory, and its desk."""
    steps = file_steps(directory / "lines")
    first = Held("announce", directory / "lines", title="announce") if held else steps[0]
    cockpit = Cockpit(settings, directory, operator=operator, steps=(first, *steps[1:]), observe=True)
    return cockpit, Desk(cockpit)


async def hears(desk: Desk) -> None:
    """As soon as a dialog that has just opened takes keys."""
    await eventually(lambda: not desk.deaf)


async def press(desk: Desk, key: str) -> None:
    """A key, late enough after a dialog's opening."""
    await hears(desk)
    await desk.press(key)


async def test_no_key_changes_anything_before_it_is_known_who_drives(world: Cluster, tmp_path: Path) -> None:
    cockpit, desk = seat(make_settings(tmp_path), tmp_path / "session", "sre-1")
    assert cockpit.mark.word == "STARTING", "nothing is recorded before the session is opened"
    start = asyncio.create_task(cockpit.start())
    await asyncio.sleep(0)
    await desk.press("1")
    assert "the cockpit is starting" in desk.notice
    assert desk.where == "screen"
    assert cockpit.mark.word == "STARTING"
    await start
    assert cockpit.mark.word == "REC"
    assert cockpit.not_driving == ""
    await cockpit.stop("the test ends")


async def test_the_second_observes_is_given_the_helm_and_the_first_follows(world: Cluster, tmp_path: Path) -> None:
    settings, session = make_settings(tmp_path), tmp_path / "session"
    first, desk = seat(settings, session, "sre-1")
    await first.start()
    assert first.not_driving == ""
    second, other = seat(settings, session, "sre-2")
    await second.start()
    assert isinstance(second.recorder, Follower)
    await press(other, "1")
    assert "sre-1 on" in other.notice
    assert "drives since" in other.notice
    assert other.where == "screen"
    first.note("seen by both")
    await eventually(lambda: [note.text for _, note in second.state.notes] == ["seen by both"])

    await press(other, "t")
    assert re.search(r"sre-1 on .* drives since \d\d:\d\d:\d\d UTC; its session", situation(second)[0])
    await press(other, "enter")
    assert "type test to confirm" in other.notice
    other.type("test")
    await press(other, "enter")
    assert "must offer the helm" in other.notice, "a driver that lives is not pushed aside"
    await press(other, "escape")

    await press(desk, "o")
    await hears(desk)
    desk.type("sre-2")
    await press(desk, "enter")
    assert "sre-2 can take the helm" in desk.notice
    await eventually(lambda: second.driving is not None and second.driving.keeper.offered)
    await press(other, "t")
    await press(other, "enter")
    assert other.notice in {"you drive", ""}
    assert second.not_driving == ""
    assert "sre-2 on" in first.not_driving
    assert isinstance(first.recorder, Follower)
    await press(other, "1")
    await press(other, "enter")
    await eventually(lambda: second.state.step("announce").outcome == "verified")
    await eventually(lambda: first.state.step("announce").outcome == "verified")
    await press(desk, "2")
    assert "sre-2 on" in desk.notice
    await first.stop("test over")
    await second.stop("test over")
    assert chain_is_whole(session)
    drivers = [e.event.operator for e in journal.read(session / journal.FILE) if isinstance(e.event, ev.DriverChanged)]
    assert drivers == ["sre-1", "sre-2"]
    assert (session / "lines").read_text() == "announce\n"


async def test_a_lost_lease_turns_keys_off_lets_the_step_end_and_is_regained(
    world: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migration_cockpit.session.lease.RENEW_DEADLINE", 4.0)
    cockpit, desk = seat(make_settings(tmp_path), tmp_path / "session", "sre-1", held=True)
    await cockpit.start()
    await press(desk, "1")
    await press(desk, "enter")
    await eventually(lambda: (tmp_path / "session" / "lines").exists())

    async def down(*_: object) -> None:
        raise ConnectionError("connection refused")

    assert cockpit.driving is not None
    store = cockpit.driving.keeper._store
    with monkeypatch.context() as patched:
        patched.setattr(store, "read", down)
        await eventually(lambda: "the lease cannot be renewed: connection refused" in cockpit.not_driving)
        await press(desk, "n")
        assert "keys are off until it is held again" in desk.notice
        assert situation(cockpit)[0] == "The lease cannot be read: connection refused.", "not: it can be taken"
        assert cockpit.runner.busy, "the step runs on"
        step = cockpit.runner.steps["announce"]
        assert isinstance(step, Held)
        step.go_on.set()
        await eventually(lambda: cockpit.state.step("announce").outcome == "verified")
        await eventually(lambda: any("the lease is lost" in line.text for line in cockpit.state.log))
    await eventually(lambda: cockpit.not_driving == "")
    await press(desk, "n")
    assert desk.where == "note"
    await eventually(lambda: any("the lease is held again" in line.text for line in cockpit.state.log))
    told = [entry.event for entry in journal.read(tmp_path / "session" / journal.FILE)]
    assert [event.held for event in told if isinstance(event, ev.LeaseChanged)] == [False, True]
    await cockpit.stop("test over")


async def test_the_helm_of_a_cockpit_elsewhere_is_taken_when_it_is_stale_and_the_first_sees_it(
    world: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path)
    first, desk = seat(settings, tmp_path / "one", "sre-1")
    await first.start()
    second, other = seat(settings, tmp_path / "two", "sre-2")
    await second.start()
    await press(other, "t")
    await hears(other)
    other.type("test")
    await press(other, "enter")
    assert "sre-1 on" in other.notice
    assert second.not_driving
    assert first._changeover is not None
    await first._changeover.end()  # as a process that hangs
    monkeypatch.setattr("migration_cockpit.session.lease.DURATION", 1.0)
    await eventually(lambda: second.driving is not None and second.driving.keeper.stale)
    await press(other, "enter")
    assert second.not_driving == ""
    assert first.driving is not None
    await first.driving.look()
    await press(desk, "1")
    assert "sre-2 on" in desk.notice
    await first.stop("test over")
    await second.stop("test over")


async def test_a_killed_driver_is_gone_on_with_at_once_in_its_directory(world: Cluster, tmp_path: Path) -> None:
    settings, session = make_settings(tmp_path), tmp_path / "session"
    program = (
        "import asyncio,sys\nfrom pathlib import Path\nfrom tests.cockpit.test_driving import seat\n"
        "from tests.connections.support import make_settings\n"
        "import migration_cockpit.sources as sources\nsources.all_sources=lambda *_: []\n"
        f"async def main():\n    c,_=seat(make_settings(Path({str(tmp_path)!r})),Path({str(session)!r}),'sre-1')\n"
        "    await c.start()\n    print('drives' if not c.not_driving else c.not_driving,flush=True)\n"
        "    await asyncio.sleep(100)\nasyncio.run(main())\n"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    assert (await child.stdout.readline()).decode().strip() == "drives"
    watcher, other = seat(settings, session, "sre-2")
    await watcher.start()
    assert "sre-1 on" in watcher.not_driving
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()
    again, _ = seat(settings, session, "sre-1")
    await again.start()
    assert again.not_driving == "", "the directory's lock proves that the other is dead"
    await again.stop("test over")
    await press(other, "t")
    await hears(other)
    other.type("test")
    await press(other, "enter")
    assert watcher.not_driving == ""
    assert watcher.state.resumption is not None
    await watcher.stop("test over")


async def test_without_a_screen_nothing_is_flown_while_another_drives(
    world: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(tmp_path)
    first, _ = seat(settings, tmp_path / "one", "sre-1")
    await first.start()
    second = Cockpit(settings, tmp_path / "two", operator="sre-2", steps=file_steps(tmp_path / "lines"))
    assert await fly(second, pause=0.05, signals=()) == 1
    assert "nothing was flown: sre-1 on" in capsys.readouterr().out
    await first.stop("test over")
    lock = SessionLock(tmp_path / "two")
    lock.take("nobody holds it any more")
    lock.release()


class SlowMemory(Memory):
    """A store whose next answer is on its way for as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.on_its_way: asyncio.Event | None = None

    async def read(self) -> Lease | None:
        found = await super().read()
        if (waiting := self.on_its_way) is not None:
            self.on_its_way = None
            await waiting.wait()
        return found


async def test_a_round_that_was_under_way_does_not_undo_a_helm_that_is_taken_meanwhile(tmp_path: Path) -> None:
    shelf, clock = SlowMemory(), SystemClock()
    first = Driving(shelf, clock, who("sre-1", tmp_path, clock), locked=True)
    second = Driving(shelf, clock, who("sre-2", tmp_path, clock), locked=False)
    await first.look()
    assert await first.offer("sre-2") == ""
    await second.look()
    shelf.on_its_way = answer = asyncio.Event()
    round_ = asyncio.create_task(second.look())
    await eventually(lambda: shelf.on_its_way is None)
    taking = asyncio.create_task(second.take())
    for _ in range(20):  # as far as it comes while the answer of before is on its way
        await asyncio.sleep(0)
    answer.set()
    assert await taking == ""
    await round_
    assert second.drives
    assert second.why_not == ""


async def test_a_helm_that_was_taken_without_the_sessions_directory_is_given_back(
    world: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migration_cockpit.cockpit.changeover.HAND_OVER_SECONDS", 0.3)
    settings, session = make_settings(tmp_path), tmp_path / "session"
    first, _ = seat(settings, session, "sre-1")
    await first.start()
    second, other = seat(settings, session, "sre-2")
    await second.start()
    assert first.driving is not None
    assert await first.driving.offer("sre-2") == ""
    assert first._changeover is not None
    await first._changeover.end()  # as a process that hangs: it lets go of nothing
    await eventually(lambda: second.driving is not None and second.driving.keeper.offered)
    await press(other, "t")
    taking = asyncio.create_task(press(other, "enter"))
    await eventually(lambda: "still holds the session's directory" in second.not_driving)
    await taking
    assert "does not let go of the session's directory: end its process" in other.notice
    assert "nobody drives" in second.not_driving, "a lease without the directory keeps everybody from flying"
    assert isinstance(second.recorder, Follower)
    first.note("still followed")
    await eventually(lambda: [note.text for _, note in second.state.notes] == ["still followed"])
    assert second.write_error == ""
    with (session / journal.FILE).open("ab") as file:
        file.write(b"no event\n")
    await eventually(lambda: "it cannot be followed" in second.write_error)
    await second.stop("test over")
    await first.stop("test over")
