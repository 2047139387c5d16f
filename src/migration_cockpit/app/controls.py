"""What keys do to the view alone: pane, zoom, scrolling, help. Beside the desk's table, in the same shape, and together
with it the only source of the footer and of the help."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Protocol

from migration_cockpit.cockpit.control import Control
from migration_cockpit.config import ConfigError


class Viewer(Protocol):
    """What a view control can move."""

    def next_pane(self, step: int) -> None:
        """Select the pane `step` further in the order of panes."""

    def toggle_zoom(self) -> None:
        """The selected pane on the whole screen, and back."""

    def unzoom(self) -> None:
        """All panes again."""

    def read(self, page: str) -> None:
        """Open or close a page to read: `help`, `advice`, `failures` or `days`."""

    def scroll_by(self, down: int = 0, right: int = 0, *, pages: bool = False) -> None:
        """Scroll what has the focus."""

    def scroll_to_end(self, end: bool) -> None:
        """Scroll to the end, or to the beginning."""

    def copy(self) -> None:
        """Copy what is looked at: to the terminal's clipboard, and into a file."""

    def leave(self, reason: str, *, signal_number: int = 0) -> None:
        """Leave the cockpit."""


@dataclass(frozen=True)
class ViewControl:
    """One action on the view: like the desk's Control, but it changes nothing outside the screen."""

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    where: str
    """`screen`, or `any`: in dialogs too."""
    act: Callable[[Viewer], None]
    footer: bool = True


VIEW_CONTROLS: tuple[ViewControl, ...] = (
    ViewControl("pane", ("tab",), "pane", "select the next pane", "screen", lambda v: v.next_pane(1)),
    ViewControl(
        "pane-back", ("shift+tab",), "pane back", "select the pane before", "screen", lambda v: v.next_pane(-1), False
    ),
    ViewControl(
        "zoom", ("z",), "zoom", "the selected pane on the whole screen, and back", "screen", lambda v: v.toggle_zoom()
    ),
    ViewControl("unzoom", ("escape",), "all panes", "show all panes again", "screen", lambda v: v.unzoom(), False),
    ViewControl("up", ("up", "k"), "scroll", "scroll up", "any", lambda v: v.scroll_by(-1), False),
    ViewControl("down", ("down", "j"), "scroll", "scroll down", "any", lambda v: v.scroll_by(1), False),
    ViewControl("left", ("left",), "scroll", "scroll to the left", "any", lambda v: v.scroll_by(right=-8), False),
    ViewControl("right", ("right",), "scroll", "scroll to the right", "any", lambda v: v.scroll_by(right=8), False),
    ViewControl(
        "page-up", ("pageup",), "scroll", "scroll a page up", "any", lambda v: v.scroll_by(-1, pages=True), False
    ),
    ViewControl(
        "page-down",
        ("pagedown", "space"),
        "scroll",
        "scroll a page down",
        "any",
        lambda v: v.scroll_by(1, pages=True),
        False,
    ),
    ViewControl("home", ("home",), "scroll", "scroll to the beginning", "any", lambda v: v.scroll_to_end(False), False),
    ViewControl(
        "end", ("end",), "scroll", "scroll to the end, and follow", "any", lambda v: v.scroll_to_end(True), False
    ),
    ViewControl(
        "copy",
        ("y",),
        "copy",
        "copy the selected pane, or the open page: to the clipboard and a file",
        "any",
        lambda v: v.copy(),
        False,
    ),
    ViewControl("help", ("question_mark",), "help", "this help", "any", lambda v: v.read("help")),
    ViewControl(
        "failures",
        ("f",),
        "failures",
        "known failures that show: why, evidence, and the mend as commands",
        "screen",
        lambda v: v.read("failures"),
        False,
    ),
    ViewControl(
        "days",
        ("D",),
        "days",
        "what was found on the days before and after: D-7, D-3, D-1, D+1, D+7",
        "screen",
        lambda v: v.read("days"),
        False,
    ),
    ViewControl("advice", ("a",), "advice", "what to do now, in full", "screen", lambda v: v.read("advice")),
    ViewControl(
        "interrupt",
        ("ctrl+c", "ctrl+q"),
        "detach",
        "leave at once, from anywhere, as a signal would",
        "any",
        lambda v: v.leave("Ctrl-C", signal_number=2),
        False,
    ),
)
"""The view's own actions. `any` ones work in dialogs too, where no text is being typed."""

LEAVING = ("detach", "leave")
"""Labels of the ways out: they stand last in the footer, at any width."""

KEY_NAMES = {
    "colon": ":",
    "semicolon": ";",
    "slash": "/",
    "backslash": "\\",
    "plus": "+",
    "full_stop": ".",
    "comma": ",",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "enter": "Enter",
    "escape": "Esc",
    "minus": "-",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "question_mark": "?",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "space": "Space",
    "ctrl+c": "Ctrl-C",
    "ctrl+q": "Ctrl-Q",
}

