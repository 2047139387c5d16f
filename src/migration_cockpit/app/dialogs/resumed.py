"""What the last cockpit left behind, and what the world shows of it."""

from __future__ import annotations

from cockpit_widgets.spans import Line, line, wrap
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.words import GLYPHS, age, hms, plural, seconds_between
from migration_cockpit.session.recovery import found_words
from migration_cockpit.session.state import STEP_TITLES, InFlight, Resumption


class ResumedDialog(Dialog):
    """Grows while the world is looked at."""

    def heading(self) -> str:
        """Its title."""
        return "the session goes on"

    def text(self, width: int) -> list[Line]:
        """How it was left, then each operation that was in flight."""
        found = self._cockpit_app.state.resumption
        return resumption_lines(found, width) if found else []


def resumption_lines(found: Resumption, width: int) -> list[Line]:
    """How a session was left and what was found, in lines of at most `width`."""
    ago = age(seconds_between(found.last, found.at))
    how = f"left it: {found.left}" if found.left else "ended without a word: killed, or the machine went down"
    said = [f"{found.before} {how}. Its last event is of {hms(found.last)} UTC, {ago} before this start."]
    if found.torn:
        said.append(f"{plural(found.torn, 'byte')} of a half-written event were cut off; nothing rested on them.")
    if found.step:
        said.append(f"Step {STEP_TITLES.get(found.step, found.step)} was running. It goes on; what is done is found.")
    lines = [line((text, "text")) for each in said for text in wrap(each, width)]
    lines += [(), line(("What was begun and not ended", "bold"))]
    if not found.operations:
        return [*lines, line(("  nothing: every operation had come to its end", "dim"))]
    for each in found.operations:
        lines += _operation(each, width)
    return lines


def _operation(each: InFlight, width: int) -> list[Line]:
    came = each.outcome or each.found
    tone = "bad" if came == "failed" else "good" if came in {"done", "found"} else "careful" if came else "dim"
    glyph = GLYPHS[tone] if tone in GLYPHS else GLYPHS["waiting"]
    first, *rest = wrap(found_words(each), width - 4)
    return [line((f"  {glyph} ", tone), (first, "text")), *(line((f"    {text}", "text")) for text in rest)]
