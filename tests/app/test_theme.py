"""Colours: every tone in every theme, contrast by WCAG 2.1, and nothing but weight where there is no colour."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from rich.color import Color

from migration_cockpit.app import refuse_terminal
from migration_cockpit.app.theme import (
    DARK,
    DEUTERANOPIA,
    LIGHT,
    SIXTEEN,
    THEMES,
    TRITANOPIA,
    Colours,
    palette,
    plain_palette,
)

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


@pytest.mark.parametrize("colours", [DARK, LIGHT, DEUTERANOPIA, TRITANOPIA])
def test_text_has_the_contrast_of_aa(colours: Colours) -> None:
    for ground in (colours.ground, colours.raised):
        for name in ("text", "bright", "dim", "good", "careful", "bad"):
            assert contrast(getattr(colours, name), ground) >= AA, (name, ground)
    for name in ("good", "careful", "bad"):
        assert contrast(getattr(colours, f"on_{name}"), getattr(colours, name)) >= AA, name


DEFICIENT = {
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""What a colour becomes for somebody without one kind of cones, on linear RGB: Machado, Oliveira, Fernandes 2009."""


def seen(name: str, deficiency: str) -> tuple[float, float, float]:
    """A colour as CIE L*a*b*, as somebody with this deficiency sees it."""
    parts = [part / 255 for part in Color.parse(name).get_truecolor()]
    rgb = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, rgb, strict=True)))) for row in DEFICIENT[deficiency]
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("name", ["deuteranopia", "tritanopia"])
def test_good_careful_and_bad_are_far_apart_for_those_whom_the_theme_is_for(name: str) -> None:
    colours = THEMES[name]
    for one, other in itertools.combinations((colours.good, colours.careful, colours.bad), 2):
        apart = sum((a - b) ** 2 for a, b in zip(seen(one, name), seen(other, name), strict=True)) ** 0.5
        assert apart > 40, (one, other)  # two is what an eye can just tell apart


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


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_a_stream_that_is_no_terminal_is_refused_by_its_name(stream: str) -> None:
    assert refuse_terminal({"TERM": "xterm"}, [stream]).startswith(f"{stream} is no terminal")
