"""Colours: every tone in every theme, contrast by WCAG 2.1, and nothing but weight where there is no colour."""

from __future__ import annotations

import dataclasses
import itertools
import re

import pytest
from rich.color import Color
from rich.style import Style

from cockpit_widgets.typein import TypeIn
from migration_cockpit.app import draws_ascii, refuse_terminal
from migration_cockpit.app.dialogs import Dialog
from migration_cockpit.app.theme import DARK, SIXTEEN, THEMES, palette, plain_palette
from migration_cockpit.cockpit.dialogs import NoteDialog
from tests.app.fixtures import sample_state
from tests.app.light import still_app
from tests.app.snapshots.text import FOLDER
from tests.app.test_app import until

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


DRAWN_NOT_READ = {"track", "border"}
"""Tones of frames and of what is left of a bar: nothing is read from them."""


@pytest.mark.parametrize("name", THEMES)
def test_every_tone_of_every_theme_has_the_contrast_of_aa(name: str) -> None:
    colours = THEMES[name]
    tones = palette(colours)
    for tone, style in tones.items():
        if tone in DRAWN_NOT_READ:
            continue
        ink, ground = style.color, style.bgcolor or tones["base"].bgcolor
        assert ink is not None
        assert ground is not None
        assert contrast(ink.name, ground.name) >= AA, tone
    assert contrast(colours.text, colours.field) >= AA, "the field that one types in"


def test_all_that_the_snapshots_show_has_the_contrast_of_aa() -> None:
    """The pairs of colours that are on the screens, fields and cursors included: dark, and the terminal's sixteen."""
    frames = {DARK.frame}
    pairs = {
        (Style.parse(look).color, Style.parse(look).bgcolor)
        for each in FOLDER.glob("*.txt")
        for line in each.read_text(encoding="utf-8").splitlines()
        if re.fullmatch(r"[a-zA-Z]  .+ \| .+ \| .+", line)
        for look in line[3:].split(" | ")[:2]
        if look not in {"ground", "field", "none"}
    }
    told = [(ink.name, ground.name) for ink, ground in pairs if ink is not None and ground is not None]
    assert len(told) > 20
    poor = [(ink, ground) for ink, ground in told if ink not in frames and contrast(ink, ground) < AA]
    assert poor == []


@pytest.mark.parametrize("name", THEMES)
async def test_the_field_and_its_cursor_have_the_contrast_of_aa(name: str) -> None:
    """Textual draws these itself, by its own theme."""
    app = still_app(*sample_state("migrating"), colours=name)
    async with app.run_test(size=(80, 24)) as pilot:
        app.desk.open(NoteDialog())
        await until(pilot, lambda: isinstance(app.screen, Dialog))
        await app.write("seen")
        await pilot.pause()
        field = app.screen.query_one(TypeIn)
        row = app.screen._compositor.render_strips()[field.region.y]
        looks = [style for text, style, _ in row if style and text.strip("│ ")]
        assert looks
        for style in looks:
            ink, ground = (style.bgcolor, style.color) if style.reverse else (style.color, style.bgcolor)
            if ink is not None and ground is not None and not ink.is_default and not ground.is_default:
                assert contrast(ink.name, ground.name) >= AA, style


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


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, False),
        ({}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, True),
        ({"LANG": "C", "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}, False),
    ],
)
def test_ascii_is_drawn_where_the_terminal_has_no_more(env: dict[str, str], expected: bool) -> None:
    assert draws_ascii(None, env) == expected
    assert draws_ascii("auto", env) == expected
    assert draws_ascii("ascii", env)
    assert not draws_ascii("unicode", env)
