"""The track of a recording: where one is in it, and where its steps, incidents and notes are."""

from __future__ import annotations

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, Span, fit, line
from cockpit_widgets.spans import width as cells
from migration_cockpit.app.words import hms
from migration_cockpit.cockpit.shown import Track

_SIGNS = {"incident": ("✖", "bar-bad"), "note": ("✎", "bar-bold"), "verdict": ("▲", "bar-careful")}
_WEIGHT = {"verdict": 1, "note": 2, "step": 3, "incident": 4}
LEAST = 12


def view(track: Track | None, width: int) -> View:
    """One row: the beginning, the bar with its signs, the end, the event's number."""
    if track is None:
        return View(())
    left = line((f" {hms(track.begin)} ", "bar-dim"))
    number = f" · event {track.event:,}" + (f" of {track.events:,}" if track.events else "")
    note = f" · {track.note}" if track.note else ""
    right = line((f" {hms(track.end)}", "bar-dim"), (number, "bar"), (note, "bar-careful"))
    room = width - cells(left) - cells(right) - 1
    if room < LEAST:
        right = line((f" {hms(track.end)}", "bar-dim"))
        room = max(1, width - cells(left) - cells(right) - 1)
    return View((fit(line(left, _bar(track, room), right), width, tone="bar"),))


def _bar(track: Track, width: int) -> Line:
    length = max(1e-6, (track.end - track.begin).total_seconds())

    def cell(seconds: float) -> int:
        return max(0, min(width - 1, int(seconds / length * width)))

    here = cell((track.at - track.begin).total_seconds())
    spans: list[Span] = [("━", "bar-good") if n < here else ("─", "bar-dim") for n in range(width)]
    weight = [0] * width
    for mark in sorted(track.marks, key=lambda one: one.at):
        n = cell((mark.at - track.begin).total_seconds())
        if _WEIGHT.get(mark.kind, 0) >= weight[n]:
            weight[n] = _WEIGHT.get(mark.kind, 0)
            spans[n] = (mark.sign, "bar-bold") if mark.kind == "step" else _SIGNS[mark.kind]
    spans[here] = ("█", "bar-bold")
    return tuple(spans)
