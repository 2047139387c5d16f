"""The screen: it draws State and turns keys into actions."""

from __future__ import annotations

from collections.abc import Mapping


def refuse_terminal(env: Mapping[str, str]) -> str:
    """Why the screen cannot be drawn in this terminal, in a sentence; empty when it can.

    Textual itself would send colours and cursor moves to a dumb terminal all the same.
    """
    term = env.get("TERM", "")
    if term in {"dumb", "unknown"}:
        return f"TERM={term} cannot draw a screen; use a terminal or tmux (a rehearsal can fly with --headless)"
    return ""
