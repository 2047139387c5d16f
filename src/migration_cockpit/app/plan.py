"""Where each part of the screen stands, for any size: a pure function, so that a test can try every size."""

from __future__ import annotations

from dataclasses import dataclass

Rect = tuple[int, int, int, int]
"""x, y, width, height in cells."""

PANES = ("timeline", "pods", "tasks", "database", "scheduler", "log")
"""The panes in the order in which Tab goes through them."""
WIDE, MEDIUM = 150, 116
"""Widths from which there are three columns, and two."""
TALL, MIDDLE = 44, 36
"""Heights from which three columns, and two, have room for every pane."""
HUGE = 196
"""Width from which a fourth column has room: what stands behind the step and the database, without opening it."""
FOURTH = (40, 76)
"""Its width in cells, at least and at most."""
BESIDE = ("behind", "sessions")
"""The parts of the fourth column. They follow the panes and are not selected: `d` opens what they tell, whole."""


@dataclass(frozen=True)
class Looking:
    """What the viewer has chosen to look at: which pane, and whether it fills the screen."""

    pane: str = "timeline"
    zoom: bool = False


def columns(width: int, height: int) -> int:
    """How many columns of panes there are; one means one pane at a time with a strip of badges for the others."""
    if width >= WIDE and height >= TALL:
        return 4 if width >= HUGE else 3
    return 2 if width >= MEDIUM and height >= MIDDLE else 1


def compact(width: int, height: int) -> bool:
    """Whether one pane is shown at a time."""
    return columns(width, height) == 1


def plan(width: int, height: int, looking: Looking, *, track: bool = False) -> dict[str, Rect]:
    """Rectangle by part. Parts that are not named are not on the screen. A track takes the row above the footer."""
    if track:
        rects = plan(width, height - 1, looking)
        return rects | {"track": (0, height - 2, width, 1), "footer": (0, height - 1, width, 1)}
    return _compact(width, height, looking) if compact(width, height) else _full(width, height, looking)


def _compact(width: int, height: int, looking: Looking) -> dict[str, Rect]:
    """Header and timeline in two rows each, badges, one pane, advice, footer: 80x24 is the least that shows it well."""
    advice = 5 if height >= 24 else 4
    pane = max(3, height - 4 - 1 - advice - 1)
    top = 5
    return {
        "header": (0, 0, width, 2),
        "strip": (0, 2, width, 2),
        "badges": (0, 4, width, 1),
        looking.pane: (0, top, width, pane),
        "advice": (0, top + pane, width, advice),
        "footer": (0, top + pane + advice, width, 1),
    }


def _full(width: int, height: int, looking: Looking) -> dict[str, Rect]:
    header = 1 if width >= WIDE else 2
    advice = 5
    body = height - header - advice - 1
    frame: dict[str, Rect] = {
        "header": (0, 0, width, header),
        "advice": (0, header + body, width, advice),
        "footer": (0, height - 1, width, 1),
    }
    if looking.zoom:
        return frame | {looking.pane: (0, header, width, body)}
    arranged = {2: _two, 3: _three, 4: _four}[columns(width, height)]
    return frame | arranged(width, header, body)


def _four(width: int, y: int, body: int) -> dict[str, Rect]:
    """Three columns as they are at 160 cells; what is left over says more instead of standing empty."""
    fourth = max(FOURTH[0], min(FOURTH[1], width - 160))
    x = width - fourth
    sessions = min(16, max(10, body // 3))
    return _three(x, y, body) | {
        "behind": (x, y, fourth, body - sessions),
        "sessions": (x, y + body - sessions, fourth, sessions),
    }


def _three(width: int, y: int, body: int) -> dict[str, Rect]:
    left = 52 if width < HUGE else 68
    middle = (width - left) // 2
    right = width - left - middle
    metrics = min(16, max(13, body - 26))
    log = max(8, min(body // 3 + 2, body - 24))
    upper = body - log
    tasks = min(12, max(8, upper // 2 - 2))
    return {
        "timeline": (0, y, left, body - metrics),
        "scheduler": (0, y + body - metrics, left, metrics),
        "pods": (left, y, middle, upper - tasks),
        "tasks": (left, y + upper - tasks, middle, tasks),
        "database": (left + middle, y, right, upper),
        "log": (left, y + upper, width - left, log),
    }


def _two(width: int, y: int, body: int) -> dict[str, Rect]:
    left, tasks, pods = 56, 9, 10
    right = width - left
    timeline = max(16, body - tasks - 16)
    log = max(5, body // 4 - 1)
    return {
        "timeline": (0, y, left, timeline),
        "tasks": (0, y + timeline, left, tasks),
        "scheduler": (0, y + timeline + tasks, left, body - timeline - tasks),
        "pods": (left, y, right, pods),
        "database": (left, y + pods, right, body - pods - log),
        "log": (left, y + body - log, right, log),
    }
