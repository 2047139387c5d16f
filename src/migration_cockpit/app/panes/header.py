"""The header: which deployment this is, production or not, in reverse and in words; clock, window, record, driver."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, Span, clip, fit, line
from cockpit_widgets.spans import width as cells
from migration_cockpit.app.words import hms, long, seconds_between
from migration_cockpit.cockpit.shown import LIVE, Mark
from migration_cockpit.session.state import State

GAP: Span = ("   ", "bar")


def banner(state: State) -> Span:
    """PRODUCTION, rehearsal or staging: what a key press here would change."""
    session = state.session
    if session is None:
        return " starting ", "bar-dim"
    if session.rehearsal:
        return " rehearsal ", "badge-good"
    return (" PRODUCTION ", "badge-bad") if session.production else (" staging ", "badge-careful")


def view(state: State, now: datetime, width: int, height: int, mark: Mark = LIVE) -> View:
    """One row where everything fits, else two; what does not fit in the end is the least urgent."""
    where = _where(state)
    where[0] = line(*_badge(mark), where[0])
    vital, more = [_clock(now), _mark(mark)], [_window(state, now), *_people(state, now)]
    if height <= 1:
        bare = [*where[:2], where[3]]
        place = cells(_fill(bare, vital, 10_000)) + cells(where[2]) <= width
        return View((fit(_fill(where if place else bare, [*vital, *more], width), width, tone="bar"),))
    first = _fill([*where[:2], where[3]], vital, width)
    second = _fill([where[2]], more, width)
    return View((fit(first, width, tone="bar"), fit(second, width, tone="bar")))


def _fill(always: list[Line], parts: list[Line], width: int) -> Line:
    """As many parts as fit, in order of their weight."""
    row = line(*always)
    for part in parts:
        if part and cells(row) + cells(part) + 3 <= width:
            row = line(row, GAP, part)
    return clip(row, width)


def _where(state: State) -> list[Line]:
    session = state.session
    if session is None:
        return [line(banner(state)), line((" no session yet", "bar-dim")), (), ()]
    place = f" {session.context} / {session.namespace}"
    versions = line(GAP, (session.source_version, "bar"), (" → ", "bar-dim"), (session.target_version, "bar-bold"))
    return [line(banner(state)), line((f" {session.deployment}", "bar-bold")), line((place, "bar-dim")), versions]


def _clock(now: datetime) -> Line:
    return line((hms(now), "bar-bold"), ("Z", "bar"))


def _window(state: State, now: datetime) -> Line:
    if state.window_end is None:
        return ()
    left = (state.window_end - now).total_seconds()
    if left <= 0:
        return line((f"▲ window closed {long(-left)} ago", "bar-bad"))
    tone = "bar-careful" if left < 3600 else "bar-bold"
    return line(("▲ " if left < 3600 else "", tone), ("window closes in ", "bar-dim"), (long(left), tone))


def _badge(mark: Mark) -> Line:
    """That this is not the flight itself: in reverse and in a word."""
    return line((f" {mark.badge} ", "badge-plain"), (" ", "bar")) if mark.badge else ()


def _mark(mark: Mark) -> Line:
    tone = "bar" if mark.level == "info" else f"bar-{mark.level}"
    return line((f"{mark.glyph} ", tone), (mark.word, "bar" if mark is LIVE else tone))


def _people(state: State, now: datetime) -> list[Line]:
    """The driver, and the credentials that end first; these before the driver when they end before the window does."""
    driver = line(("driver ", "bar-dim"), (state.driver.operator, "bar")) if state.driver else ()
    if not state.credentials:
        return [driver]
    name, ends = min(state.credentials.items(), key=lambda item: item[1])
    left = seconds_between(now, ends)
    soon = state.window_end is not None and ends < state.window_end
    glyph = "✖ " if left <= 0 else "▲ " if soon else ""
    tone = "bar-bad" if left <= 0 else "bar-careful" if soon else "bar"
    credentials = line((glyph, tone), (f"{name} ", "bar-dim"), (long(left) if left > 0 else "expired", tone))
    return [credentials, driver] if glyph else [driver, credentials]
