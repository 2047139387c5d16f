"""Copying what is looked at: to the terminal's clipboard, which tmux passes on, and into a file where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cockpit_widgets.spans import plain
from migration_cockpit.app.board import Board
from migration_cockpit.app.dialogs import Dialog

if TYPE_CHECKING:
    from migration_cockpit.app.app import CockpitApp


def copy(app: CockpitApp, file: Path | None) -> None:
    """Copy the selected pane or the open page, and say where to; without a file to the clipboard alone."""
    screen = app.screen
    if isinstance(screen, Dialog):
        lines = screen.copied(screen.scrolled.size.width)
    elif isinstance(screen, Board):
        lines = screen.scrolled.view.lines
    else:
        return
    text = "".join(f"{plain(each).rstrip()}\n" for each in lines)
    app.copy_to_clipboard(text)
    said = f"{len(lines)} lines copied to the terminal's clipboard"
    app.tell(said + (_written(text, file) if file is not None else ""))


def _written(text: str, file: Path) -> str:
    try:
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        return f"; not to {file}: {error.strerror or error}"
    return f" and to {file}"
