"""Template text to tokens: literal text outside of `{{ }}`, small lexemes inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.helm.template.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

KEYWORDS = frozenset({"block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"})
_SPACE = " \t\r\n"

# Order matters: a number may begin with a sign, and a field with the dot that alone is the current value.
_LEXEME = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<raw>`[^`]*`)
  | (?P<char>'(?:[^'\\\n]|\\.)+')
  | (?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+))
  | (?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
  | (?P<dot>\.)
  | (?P<variable>\$[A-Za-z0-9_]*)
  | (?P<ident>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<declare>:=)
  | (?P<assign>=)
  | (?P<pipe>\|)
  | (?P<open>\()
  | (?P<close>\))
  | (?P<comma>,)
    """,
    re.VERBOSE,
)
_COMMENT_END = re.compile(r"\*/(?:[ \t\r\n]+-)?\}\}")


@dataclass(frozen=True, slots=True)
class Token:
    """One lexeme: its kind (a group name of the pattern, `text`, `left`, `right` or a keyword), text and offset."""

    kind: str
    text: str
    offset: int


def tokens(name: str, source: str) -> Iterator[Token]:
    """Yield the tokens of a template; spaces are kept inside actions, because they separate arguments.

    Raises:
        ParseError: an action or comment is not closed, or holds a character that means nothing.
    """
    position, trim_next = 0, False
    while True:
        left = source.find("{{", position)
        text = source[position:] if left < 0 else source[position:left]
        start = position
        if trim_next:
            stripped = text.lstrip(_SPACE)
            start += len(text) - len(stripped)
            text = stripped
        if left < 0:
            if text:
                yield Token("text", text, start)
            return
        inside = left + 2
        if source[inside : inside + 1] == "-" and source[inside + 1 : inside + 2] in tuple(_SPACE):
            text, inside = text.rstrip(_SPACE), inside + 2
        if text:
            yield Token("text", text, start)
        if source.startswith("/*", inside):
            end = _COMMENT_END.search(source, inside)
            if end is None:
                raise ParseError(f"template: {name}:{line_of(source, left)}: unclosed comment")
            position, trim_next = end.end(), end.group().endswith("-}}")
            continue
        yield Token("left", "{{", left)
        position, trim_next = yield from _action(name, source, inside)


def line_of(source: str, offset: int) -> int:
    """The line, from 1, that holds an offset."""
    return source.count("\n", 0, offset) + 1


def _action(name: str, source: str, position: int) -> Generator[Token, None, tuple[int, bool]]:
    """Yield the tokens up to the closing delimiter; return where text goes on and whether its spaces are dropped."""
    while True:
        if source.startswith("}}", position):
            yield Token("right", "}}", position)
            return position + 2, False
        if source[position : position + 1] in tuple(_SPACE) and source.startswith("-}}", position + 1):
            yield Token("right", "-}}", position)
            return position + 4, True
        match = _LEXEME.match(source, position)
        if match is None:
            raise ParseError(_bad_character(name, source, position))
        kind, text = str(match.lastgroup), match.group()
        if kind == "space":
            # A closing "-}}" takes the last space with it.
            if source.startswith("-}}", match.end()):
                yield Token("right", "-}}", match.end())
                return match.end() + 3, True
        elif kind == "ident" and (text in KEYWORDS or text in {"true", "false"}):
            kind = "bool" if text in {"true", "false"} else text
        yield Token(kind, text, position)
        position = match.end()


def _bad_character(name: str, source: str, position: int) -> str:
    where = f"template: {name}:{line_of(source, min(position, len(source) - 1))}"
    if position >= len(source):
        return f"{where}: unclosed action"
    char = source[position]
    if char == '"':
        return f"{where}: unterminated quoted string"
    if char == "`":
        return f"{where}: unterminated raw quoted string"
    return f'{where}: unexpected "{char}" in operand' if char != "\n" else f"{where}: unclosed action"