Action = Control | ViewControl


def more_keys(
    given: Mapping[str, str], path: Path | None = None
) -> tuple[tuple[Control, ...], tuple[ViewControl, ...]]:
    """Both tables with the keys that `screen.keys` of the config adds: action id -> key as people write it.

    A standard key stays what it is, since the advice and the documentation name it. Raises ConfigError for an action
    that the main screen does not have, and for a key that is no key or not free there; `path` is named in it.
    """
    from migration_cockpit.cockpit.table import CONTROLS

    both: tuple[Action, ...] = (*CONTROLS, *VIEW_CONTROLS)
    rows = {each.id: each for each in both if each.where in {"screen", "any"}}
    taken = {key: each.id for each in rows.values() for key in each.keys}
    added: dict[str, str] = {}
    place = f"{path}: screen.keys" if path else "screen.keys"
    for action, written in given.items():
        if action not in rows:
            near = difflib.get_close_matches(action, rows, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; takes {', '.join(sorted(rows))}"
            raise ConfigError(f"{place}.{action}: is no action of the main screen{hint}")
        key = _NAMED.get(written.lower(), written)
        if not _KEY.fullmatch(key):
            raise ConfigError(f"{place}.{action}: found {written!r}, takes a letter, a digit, F1 to F12 or Ctrl-x")
        if key in taken:
            owner = f"which is the key of {taken[key]} already; free are {_free(taken)}"
            raise ConfigError(f"{place}.{action}: found {written!r}, {owner}")
        taken[key] = action
        added[action] = key
    return (
        tuple(replace(each, keys=(*each.keys, added[each.id])) if each.id in added else each for each in CONTROLS),
        tuple(replace(each, keys=(*each.keys, added[each.id])) if each.id in added else each for each in VIEW_CONTROLS),
    )


def _free(taken: Iterable[str]) -> str:
    keys = [*string.ascii_lowercase, *(f"f{number}" for number in range(1, 13))]
    return " ".join(key.upper() if len(key) > 1 else key for key in keys if key not in taken)


_KEY = re.compile(r"[A-Za-z0-9]|f([1-9]|1[0-2])|ctrl\+[a-z]|full_stop|comma|colon|semicolon|slash|backslash|minus|plus")
_NAMED = {
    ".": "full_stop", ",": "comma", ":": "colon", ";": "semicolon", "/": "slash", "\\": "backslash", "-": "minus",
    "+": "plus",
    **{f"ctrl-{letter}": f"ctrl+{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"},
    **{f"f{number}": f"f{number}" for number in range(1, 13)},
}  # fmt: skip


def actions(where: str, controls: Sequence[Control], views: Sequence[ViewControl] = VIEW_CONTROLS) -> list[Action]:
    """Every action that is live at a place. The desk comes before the view: a key that it takes there is its own."""
    mine = [each for each in controls if each.where == where]
    taken = {key for each in mine for key in each.keys}
    left: list[Action] = [
        replace(each, keys=tuple(key for key in each.keys if key not in taken))
        for each in views
        if each.where in {where, "any"}
    ]
    return [*mine, *(each for each in left if each.keys)]


def view_control(key: str, where: str, views: Sequence[ViewControl] = VIEW_CONTROLS) -> ViewControl | None:
    """The view control of this key at this place."""
    return next((each for each in views if key in each.keys and each.where in {where, "any"}), None)


def key_names(keys: Iterable[str]) -> str:
    """Keys as people write them."""
    return " ".join(KEY_NAMES.get(key) or re.sub(r"^ctrl\+", "Ctrl-", key) for key in keys)


def footer_entries(where: str, controls: Sequence[Control]) -> list[tuple[str, str]]:
    """(keys, label) for the footer; keys that differ only in their number stand together, leaving comes last."""
    entries: list[tuple[str, str]] = []
    for numbered, group in groupby(actions(where, controls), key=_numbered):
        row = list(group)
        if numbered:
            entries.append((_range([key for each in row for key in each.keys]), row[0].label))
        else:
            entries += [(key_names(each.keys[:1]), each.label) for each in row if each.footer]
    last = [entry for entry in entries if entry[1] in LEAVING]
    return [entry for entry in entries if entry not in last] + last


def _numbered(action: Action) -> bool:
    """Whether it is one of a row of keys that do the same for another number: steps, answers, ways."""
    return action.id.startswith(("step-", "answer-", "way-"))


def _range(keys: list[str]) -> str:
    digits = [key for key in keys if key.isdigit() and key != "0"]
    others = [KEY_NAMES.get(key, key) for key in keys if key not in digits]
    return " ".join([f"{digits[0]}-{digits[-1]}", *others]) if digits else " ".join(others)
