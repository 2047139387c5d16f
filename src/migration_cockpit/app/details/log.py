"""A line of the log, whole, with those around it."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.spans import Line, line
from migration_cockpit.app.details.words import fact, heading, text
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.panes.log import entry_line
from migration_cockpit.session.state import State

AROUND = 5
"""Lines before and after it."""


def detail(state: State, now: datetime, key: str, width: int, rules: Rules) -> list[Line]:
    """The line as it was printed."""
    at, _, number = key.rpartition("|")
    same = [place for place, each in enumerate(state.log) if each.t.isoformat() == at]
    if int(number) >= len(same):
        return []
    place = same[int(number)]
    entry = state.log[place]
    lines = [line((f"{entry.t:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC", "title"))]
    lines += fact("from", entry.source, width)
    lines += fact("level", entry.level, width)
    lines += [*heading("Text"), *(each for said in entry.text.split("\n") for each in text(said, width, "bright"))]
    before, after = state.log[max(0, place - AROUND) : place], state.log[place + 1 : place + 1 + AROUND]
    if before:
        lines += [*heading("Before it"), *(entry_line(each) for each in before)]
    if after:
        lines += [*heading("After it"), *(entry_line(each) for each in after)]
    return lines
