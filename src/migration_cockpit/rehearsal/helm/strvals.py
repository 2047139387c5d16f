"""The little language of --set: `a.b=c,list[0].x=1,names={x,y}`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template.nodes import Value

_KEY = re.compile(r"(?:\\.|[^=,.\[\]{\\])+")
_INDEX = re.compile(r"\[(\d+)\]")
_VALUE = re.compile(r"(?:\\.|[^,\\])*", re.DOTALL)
_MAX_INDEX = 65536


def typed(text: str) -> Value:
    """A --set value: true, false, null and whole numbers (no leading zero) lose their being text."""
    if text in {"true", "false"}:
        return text == "true"
    if text == "null":
        return None
    if text == "0" or re.fullmatch(r"[+-]?[1-9]\d*", text):
        return int(text)
    return text


def parse_into(text: str, target: dict[str, Value], convert: Callable[[str], Value]) -> None:
    """Apply one --set expression to `target`.

    Raises:
        HelmError: the expression cannot be read.
    """
    position = 0
    while position < len(text):
        path, position = _path(text, position)
        value, position = _value(text, position, convert)
        _assign(target, path, value)
        if position < len(text):
            position += 1  # the comma


def _path(text: str, position: int) -> tuple[list[str | int], int]:
    path: list[str | int] = []
    while True:
        if index := _INDEX.match(text, position):
            number = int(index.group(1))
            if number > _MAX_INDEX:
                raise HelmError(
                    f"failed parsing --set data: index of {number} is greater than maximum supported index of 65536"
                )
            path.append(number)
            position = index.end()
        elif key := _KEY.match(text, position):
            path.append(_unescape(key.group()))
            position = key.end()
        elif text.startswith("[", position) and "]" not in text[position:]:
            raise HelmError("failed parsing --set data: error parsing index: EOF")
        else:
            raise HelmError(f'failed parsing --set data: key "{text[position:]}" has no value')
        if text.startswith("=", position):
            return path, position + 1
        if text.startswith(".", position):
            position += 1
        elif not text.startswith("[", position):
            raise HelmError(f'failed parsing --set data: key "{path[-1]}" has no value')


def _value(text: str, position: int, convert: Callable[[str], Value]) -> tuple[Value, int]:
    if text.startswith("{", position):
        end = text.find("}", position)
        if end < 0:
            raise HelmError("failed parsing --set data: list must terminate with '}'")
        inner = text[position + 1 : end]
        return [convert(_unescape(part)) for part in re.split(r"(?<!\\),", inner)] if inner else [], end + 1
    match = _VALUE.match(text, position)
    assert match is not None
    return convert(_unescape(match.group())), match.end()


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _assign(target: Value, path: list[str | int], value: Value) -> None:
    for step, following in itertools.pairwise(path):
        empty: Value = [] if isinstance(following, int) else {}
        _grow(target, step)
        current = target[step] if isinstance(step, int) else target.get(step)
        if not isinstance(current, type(empty)):
            target[step] = empty
        target = target[step]
    _grow(target, path[-1])
    target[path[-1]] = value


def _grow(target: Value, step: str | int) -> None:
    if isinstance(step, int):
        target.extend([None] * (step + 1 - len(target)))
