"""The log: what the cockpit did, what the running step printed, and what people noted, newest at the end."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, line
from migration_cockpit.app.panes import starting
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.words import hms
from migration_cockpit.session.state import LogEntry, State

_GLYPHS = {"step": ("▶", "bold"), "good": ("✔", "good"), "careful": ("▲", "careful"), "bad": ("✖", "bad")}


def view(state: State, now: datetime, width: int, height: int, rules: Rules = Rules()) -> View:  # noqa: B008 - a pane's shape; immutable
    """All lines that State keeps; the journal has those before."""
    if not state.log:
        return starting.pane("log", width)
    return View(tuple(entry_line(entry) for entry in state.log), starting.titled("log"), (), follow=True)


@lru_cache(2048)
def entry_line(entry: LogEntry) -> Line:
    """One line: time, glyph, source where it is not the cockpit itself, text."""
    time = (f"{hms(entry.t)} ", "dim")
    if entry.source == "note":
        return line(time, ("✎ note ", "bright"), (entry.text, "bright"))
    glyph, tone = _GLYPHS.get(entry.level, (" ", "text"))
    if entry.source == "cockpit":
        return line(time, (f"{glyph} ", tone), (entry.text, tone))
    quiet = tone if entry.level in _GLYPHS else "dim"
    return line(time, (f"{glyph} ", tone), (f"{entry.source} ", "dim"), (tidy(entry.text), quiet))


_STAMP = re.compile(
    r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*?\]?\s+"  # 2026-05-16T10:21:11.819984Z, or in brackets
    r"(?:\{\S+\}\s+)?"  # {migration.py:211} of Airflow 2
    r"(?:\[?(?:debug|info|INFO|DEBUG)\s*\]?\s+(?:-\s+)?)?"
)


def tidy(text: str) -> str:
    """A printed line without its own time and place, which the log's first column and the source tell already."""
    short = re.sub(r"\s+\[[\w.]+\](?: loc=\S+)?$", "", _STAMP.sub("", text))
    return short or text
