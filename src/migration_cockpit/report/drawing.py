"""Charts as SVG that stands inside a page: no script, no file beside it, colours from the page's own style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import pairwise

from migration_cockpit.report.document import Chart, Mark, Plan
from migration_cockpit.session.words import number, size

WIDE, HIGH = 880, 190
LEFT, RIGHT, TOP, BOTTOM = 84, 16, 24, 24
ROW = 22
"""Height of a row of the plan."""
NAMES_WIDE = 164
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between two labels of a time axis."""
_GLYPHS = {"good": "✔", "careful": "▲", "bad": "✘", "": "○"}


def amount(value: float, unit: str) -> str:
    """A value of a chart with its unit."""
    if unit == "B/s":
        return f"{size(value)}/s"
    return f"{number(round(value, 6))}{'' if unit.startswith('/') or not unit else ' '}{unit}"


class _Axis:
    """Time from left to right."""

    def __init__(self, first: datetime, last: datetime, left: float, right: float) -> None:
        self.first, self.last = first, max(last, first + timedelta(seconds=1))
        self.left, self.right = left, right

    def x(self, t: datetime) -> float:
        """Where a moment lies; moments outside lie on the edge."""
        share = (t - self.first) / (self.last - self.first)
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)

    def labels(self, most: int = 9) -> list[tuple[float, str]]:
        """Round moments with their place."""
        seconds = (self.last - self.first).total_seconds()
        step = next((each for each in _STEPS if seconds / each <= most), math.ceil(seconds / most / 86400) * 86400)
        form = "%H:%M:%S" if step < 60 else "%H:%M" if seconds < 86400 else "%m-%d %H:%M"
        moment = math.ceil(self.first.timestamp() / step) * step
        found = []
        while moment <= self.last.timestamp():
            t = datetime.fromtimestamp(moment, UTC)
            found.append((self.x(t), t.strftime(form)))
            moment += step
        return found

    def drawn(self, top: float, bottom: float) -> list[str]:
        """Thin lines and the moments below them."""
        parts = []
        for x, label in self.labels():
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>')
            parts.append(f'<text class="axis" x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{label}</text>')
        return parts


def _svg(title: str, high: float, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDE} {high:g}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>\n{body}\n</svg>"
    )


def chart(drawn: Chart) -> str:
    """Courses over time, from zero up, with the level from before and the stretch that matters."""
    points = [point for course in drawn.courses for point in course.points]
    axis = _Axis(min(t for t, _ in points), max(t for t, _ in points), LEFT, WIDE - RIGHT)
    top = _nice(max([value for _, value in points] + ([drawn.level] if drawn.level is not None else [])))
    bottom = HIGH - BOTTOM

    def y(value: float) -> float:
        return bottom - max(0.0, value) / top * (bottom - TOP)

    parts = []
    if drawn.shade is not None:
        left, right = axis.x(drawn.shade[0]), axis.x(drawn.shade[1])
        if right - left > 1:
            parts.append(
                f'<rect class="shade" x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{bottom - TOP}"/>'
            )
            parts.append(f'<text class="axis" x="{left + 4:.1f}" y="{TOP + 12}">{escape(drawn.shade_name)}</text>')
    for share in (0.0, 0.5, 1.0):
        line = y(top * share)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{line:.1f}" x2="{WIDE - RIGHT}" y2="{line:.1f}"/>')
        said = escape(amount(top * share, drawn.unit))
        parts.append(f'<text class="axis" x="{LEFT - 6}" y="{line + 4:.1f}" text-anchor="end">{said}</text>')
    parts += axis.drawn(TOP, bottom)
    parts += _marks(drawn.marks, axis, TOP, bottom)
    if drawn.level is not None:
        line = y(drawn.level)
        parts.append(f'<line class="level" x1="{LEFT}" y1="{line:.1f}" x2="{WIDE - RIGHT}" y2="{line:.1f}"/>')
    for count, course in enumerate(drawn.courses):
        kind = f"course-{count % 2 + 1}"
        for stretch in _stretches(course.points):
            path = " ".join(f"{axis.x(t):.1f},{y(value):.1f}" for t, value in stretch)
            if len(stretch) == 1:
                t, value = stretch[0]
                parts.append(f'<circle class="{kind}" cx="{axis.x(t):.1f}" cy="{y(value):.1f}" r="2"/>')
            else:
                parts.append(f'<polyline class="{kind}" points="{path}"/>')
    parts += _legend(drawn)
    return _svg(drawn.title, HIGH, parts)


