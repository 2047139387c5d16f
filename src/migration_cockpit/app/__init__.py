"""The screen: it draws State and turns keys into actions."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any


def refuse_terminal(env: Mapping[str, str], elsewhere: Collection[str] = ()) -> str:
    """Why the screen cannot be drawn in this terminal, in a sentence; empty when it can.

    `elsewhere` names what of stdin and stderr is no terminal. Textual itself would send colours and cursor moves to a
    dumb terminal all the same, and a screen into a file: it draws on stderr.
    """
    term, why = env.get("TERM", ""), ""
    if "stderr" in elsewhere:
        why = "stderr is no terminal, and the screen is drawn there: leave out the 2>"
    elif "stdin" in elsewhere:
        why = "stdin is no terminal, and keys come from there: leave out the < or |"
    elif term in {"dumb", "unknown"}:
        why = f"TERM={term} cannot draw a screen; use a terminal or tmux"
    return f"{why} (a rehearsal can fly with --headless)" if why else ""


def draws_ascii(wanted: str | None, env: Mapping[str, str]) -> bool:
    """Whether glyphs are drawn as ASCII: as `screen.glyphs` or `--glyphs` says, else by what the terminal can.

    That is by the locale's character set, as ncurses and tmux judge it too, and by TERM=linux, the console, whose font
    has not all of them. No locale at all says nothing of the terminal. The screen of `watch --serve` is a browser's.
    """
    if wanted in {"ascii", "unicode"}:
        return wanted == "ascii"
    if env.get("TEXTUAL_DRIVER"):
        return False
    said = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "UTF-8"
    if not env.get("LC_ALL") and said == "C.UTF-8" and env.get("LANG") in {"C", "POSIX"}:
        said = env["LANG"]  # Python itself has put C.UTF-8 there at its start
    return env.get("TERM") == "linux" or not said.lower().replace("-", "").endswith(("utf8", "utf8@euro"))


def refused(command: str) -> bool:
    """Whether the screen cannot be drawn here. Says why, where a person sees it, in the name of `command`."""
    streams = {"stdin": sys.__stdin__, "stderr": sys.__stderr__}
    # With another driver of Textual's the screen goes elsewhere: that of `watch --serve` sends it to a browser.
    drawn = {} if os.environ.get("TEXTUAL_DRIVER") else streams
    elsewhere = [name for name, stream in drawn.items() if stream is None or not stream.isatty()]
    why = refuse_terminal(os.environ, elsewhere)
    if why:
        seen = sys.stdout if "stderr" in elsewhere and sys.stdout.isatty() else sys.stderr
        print(f"{command}: {why}", file=seen)
    return bool(why)


@contextmanager
def painting_first() -> Iterator[None]:
    """Load the app and run it in here: no garbage is looked for until its first paint, which comes sooner by a tenth.

    All that is loaded for it stays anyway.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def painted() -> bool:
    """The first paint has been: from now on garbage is collected. Returns whether the process is the app's alone."""
    alone = not gc.isenabled()
    if alone:
        gc.enable()
        _share_memory()
    return alone


def settled(*, alone: bool) -> None:
    """All is loaded: what that has left behind is collected, and where the process is the app's `alone`, what stays is
    not looked through for garbage again. Each look took as long as some frames."""
    gc.collect()
    if alone:
        gc.freeze()


_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # as in glibc's malloc.h
_LARGE = 128 * 1024


def _share_memory() -> None:
    """Let threads take their memory from one place, and what is large from the system: by itself glibc keeps some for
    each thread and ever larger pieces. Another C library does as it does."""
    with suppress(AttributeError, OSError):
        mallopt = _libc().mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Give memory that is free, but kept, back to the system: starting and large readings leave some megabytes."""
    with suppress(AttributeError, OSError):
        _libc().malloc_trim(0)


def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None)
