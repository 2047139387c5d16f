"""The ways in which one secret can be spelled: as it is, percent-encoded, JSON- or shell-escaped, base64 at any offset.

A spelling has an anchor, the longest run of letters and digits in it. No encoding touches those, so that a text without
the anchor holds the secret in none of them: most texts are done with by one search for a few characters.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

WHOLE_WORD = 8
"""A secret of letters or of digits alone that is shorter stands for itself only as a whole word: `test` is no part of
`latest`."""
SHORTEST_CORE = 5
"""Fewer characters of base64 prove nothing."""
_RUN = re.compile(r"[A-Za-z0-9]+")
_BASE64 = "[A-Za-z0-9+/_-]"
_BEFORE = r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtb]))"
_ESCAPES = {"\n": "n", "\r": "r", "\t": "t"}
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#0?39|#x27|apos"}


@dataclass(frozen=True)
class Spelling:
    """`anchor` is in each text that `pattern` can match."""

    anchor: str
    pattern: re.Pattern[str]


def spellings(value: str) -> Iterator[Spelling]:
    """All spellings of a secret."""
    pattern = "".join(map(_character, value))
    if value.isascii() and len(value) < WHOLE_WORD and (value.isalpha() or value.isdigit()):
        pattern = rf"{_BEFORE}{pattern}(?![\w-])"
    yield Spelling(_anchor(value), re.compile(pattern))
    encoded = quote(value, safe="")
    for spelled in {value, encoded, re.sub("%..", lambda found: found[0].lower(), encoded)}:
        yield from _base64(spelled.encode())


def _anchor(text: str) -> str:
    return max(_RUN.findall(text), key=len, default="")


@lru_cache(maxsize=512)
def _character(character: str) -> str:
    """A pattern for one character in each of the encodings."""
    if character.isascii() and (character.isalnum() or character in "_-"):
        return character
    octets = character.encode("utf-8", errors="surrogatepass")
    forms = ["".join(f"%(?:25)*{_hexadecimal(octet)}" for octet in octets)]
    units = character.encode("utf-16-be", errors="surrogatepass")
    forms.append(
        "".join(rf"\\+u{_hexadecimal(units[at])}{_hexadecimal(units[at + 1])}" for at in range(0, len(units), 2))
    )
    if not character.isascii():
        forms.append("".join(rf"\\+x{_hexadecimal(octet)}" for octet in octets))
    if character in _ESCAPES:
        forms.append(rf"\\+{_ESCAPES[character]}")
    if character in _ENTITIES:
        forms.append(f"&(?:{_ENTITIES[character]});")
    if character == " ":
        forms.append(r"\+")
    if character == "'":
        forms.append(re.escape("""'"'"'"""))
    # Escaped once, twice, or as often as it was put into another text; a backslash doubles each time.
    plain = r"\\+" if character == "\\" else rf"\\*{re.escape(character)}"
    return f"(?:{'|'.join([*forms, plain])})"


def _hexadecimal(octet: int) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{octet:02x}")


def _base64(octets: bytes) -> Iterator[Spelling]:
    """What base64 makes of these bytes wherever they begin in a text: the characters that hold nothing else.

    The character at either end that holds bits of a neighbour too is masked with them.
    """
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + octets).decode()
        begin, end = -(-8 * offset // 6), 8 * (offset + len(octets)) // 6
        core = encoded[begin:end]
        if len(core) < SHORTEST_CORE:
            continue
        # Not the letter of an escape: JSON that is cleaned stays JSON.
        before = rf"(?:(?<!\\){_BASE64})?" if offset else ""
        after = f"{_BASE64}?" if (offset + len(octets)) % 3 else ""
        pattern = "".join(_PERCENT.get(each, each) for each in core)
        yield Spelling(_anchor(core), re.compile(f"{before}{pattern}{after}(?:={{1,2}}|(?:%3[dD]){{1,2}})?"))


_PERCENT = {"+": r"(?:\+|-|%2[bB])", "/": r"(?:\\?/|_|%2[fF])"}
"""What becomes of two characters of base64 in its URL-safe alphabet, in an address and in JSON."""
