"""Colours by tone. Sky blue is good, orange careful, vermilion bad (Okabe and Ito), so that colour-blind people tell
them apart; each stands beside a glyph and a word all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rich.style import Style
from textual.theme import Theme


@dataclass(frozen=True)
class Colours:
    """The colours of a theme as hex, or as names of the terminal's own sixteen; empty leaves the terminal's own."""

    ground: str
    raised: str
    field: str
    text: str
    bright: str
    dim: str
    frame: str
    good: str
    careful: str
    bad: str
    on_good: str
    on_careful: str
    on_bad: str
    dark: bool = True


DARK = Colours(
    ground="#0d1117",
    raised="#161b22",
    field="#21262d",
    text="#c9d1d9",
    bright="#ffffff",
    dim="#848d97",
    frame="#3d444d",
    good="#56b4e9",
    careful="#e69f00",
    bad="#ff7043",
    on_good="#0d1117",
    on_careful="#0d1117",
    on_bad="#0d1117",
)
LIGHT = Colours(
    ground="#ffffff",
    raised="#f0f2f5",
    field="#e4e8ec",
    text="#24292f",
    bright="#000000",
    dim="#59636e",
    frame="#b5bcc4",
    good="#0a5f94",
    careful="#8a5000",
    bad="#b3330a",
    on_good="#ffffff",
    on_careful="#ffffff",
    on_bad="#ffffff",
    dark=False,
)
DEUTERANOPIA = replace(DARK, good="#58a6ff", careful="#f2cc60", bad="#ff5c8a")
"""For those who see no green: blue, yellow and a bluish red, far apart also in lightness."""
TRITANOPIA = replace(DARK, good="#39c5bb", careful="#ffb3c7", bad="#ff4d4d")
"""For those who see no blue: what yellow and blue tell the others, rose and teal tell them."""
SIXTEEN = Colours(
    ground="black",
    raised="black",
    field="blue",
    text="white",
    bright="bright_white",
    dim="white",
    frame="white",
    good="bright_cyan",
    careful="bright_yellow",
    bad="bright_red",
    on_good="black",
    on_careful="black",
    on_bad="black",
)

THEMES = {
    "dark": DARK,
    "light": LIGHT,
    "deuteranopia": DEUTERANOPIA,
    "tritanopia": TRITANOPIA,
    "sixteen": SIXTEEN,
}
"""The names are those that `screen.theme` of the config takes."""


def palette(colours: Colours) -> Mapping[str, Style]:
    """Style by tone, for the widgets."""
    ground = Style(bgcolor=colours.ground)

    def ink(colour: str, *, bold: bool = False, on: str = "") -> Style:
        return Style(color=colour, bgcolor=on or None, bold=bold or None)

    def tag(colour: str, on: str) -> Style:
        return Style(color=on, bgcolor=colour, bold=True)

    return {
        "base": ground + Style(color=colours.text),
        "text": ink(colours.text),
        "bold": ink(colours.bright, bold=True),
        "bright": ink(colours.bright),
        "dim": ink(colours.dim),
        "title": ink(colours.bright, bold=True),
        "good": ink(colours.good),
        "good-bold": ink(colours.good, bold=True),
        "careful": ink(colours.careful),
        "careful-bold": ink(colours.careful, bold=True),
        "bad": ink(colours.bad),
        "bad-bold": ink(colours.bad, bold=True),
        "chart": ink(colours.good),
        "chart-dim": ink(colours.dim),
        "track": ink(colours.frame),
        "border": ink(colours.frame),
        "border-focus": ink(colours.good),
        "border-careful": ink(colours.careful),
        "border-bad": ink(colours.bad),
        "badge-good": tag(colours.good, colours.on_good),
        "badge-careful": tag(colours.careful, colours.on_careful),
        "badge-bad": tag(colours.bad, colours.on_bad),
        "badge-plain": tag(colours.text, colours.ground),
        "bar": ink(colours.text, on=colours.raised),
        "bar-dim": ink(colours.dim, on=colours.raised),
        "bar-bold": ink(colours.bright, bold=True, on=colours.raised),
        "bar-good": ink(colours.good, on=colours.raised),
        "bar-careful": ink(colours.careful, bold=True, on=colours.raised),
        "bar-bad": ink(colours.bad, bold=True, on=colours.raised),
        "key": ink(colours.bright, bold=True, on=colours.raised),
    }


def plain_palette() -> Mapping[str, Style]:
    """Style by tone without any colour: weight, reverse and underline carry what glyph and word say too."""
    bold, reverse, none = Style(bold=True), Style(reverse=True, bold=True), Style()
    tones = dict.fromkeys(palette(DARK), none)
    strong = ("bold", "title", "good-bold", "careful-bold", "bad", "bad-bold", "border-focus", "border-bad", "key")
    tones |= dict.fromkeys((*strong, "bar-bold", "bar-careful", "bar-bad"), bold)
    return tones | {tone: reverse for tone in tones if tone.startswith("badge-")}


OF_THE_TERMINAL = "ansi-dark"
"""Textual's own theme in the terminal's sixteen colours."""


def chosen(name: str | None, system: str | None, *, coloured: bool) -> tuple[Mapping[str, Style], Theme | None]:
    """The palette, and Textual's theme beside it, None for that of the terminal's own colours.

    `system` is what the terminal can, as Rich names it. Without a name the terminal decides; NO_COLOR outranks all.
    """
    if name in {None, "auto"}:
        name = "sixteen" if system == "standard" else "dark"
    colours = THEMES[name or "dark"]
    drawn = palette(colours) if coloured and system is not None else plain_palette()
    return drawn, None if name == "sixteen" else textual_theme(name or "dark", colours)


def textual_theme(name: str, colours: Colours) -> Theme:
    """The same colours for what Textual draws itself: the ground of dialogs and the fields one types in."""
    return Theme(
        name=f"cockpit-{name}",
        primary=colours.good,
        warning=colours.careful,
        error=colours.bad,
        foreground=colours.text,
        background=colours.ground,
        surface=colours.raised,
        panel=colours.field,
        dark=colours.dark,
    )
