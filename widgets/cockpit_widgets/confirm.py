"""Typing a phrase in order to confirm: by hand, sign for sign; a paste is not taken."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from cockpit_widgets.spans import Line, line
from cockpit_widgets.typein import TypeIn


class TypeToConfirm(TypeIn):
    """A field for a phrase that stands for a decision: what is pasted was not read, so it is dropped and said."""

    def __init__(self, *, deaf: Callable[[], bool], told: Callable[[str], None], id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__("", deaf=deaf, id=id)
        self._told = told

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self._told("this is typed by hand: pasted text is not taken")


def matched(phrase: str, typed: str) -> int:
    """How many characters of the phrase are typed rightly, from its beginning."""
    return next(
        (n for n, (want, got) in enumerate(zip(phrase, typed, strict=False)) if want != got),
        min(len(phrase), len(typed)),
    )


def phrase_line(phrase: str, typed: str) -> Line:
    """The phrase, what is typed of it already told apart, and in words whether it is whole or where it goes wrong."""
    right = matched(phrase, typed)
    wrong = right < len(typed)
    said = "   ✔ typed" if typed == phrase else f"   ✖ differs from its character {right + 1}" if wrong else ""
    tone = "good" if typed == phrase else "careful"
    return line(("   ", "text"), (phrase[:right], "good-bold"), (phrase[right:], "bad-bold"), (said, tone))
