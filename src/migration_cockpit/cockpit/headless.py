"""The cockpit without a screen: a line per event of interest, and a table of the steps at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from signal import Signals

from migration_cockpit.cockpit import autopilot
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.outcome import exit_code
from migration_cockpit.session import events as ev
from migration_cockpit.session.journal import Entry, JournalError
from migration_cockpit.session.state import STEP_TITLES, LogEntry, State

LOOK_EVERY = 0.5
"""Seconds between two looks whether the journal can be written."""


async def fly(
    cockpit: Cockpit, *, pause: float, signals: Iterable[Signals], back: autopilot.GoBack | None = None
) -> int:
    """Fly by autopilot, and back where that is ordered; the cockpit is stopped at the end.

    Returns the exit code, 128 + n when signal n ended it.
    """
    printer = Printer()
    cockpit.recorder.listeners.append(printer.show)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    got: list[Signals] = []

    def end(number: Signals) -> None:
        got.append(number)
        ended.set()

    for number in signals:
        loop.add_signal_handler(number, end, number)
    try:
        await cockpit.start()
    except JournalError as error:
        await cockpit.stop("it could not be started")
        say(f"the session cannot be started: {error}")
        return 1
    if cockpit.driving is not None and cockpit.driving.other is not None:
        why = cockpit.not_driving
        await cockpit.stop("another cockpit drives")
        say(f"nothing was flown: {why}")
        return 1
    desk = Desk(cockpit)

    async def press(key: str) -> None:
        await desk.press(key)

    async def write(text: str) -> None:
        desk.type(text)

    flight = asyncio.create_task(autopilot.fly(desk, press, write, pause=pause, back=back))
    stop = asyncio.create_task(ended.wait())
    disk = asyncio.create_task(_tell_of_the_disk(cockpit))
    await asyncio.wait({flight, stop}, return_when=asyncio.FIRST_COMPLETED)
    why = ""
    if flight.done():
        why = flight.result()
    else:
        flight.cancel()
        await asyncio.gather(flight, return_exceptions=True)
    stop.cancel()
    disk.cancel()
    over = "the way back was flown" if cockpit.state.rollback else "every step was flown"
    reason = f"signal {got[0].name}" if got else (why or over)
    await cockpit.stop(reason)
    say(f"\n{table(cockpit.state)}")
    say(f"\n{reason}\nsession {cockpit.recorder.directory}")
    return 128 + got[0] if got else exit_code(cockpit.state, asked_back=back is not None)


async def _tell_of_the_disk(cockpit: Cockpit) -> None:
    """Say that the journal cannot be written, which no event can tell, and that it can be again."""
    told = ""
    while True:
        if (why := cockpit.write_error) and not told:
            say(f"the journal cannot be written, no step runs: {why}")
        elif told and not why:
            say("the journal can be written again")
        told = why
        await cockpit.clock.sleep(LOOK_EVERY)


def say(text: str) -> None:
    """Print a line at once. Where nobody reads any more (a closed pipe, a terminal that is gone) the flight goes on."""
    with suppress(OSError, ValueError):
        print(text, flush=True)


class Printer:
    """Prints what State's log gains, so that headless and screen tell the same story."""

    def __init__(self) -> None:
        self._last: LogEntry | None = None

    def show(self, entry: Entry, state: State) -> None:
        """Print the newest line of the log when this event added one, and the checks of a step that failed."""
        newest = state.log[-1] if state.log else None
        if newest is None or newest is self._last:
            return
        self._last = newest
        say(f"{newest.t:%H:%M:%S} {newest.source:8} {newest.text}")
        if isinstance(entry.event, ev.StepEnded | ev.RollbackStageEnded):
            for check in entry.event.checks:
                say(f"{'':8} {'':8}   {'✔' if check.holds and check.known else '✘'} {check.name}: {check.found}")


def table(state: State) -> str:
    """The steps with planned and actual times and outcomes."""
    rows = [f"{'':3}{'step':22}{'planned':10}{'actual':10}{'took':>8}  outcome"]
    for number, step in enumerate(state.steps.values(), start=1):
        took = f"{(step.ended - step.started).total_seconds():.1f} s" if step.started and step.ended else ""
        outcome = step.outcome or ("running" if step.running else "not flown")
        line = (
            f"{number:<3}{STEP_TITLES[step.id]:22}{_time(step.planned):10}{_time(step.started):10}{took:>8}  {outcome}"
        )
        rows.append(line)
    passed = sum(step.outcome == "verified" for step in state.steps.values())
    return "\n".join([*rows, f"{passed} of {len(state.steps)} verified", *_back(state)])


def _back(state: State) -> list[str]:
    """The stages of the way back, where one was begun."""
    back = state.rollback
    if back is None:
        return []
    rows = [f"\n{'':3}{'way back: ' + back.way:32}{'actual':10}{'took':>8}  outcome"]
    for number, stage in enumerate(back.stages, start=1):
        took = f"{(stage.ended - stage.started).total_seconds():.1f} s" if stage.started and stage.ended else ""
        outcome = stage.outcome or ("running" if stage.running else "not flown")
        rows.append(f"{number:<3}{stage.title:32}{_time(stage.started):10}{took:>8}  {outcome}")
    return [*rows, back.outcome or "not ended"]


def _time(moment: datetime | None) -> str:
    return f"{moment:%H:%M:%S}" if moment else "—"
