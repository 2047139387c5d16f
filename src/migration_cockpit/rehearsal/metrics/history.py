"""History for a world that has just begun.

A soak compares with the twenty minutes before the migration, which a rehearsal that took seconds to start does not
have. It gets them from what its own components sent while it warmed up, and nothing else: every step backwards repeats
one measured interval, the same for all series, so that a timer's sum and count stay together.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from migration_cockpit.rehearsal.metrics.tsdb import Labels, Sample, Store

MOST_SERIES = 500
PER_DAG = frozenset({"dag_id", "dag_file", "task_id"})


def invent(
    store: Store, kind: Callable[[str], str], seconds: float, step: float, random: Random, marker: Labels
) -> int:
    """Write history of ``seconds`` with a point every ``step`` for every series but those of single DAGs."""
    scrapes = len(store.scrapes)
    if scrapes < 3:
        return 0
    points = int(seconds / step)
    moments = [store.scrapes[0] - step * number for number in range(points, 0, -1)]
    interval = (store.scrapes[-1] - store.scrapes[0]) / (scrapes - 1)
    repeats = max(1, round(step / interval))
    begin = _settled(store, scrapes)
    drawn = [[random.randrange(begin, scrapes) for _ in range(repeats)] for _ in moments]
    done = 0
    for series in list(store.named(None))[:MOST_SERIES]:
        labels = dict(series.labels)
        if PER_DAG & labels.keys():
            continue
        values = [series.at(number) for number in range(scrapes)]
        if kind(labels["__name__"]) == "counter" and "quantile" not in labels:
            past = _counted(values, moments, drawn)
        else:
            past = [
                (moment, value)
                for moment, draw in zip(moments, drawn, strict=True)
                if (value := values[draw[0]]) is not None
            ]
        if past:
            store.backfill(series.labels, past)
            done += 1
    store.backfill(marker, ((moment, 1.0) for moment in moments))
    return done


def _settled(store: Store, scrapes: int) -> int:
    """Return the scrape from which on half of the series were there: the empty beginning is nobody's history."""
    firsts = sorted(series.first[0] for series in store.named(None) if series.first)
    return min(max(1, firsts[len(firsts) // 2] if firsts else 1), scrapes - 1)


def _counted(values: list[float | None], moments: list[float], drawn: list[list[int]]) -> list[Sample]:
    """Let a counter rise by increments that were measured; it began at zero before it was first seen."""
    rises = [0.0] + [max(0.0, (after or 0.0) - (before or 0.0)) for before, after in itertools.pairwise(values)]
    total = 0.0
    past = []
    for moment, draw in zip(moments, drawn, strict=True):
        total += sum(rises[number] for number in draw)
        past.append((moment, total))
    return past
