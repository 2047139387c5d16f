"""Jumping to a moment of a recording."""

from __future__ import annotations

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.writing import Writing
from migration_cockpit.app.words import hms
from migration_cockpit.session.state import STEP_TITLES


class JumpDialog(Writing):
    """A moment is typed; the steps stand above it with their beginnings."""

    asks = "Moment:"

    def heading(self) -> str:
        """Its title."""
        return "jump to a moment"

    def text(self, width: int) -> list[Line]:
        """What it takes, and where the steps begin."""
        takes = (
            "10:32 or 10:32:07 (UTC), 2026-05-16T10:32:07Z, +5m and -90s from here, step:5 or step:migrate for the "
            "beginning of a step, start, end."
        )
        lines: list[Line] = [line((text, "dim")) for text in wrap(takes, width)]
        track = self._cockpit_app.shown.track
        if track is None:
            return lines
        lines += [
            (),
            line(
                (f"The recording goes from {track.begin:%Y-%m-%d %H:%M:%S}", "text"),
                (f" to {track.end:%Y-%m-%d %H:%M:%S}.", "text"),
            ),
        ]
        for number, (step, at) in enumerate(track.steps.items(), start=1):
            lines.append(
                line((f"{number:>3} ", "bold"), (f"{STEP_TITLES.get(step, step):22}", "text"), (hms(at), "text"))
            )
        return lines
