"""Colours: every tone in every theme, contrast by WCAG 2.1, and nothing but weight where there is no colour."""

from __future__ import annotations

import dataclasses

import pytest
from rich.color import Color

from migration_cockpit.app import refuse_terminal
from migration_cockpit.app.theme import DARK, LIGHT, SIXTEEN, THEMES, Colours, palette, plain_palette

AA = 4.5
"""The least contrast of text that WCAG's level AA takes."""


def luminance(name: str) -> float:
    """Relative luminance, WCAG 2.1."""
    parts = [part / 255 for part in Color.parse(name).get_truecolor()]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.1."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [DARK, LIGHT])
def test_text_has_the_contrast_of_aa(colours: Colours) -> None:
    for ground in (colours.ground, colours.raised):
        for name in ("text", "bright", "dim", "good", "careful", "bad"):
            assert contrast(getattr(colours, name), ground) >= AA, (name, ground)
    for name in ("good", "careful", "bad"):
        assert contrast(getattr(colours, f"on_{name}"), getattr(colours, name)) >= AA, name


def test_themes_and_plain_have_the_same_tones() -> None:
    tones = set(palette(DARK))
    assert all(set(palette(colours)) == tones for colours in THEMES.values())
    assert set(plain_palette()) == tones


def test_plain_has_no_colour_and_tells_badges_by_reverse() -> None:
    for tone, style in plain_palette().items():
        assert style.color is None
        assert style.bgcolor is None
        assert bool(style.reverse) == tone.startswith("badge-")


def test_sixteen_uses_only_the_terminals_own_colours() -> None:
    for field in dataclasses.fields(SIXTEEN):
        value = getattr(SIXTEEN, field.name)
        if isinstance(value, str):
            number = Color.parse(value).number
            assert number is not None
            assert number < 16


@pytest.mark.parametrize(
    ("term", "refused"), [("dumb", True), ("unknown", True), ("xterm-256color", False), ("", False)]
)
def test_a_dumb_terminal_is_refused_with_a_sentence(term: str, refused: bool) -> None:
    said = refuse_terminal({"TERM": term})
    assert bool(said) == refused
    assert not refused or "--headless" in said
