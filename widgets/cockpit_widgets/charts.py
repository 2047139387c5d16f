"""Charts and bars as lines of text: a course, a progress bar, a bar of time with marks, a status badge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cockpit_widgets.spans import Line, Span, line

BLOCKS = " ▁▂▃▄▅▆▇█"


def buckets(values: Sequence[float], cells: int) -> list[float]:
    """The newest values, one a cell at most: where there are more than cells, the largest of each group stands for it.

    Groups are counted from the oldest value, so that a growing course changes only its last cell.
    """
    if cells <= 0 or not values:
        return []
    size = -(-len(values) // cells)
    return [max(values[at : at + size]) for at in range(0, len(values), size)]


def course(values: Sequence[float], cells: int, *, tone: str = "chart", floor: float = 0.0) -> Line:
    """A chart one row high, growing to the right: its end is the newest value.

    `floor` is the least value that fills the chart's height: without it noise around zero would look like a mountain.
    """
    points = buckets(values, cells)
    top = max([floor, *points]) if points else 0.0
    if top <= 0:
        return line(("▁" * len(points), "track"))
    bars = "".join(BLOCKS[1 + min(7, int(max(0.0, value) / top * 7.999))] for value in points)
    return line((bars, tone))


def progress(done: float, total: float, cells: int, *, tone: str = "chart") -> Line:
    """A bar of `done` of `total`, filled to an eighth of a cell."""
    share = min(1.0, max(0.0, done / total)) if total > 0 else 0.0
    eighths = int(share * cells * 8)
    full, part = divmod(eighths, 8)
    filled = "█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")
    return line((filled, tone), ("░" * (cells - len(filled)), "track"))


@dataclass(frozen=True)
class Mark:
    """A place on a bar of time: at which share of it (0 to 1), and what stands there."""

    share: float
    label: str
    tone: str = "dim"


def timebar(share: float, marks: Sequence[Mark], cells: int) -> list[Line]:
    """A bar of time, `share` (0 to 1) of it gone, with a row of labels for its marks; three rows at most.

    Labels that would touch each other go one row lower; those with no room left are not shown.
    """
    here = min(cells - 1, max(0, round(share * (cells - 1))))
    bar = ["━" if at < here else "─" for at in range(cells)]
    ticks = {min(cells - 1, max(0, round(mark.share * (cells - 1)))): mark for mark in marks}
    for at in ticks:
        bar[at] = "┷" if at < here else "┬"
    bar[here] = "●"
    rows = [line(("".join(bar[:here]), "text"), (bar[here], "bold"), ("".join(bar[here + 1 :]), "dim"))]
    labels: list[dict[int, Mark]] = [{}, {}]
    ends = [-1, -1]
    for at, mark in sorted(ticks.items()):
        start = max(0, min(cells - len(mark.label), at - len(mark.label) // 2))
        level = next((n for n in (0, 1) if start > ends[n]), None)
        if level is None:
            continue
        labels[level][start] = mark
        ends[level] = start + len(mark.label)
    return rows + [_labels(level) for level in labels if level]


def _labels(marks: dict[int, Mark]) -> Line:
    spans: list[Span] = []
    position = 0
    for start, mark in sorted(marks.items()):
        spans += [(" " * (start - position), "text"), (mark.label, mark.tone)]
        position = start + len(mark.label)
    return line(*spans)


def badge(word: str, tone: str) -> Span:
    """A word set off from everything around it."""
    return f" {word} ", f"badge-{tone}"
