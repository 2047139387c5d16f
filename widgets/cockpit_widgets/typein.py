"""A field one types in, deaf while `deaf()` says so: what was typed before a dialog was seen does not land in it."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.widgets import Input


class TypeIn(Input):
    """One line of text without blinking or animation."""

    def __init__(self, placeholder: str, *, deaf: Callable[[], bool], id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(placeholder=placeholder, id=id, select_on_focus=False)
        self.cursor_blink = False
        self._deaf = deaf

    async def _on_key(self, event: events.Key) -> None:
        if self._deaf():
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def _on_paste(self, event: events.Paste) -> None:
        """Put in all of a pasted text, once: Textual would go on to Input's own handler, which takes its first line."""
        event.stop()
        event.prevent_default()
        if not self._deaf():
            self.replace(one_line(event.text), *self.selection)


def one_line(text: str) -> str:
    """A text as one line without control characters: what is pasted may have several, and colours."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())
