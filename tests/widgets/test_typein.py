"""The field one types in: what is pasted arrives, whole and once."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult

from cockpit_widgets.typein import TypeIn, one_line


class _Form(App[None]):
    def compose(self) -> ComposeResult:
        yield TypeIn("", deaf=lambda: False)


async def test_pasted_text_goes_in_once_with_all_its_lines() -> None:
    app = _Form()
    async with app.run_test() as pilot:
        field = app.query_one(TypeIn)
        field.focus()
        await pilot.press("a", "z", "left")
        app.post_message(events.Paste("checked by hand:\n  3 tasks\r\nare gone"))
        await pilot.pause()
        assert field.value == "achecked by hand: 3 tasks are gonez"
        await pilot.press("!")
        assert field.value == "achecked by hand: 3 tasks are gone!z"


async def test_pasted_text_replaces_what_is_selected() -> None:
    app = _Form()
    async with app.run_test() as pilot:
        field = app.query_one(TypeIn)
        field.focus()
        await pilot.press("a", "b", "c", "shift+left", "shift+left")
        app.post_message(events.Paste("xy"))
        await pilot.pause()
        assert field.value == "axy"


def test_one_line_has_no_control_characters() -> None:
    assert one_line("\x1b[31mred\x07\ttwo\n\nthree ✔") == "[31mred two three ✔"
    assert one_line(" \n ") == ""
