"""Command-line flags as cobra reads them: anywhere on the line, `--x=y` or `--x y`, short ones joined."""

from __future__ import annotations

import re
from dataclasses import dataclass

from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template.nodes import Value

_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TRUE, _FALSE = {"true", "t", "1", "TRUE", "True", "T"}, {"false", "f", "0", "FALSE", "False", "F"}


@dataclass(frozen=True)
class Flag:
    """A flag: its kind (`bool`, `text`, `list`, `int`, `duration`, `format`) and letter.

    `bare` is the value that a flag of another kind than bool takes when it is given without one (`--dry-run`).
    """

    kind: str
    short: str = ""
    bare: str = ""
    default: Value = None


Flags = dict[str, Flag]


def duration(text: str) -> float:
    """Seconds of a Go duration such as `5m0s`.

    Raises:
        ValueError: in Go's words.
    """
    if text == "0":
        return 0.0
    parts = re.findall(r"([0-9.]+)([a-zµ]+)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.lstrip("+-"):
        missing = re.fullmatch(r"[+-]?[0-9.]+", text)
        reason = "missing unit in" if missing else "invalid"
        raise ValueError(f'time: {reason} duration "{text}"')
    if unknown := [unit for _, unit in parts if unit not in _UNITS_S]:
        raise ValueError(f'time: unknown unit "{unknown[0]}" in duration "{text}"')
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts) * (-1 if text.startswith("-") else 1)


def parse(args: list[str], flags: Flags) -> tuple[dict[str, Value], list[str]]:
    """Split a command line into flag values (every flag has an entry) and the other arguments.

    Raises:
        HelmError: an unknown flag, a missing or wrong value, in cobra's words.
    """
    values: dict[str, Value] = {name: _initial(flag) for name, flag in flags.items()}
    shorts = {flag.short: name for name, flag in flags.items() if flag.short}
    rest, queue = [], list(args)
    while queue:
        arg = queue.pop(0)
        if arg == "--":
            rest += queue
            break
        if arg.startswith("--"):
            _long(arg[2:], queue, flags, values)
        elif arg.startswith("-") and len(arg) > 1:
            _short(arg, queue, (flags, shorts), values)
        else:
            rest.append(arg)
    return values, rest


def _initial(flag: Flag) -> Value:
    if flag.default is not None:
        return flag.default
    return {"bool": False, "list": [], "int": 0, "duration": 0.0}.get(flag.kind, "")


def _long(text: str, queue: list[str], flags: Flags, values: dict[str, Value]) -> None:
    name, given, value = text.partition("=")
    flag = flags.get(name)
    if flag is None:
        raise HelmError(f"unknown flag: --{name}")
    if not given:
        if flag.kind == "bool" or flag.bare:
            value = flag.bare or "true"
        elif queue:
            value = queue.pop(0)
        else:
            raise HelmError(f"flag needs an argument: --{name}")
    _set(name, flag, value, values)


def _short(arg: str, queue: list[str], tables: tuple[Flags, dict[str, str]], values: dict[str, Value]) -> None:
    flags, shorts = tables
    letters = arg[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter not in shorts:
            raise HelmError(f"unknown shorthand flag: '{letter}' in {arg}")
        name = shorts[letter]
        flag = flags[name]
        if letters.startswith("="):
            _set(name, flag, letters[1:], values)
            return
        if flag.kind == "bool" or flag.bare:
            _set(name, flag, flag.bare or "true", values)
        elif letters or queue:
            _set(name, flag, letters or queue.pop(0), values)
            return
        else:
            raise HelmError(f"flag needs an argument: '{letter}' in {arg}")


def _set(name: str, flag: Flag, text: str, values: dict[str, Value]) -> None:
    try:
        if flag.kind == "list":
            # The default list is shared by every parse: replace it, never grow it.
            values[name] = [*values[name], text]
        else:
            values[name] = _convert(flag.kind, text)
    except ValueError as error:
        label = f"-{flag.short}, --{name}" if flag.short else f"--{name}"
        raise HelmError(f'invalid argument "{text}" for "{label}" flag: {error}') from error


def _convert(kind: str, text: str) -> Value:
    if kind == "bool":
        if text not in _TRUE | _FALSE:
            raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
        return text in _TRUE
    if kind == "int":
        if not re.fullmatch(r"[+-]?\d+", text):
            raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        return int(text)
    if kind == "duration":
        return duration(text)
    if kind == "format" and text not in {"table", "json", "yaml"}:
        raise ValueError("invalid format type")
    return text
