"""Where today's code would judge a recorded migration otherwise than it was judged then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from migration_cockpit.advice.verdict import Verdict, judge
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.state import State

EVERY = timedelta(seconds=1)
LASTS = timedelta(seconds=3)
"""A verdict was recorded up to a second after what it rests on: a shorter difference is none."""
LONGEST = timedelta(minutes=10)
"""A longer stretch without an event was not judged then: the cockpit was away."""

Judge = Callable[[State, datetime], Verdict | None]


@dataclass(frozen=True)
class Difference:
    """A stretch in which the two differ."""

    begin: datetime
    end: datetime
    recorded: str
    now: str
    evidence: str


def differences(recording: Recording, judged: Judge = judge) -> Iterator[Difference]:
    """Each stretch in which today's verdict is another word than the recorded one, in their order."""
    state = State()
    open_one: Difference | None = None
    for after, entry in recording.entries(0):
        moment = state.t
        while moment is not None and moment < entry.t and entry.t - moment < LONGEST:
            found = judged(state, moment)
            said = state.verdict.verdict if state.verdict else "nothing"
            same = found is None or found.word == said
            if open_one is not None and (
                same or found is None or (said, found.word) != (open_one.recorded, open_one.now)
            ):
                if moment - open_one.begin >= LASTS:
                    yield open_one
                open_one = None
            if found is not None and not same:
                begin = open_one.begin if open_one else moment
                open_one = Difference(begin, moment, said, found.word, found.evidence)
            moment += EVERY
        state = recording.fold(state, entry, after)
    if open_one is not None and open_one.end - open_one.begin >= LASTS:
        yield open_one
