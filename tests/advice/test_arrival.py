"""The time of arrival on a machine whose disk is slow: what the batches tell of the work that comes after them."""

from __future__ import annotations

import gzip
import statistics
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from migration_cockpit.advice.progress import progress
from migration_cockpit.session import journal
from migration_cockpit.session.fold import fold
from migration_cockpit.session.state import State
from tests.advice.recorded import DATA


def held() -> Iterator[tuple[datetime, State]]:
    """2.11.2 to 3.2.2, 300,000 task instances, one core and half of the disk: the journal of the benchmark."""
    state = State()
    for line in gzip.decompress((DATA / "held.jsonl.gz").read_bytes()).splitlines(keepends=True):
        found = journal.envelope(line)
        event = journal.event_of(found)
        assert event is not None
        state = fold(state, event, found.t, found.seq)
        yield found.t, state


def test_batches_that_wait_for_the_disk_tell_how_slow_what_follows_will_be() -> None:
    states = list(held())
    begun, ended = states[-1][1].migration.created, states[-1][1].migration.ended
    assert begun is not None
    assert ended is not None
    whole = (ended - begun).total_seconds()
    errors: dict[float, list[float]] = {0.25: [], 0.5: []}
    ranges: list[bool] = []
    for (moment, state), (until, _) in pairwise(states):
        while begun <= moment < min(until, ended):
            far = progress(state, moment)
            gone = (moment - begun).total_seconds() / whole
            if far is not None and far.eta is not None:
                ranges.append(far.eta.low <= ended <= far.eta.high)
                for at in errors:
                    if abs(gone - at) < 0.03:
                        errors[at].append(abs((far.eta.likely - ended).total_seconds()) / (1 - gone) / whole)
            moment += timedelta(seconds=0.5)
    assert statistics.median(errors[0.25]) <= 0.15
    assert statistics.median(errors[0.5]) <= 0.10
    assert statistics.fmean(ranges) >= 0.8
    large = next(run for run in states[-1][1].migration.revisions if run.revision == "d59cbbef95eb")
    assert 0.5 < large.stalled / large.looks < 0.8


def test_what_the_end_rests_on_is_the_speed_only_once_large_work_told_of_it() -> None:
    said: list[str] = []
    for moment, state in held():
        far = progress(state, moment)
        if far is not None and far.eta is not None and far.eta.rests not in said:
            said.append(far.eta.rests)
    assert said == ["sizes and built-in rates", "the speed so far and built-in rates"]