def _stretches(points: Sequence[tuple[datetime, float]]) -> list[list[tuple[datetime, float]]]:
    """The points without the gaps between them: no line is drawn where nothing was measured."""
    gaps = sorted(later[0] - earlier[0] for earlier, later in pairwise(points))
    longest = 5 * gaps[len(gaps) // 2] if gaps else timedelta()
    stretches: list[list[tuple[datetime, float]]] = []
    for point in points:
        if stretches and point[0] - stretches[-1][-1][0] <= longest:
            stretches[-1].append(point)
        else:
            stretches.append([point])
    return stretches


def _legend(drawn: Chart) -> list[str]:
    """The title, and what each kind of line is where there is more than one."""
    parts = [f'<text class="name" x="{LEFT}" y="14">{escape(drawn.title)}</text>']
    kinds = [(f"course-{count % 2 + 1}", course.name) for count, course in enumerate(drawn.courses)]
    if drawn.level is not None:
        kinds.append(("level", f"{drawn.level_name}: {amount(drawn.level, drawn.unit)}"))
    if len(kinds) < 2:
        return parts
    x = float(WIDE - RIGHT)
    for kind, name in reversed(kinds):
        parts.append(f'<text class="axis" x="{x}" y="14" text-anchor="end">{escape(name)}</text>')
        x -= 6.5 * len(name) + 8
        parts.append(f'<line class="{kind}" x1="{x - 24}" y1="10" x2="{x}" y2="10"/>')
        x -= 40
    return parts


def _marks(marks: Sequence[Mark], axis: _Axis, top: float, bottom: float) -> list[str]:
    parts = []
    for mark in marks:
        if not axis.first <= mark.t <= axis.last:
            continue
        x = axis.x(mark.t)
        anchor, off = ("end", -4) if x > WIDE - 120 else ("start", 4)
        parts.append(f'<line class="mark" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>')
        said = f'<text class="axis" x="{x + off:.1f}" y="{top + 10}" text-anchor="{anchor}">{escape(mark.text)}</text>'
        parts.append(said)
    return parts


def _nice(highest: float) -> float:
    """The next round number above, so that the axis has figures one can read."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= highest * 0.999)


def plan(drawn: Plan) -> str:
    """Every step's plan as an outline and its flight as a bar, with the outcome in words beside it."""
    spans = [each for bar in drawn.bars for each in (bar.planned, bar.actual) if each is not None]
    moments = [moment for each in spans for moment in each] + [mark.t for mark in drawn.marks]
    top, bottom = 24.0, 24.0 + ROW * len(drawn.bars) + 6
    axis = _Axis(min(moments), max(moments), NAMES_WIDE, WIDE - 100)
    parts = axis.drawn(top, bottom)
    parts += _marks(drawn.marks, axis, top - 14, bottom)
    for count, bar in enumerate(drawn.bars):
        y = top + 4 + count * ROW
        parts.append(f'<text class="name" x="0" y="{y + 13}">{count + 1} {escape(bar.name)}</text>')
        left, right = axis.x(bar.planned[0]), axis.x(bar.planned[1])
        parts.append(f'<rect class="plan" x="{left:.1f}" y="{y}" width="{max(1.0, right - left):.1f}" height="6"/>')
        end = right
        if bar.actual is not None:
            left, right = axis.x(bar.actual[0]), axis.x(bar.actual[1])
            wide = max(2.0, right - left)
            parts.append(
                f'<rect class="flown {bar.tone}" x="{left:.1f}" y="{y + 7}" width="{wide:.1f}" height="8" rx="1"/>'
            )
            end = max(end, left + wide)
        said = f"{_GLYPHS.get(bar.tone, '○')} {bar.said}"
        parts.append(f'<text class="axis" x="{end + 6:.1f}" y="{y + 13}">{escape(said)}</text>')
    return _svg(drawn.title, bottom + 22, parts)
