"""Where stdout or stderr has a character set without our signs, they are written in ASCII; no command ends over one."""

from __future__ import annotations

import codecs
import io
import sys

NAME = "migration-cockpit-ascii"


def spell_out() -> None:
    """Do so from now on; UTF-8 needs none of it."""
    codecs.register_error(NAME, _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name != "utf-8":
            stream.reconfigure(errors=NAME)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    from cockpit_widgets.glyphs import ascii_only

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return ascii_only(error.object[error.start : error.end]), error.end
