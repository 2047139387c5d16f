"""Typing a phrase: sign for sign, by hand; what is pasted is not taken."""

from __future__ import annotations

import pytest
from textual import events
from textual.app import App, ComposeResult

from cockpit_widgets.confirm import TypeToConfirm, matched, phrase_line


class Asks(App[None]):
    """A field alone."""

    said = ""

    def compose(self) -> ComposeResult:
        """It."""
        yield TypeToConfirm(deaf=lambda: False, told=self.tell)

    def tell(self, text: str) -> None:
        self.said = text


async def test_it_is_typed_not_pasted() -> None:
    app = Asks()
    async with app.run_test() as pilot:
        field = app.query_one(TypeToConfirm)
        field.focus()
        await pilot.press("a", "i")
        field.post_message(events.Paste("airflow 1019"))
        await pilot.pause()
        assert field.value == "ai"
        assert "by hand" in app.said


@pytest.mark.parametrize(
    ("typed", "right", "word"),
    [
        ("", 0, ""),
        ("airf", 4, ""),
        ("airfoil", 4, "character 5"),
        ("airflow 1019", 12, "typed"),
        ("airflow 10199", 12, "differs"),
    ],
)
def test_it_says_how_much_is_right(typed: str, right: int, word: str) -> None:
    assert matched("airflow 1019", typed) == right
    said = "".join(text for text, _ in phrase_line("airflow 1019", typed))
    assert "airflow 1019" in said
    assert word in said
