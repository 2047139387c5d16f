"""Plays a recording: State at the moment that is shown, a clock that is the recording's, and the ways to move in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from migration_cockpit.advice.verdict import Verdict
from migration_cockpit.cockpit.shown import Mark, Track, TrackMark
from migration_cockpit.config import STEP_IDS
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.events import ClockJumped
from migration_cockpit.session.recording import Landmark, Recording
from migration_cockpit.session.state import State

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
TICK = 0.1
"""Seconds between two looks at how far the time has come."""
IDLE = timedelta(seconds=10)
"""A stretch without an event that is longer is skipped, where that is wanted."""
STEP_SIGNS = {step: "1234567890-"[n] for n, step in enumerate(STEP_IDS)}
FEW = 3000
"""Events up to which folding them is cheaper than seeking behind them."""


class PlayerClock(SystemClock):
    """Wall time is the moment that is shown; durations pass as they do."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The moment that is shown."""
        return self.moment


class Player:
    """A recording at a moment. What `Shown` asks for, and the ways to move."""

    write_error = ""

    def __init__(self, recording: Recording, *, speed: float = 1.0, skip_idle: bool = False) -> None:
        self.recording = recording
        self.clock = PlayerClock(recording.first.t)
        self.state = State()
        self.offset = 0
        """Bytes of the recording that are folded into State."""
        self.playing = False
        self.speed = speed
        self.skip_idle = skip_idle
        self.survey = recording.survey()
        self.steps: dict[str, datetime] = {}
        """When each step began."""
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False
        self._listeners: list[Callable[[], None]] = []
        self.complaints: list[str] = []
        self.judge: Callable[[State, datetime], Verdict | None] | None = None
        """Today's judge, where its word shall stand beside the recorded one."""
        self._learn_steps()
        self.to_offset(recording.first.end)

    # --- As the screen sees it -------------------------------------------------------------------------------------

    @property
    def mark(self) -> Mark:
        """REPLAY, and whether and how fast it plays."""
        other = self._otherwise()
        tone = "bad" if other else "good" if self.playing else "careful"
        if self.playing:
            skips = ", idle skipped" if self.skip_idle else ""
            return Mark("▶", f"{speed_words(self.speed)}{skips}{other}", tone, badge="REPLAY")
        return Mark("‖", f"paused{other}", tone, badge="REPLAY")

    def _otherwise(self) -> str:
        """What today's code says of this moment, where that was asked for and is another word than the recorded one."""
        recorded = self.state.verdict
        found = self.judge(self.state, self.clock.moment) if self.judge and recorded else None
        if found is None or recorded is None or found.word == recorded.verdict:
            return ""
        return f", today: {found.word}"  # short: it stands in the header

    @property
    def track(self) -> Track:
        """Where one is."""
        first, last = self.recording.first, self.recording.last
        return Track(
            begin=min(first.t, self.clock.moment),
            end=max(last.t, first.t),
            at=self.clock.moment,
            marks=tuple(self._marks()),
            steps=self.steps,
            event=self.state.seq,
            events=last.seq,
            note=self.note,
        )

    @property
    def note(self) -> str:
        """What is wrong or odd with the recording."""
        if self.recording.damage is not None:
            return "damaged"
        if self.recording.cut:
            return "incomplete"
        return "of a newer version" if self.survey.unknown else ""

    def missing(self) -> list[str]:
        """What is not shown of the recording, and why: a sentence each."""
        said = []
        recording = self.recording
        if recording.damage is not None:
            said.append(f"{recording.path}: {recording.damage.words()}; {recording.lost()}")
        if recording.cut:
            said.append(f"{recording.path}: {recording.cut}; what follows is missing")
        if self.survey.unknown:
            kinds = ", ".join(f"{kind} ({count})" for kind, count in sorted(self.survey.unknown.items()))
            said.append(
                f"{recording.path}: written by a newer cockpit: {self.survey.unknown.total()} events of kinds that "
                f"this one does not know are passed over: {kinds}"
            )
        return said

    def _marks(self) -> list[TrackMark]:
        steps = [TrackMark(at, "step", step, STEP_SIGNS.get(step, "│")) for step, at in self.steps.items()]
        others = [TrackMark(each.t, each.kind, each.text) for each in self.survey.landmarks if each.kind != "step"]
        return [*steps, *others]

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` when there is something new to draw."""
        self._listeners.append(changed)

    def look_at(self, pod: str) -> str:
        """A recording holds what was looked at when it was made."""
        return "this is a replay: what nobody looked at then is not recorded"

    def complain(self, text: str) -> None:
        """Nothing is written into a recording; it is kept for who asks."""
        self.complaints.append(text)

    async def start(self) -> None:
        """Begin to look the recording through, and to play; not when it was left before it began."""
        if self._stopped:
            return
        self.playing = True
        self._tasks = [
            asyncio.create_task(self._look_through(), name="survey"),
            asyncio.create_task(self._play(), name="player"),
        ]

    async def stop(self, reason: str) -> None:
        """End."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.recording.close()

    # --- Moving ----------------------------------------------------------------------------------------------------

    def to_time(self, t: datetime) -> None:
        """Show this moment, or the nearest that the recording has."""
        t = min(max(t, self.recording.first.t), max(self.recording.last.t, self.recording.first.t))
        self.offset = max(self.recording.first.end, self.recording.by_time(t))
        self.state = self.recording.state(self.offset)
        self.clock.moment = max(t, self.state.t or t)
        self._changed()

    def to_offset(self, offset: int) -> None:
        """Show what was there right after the line that ends at this offset."""
        self.offset = min(offset, self.recording.end)
        self.state = self.recording.state(self.offset)
        self.clock.moment = self.state.t or self.recording.first.t
        self._changed()

    def by_events(self, count: int) -> bool:
        """So many events on, or back; False at the recording's end or beginning."""
        wanted = max(1, self.state.seq + count)
        offset = self.recording.by_number(wanted)
        if offset == self.offset:
            return False
        self.to_offset(offset)
        return True

    def by_seconds(self, seconds: float) -> None:
        """So much later, or earlier."""
        self.to_time(self.clock.moment + timedelta(seconds=seconds))

    def to_landmark(self, kinds: frozenset[str], *, back: bool) -> Landmark | None:
        """To the next landmark of these kinds, or the one before; None where there is none."""
        marks = [each for each in self.survey.landmarks if each.kind in kinds and each.offset <= self.recording.end]
        found = (
            next((each for each in reversed(marks) if each.offset < self.offset), None)
            if back
            else next((each for each in marks if each.offset > self.offset), None)
        )
        if found is not None:
            self.to_offset(found.offset)
        return found

    def faster(self, by: int) -> None:
        """To the next speed, or the one before."""
        near = min(range(len(SPEEDS)), key=lambda n: abs(SPEEDS[n] - self.speed))
        self.speed = SPEEDS[min(max(near + by, 0), len(SPEEDS) - 1)]
        self._changed()

    def toggle(self) -> None:
        """Play, or pause; at the end, play from the beginning."""
        if not self.playing and self.offset >= self.recording.end:
            self.to_offset(self.recording.first.end)
        self.playing = not self.playing
        self._changed()

    def advance(self, seconds: float) -> None:
        """Let so much real time pass while playing."""
        target = self.clock.moment + timedelta(seconds=seconds * self.speed)
        moved, folded = False, 0
        for after, entry in self.recording.entries(self.offset):
            back = isinstance(entry.event, ClockJumped) and entry.t < self.clock.moment
            if back:
                target = entry.t
            elif self.skip_idle and entry.t - max(target, self.clock.moment) > IDLE and not moved:
                target = entry.t - timedelta(seconds=1)
                break
            if entry.t > target:
                break
            self.state = self.recording.fold(self.state, entry, after)
            self.offset, moved, folded = after, True, folded + 1
            if folded > FEW:  # a whole stretch lies between two looks
                self.to_time(target)
                return
        self.clock.moment = target
        if self.offset >= self.recording.end:
            self.clock.moment = max(self.state.t or target, self.recording.last.t)
            self.playing = False
        self._changed()

    # --- In the background -----------------------------------------------------------------------------------------

    async def _play(self) -> None:
        last = self.clock.monotonic()
        while True:
            await self.clock.sleep(TICK)
            now = self.clock.monotonic()
            passed, last = now - last, now
            if self.playing:
                self.advance(passed)

    async def _look_through(self) -> None:
        """Find the landmarks and make sure of the chain, a little at a time."""
        for _ in self.survey.go_on():
            await asyncio.sleep(0.002)
        self._looked_through()

    def look_through(self) -> None:
        """The same at once, where nobody waits for a screen."""
        for _ in self.survey.go_on():
            pass
        self._looked_through()

    def _looked_through(self) -> None:
        if self.survey.damage is not None:
            self.recording.stop_at(self.survey.damage)
            if self.offset > self.recording.end:
                self.to_offset(self.recording.end)
        self._learn_steps()
        self._changed()

    def _learn_steps(self) -> None:
        end = self.recording.state(self.recording.end)
        self.steps = {each.id: each.started for each in end.steps.values() if each.started is not None}

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def speed_words(speed: float) -> str:
    """How fast it plays: a fraction or a number, and times."""
    return {0.25: "¼", 0.5: "½"}.get(speed, f"{speed:g}") + "\N{MULTIPLICATION SIGN}"
