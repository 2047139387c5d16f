"""YAML as Go programs of the Kubernetes world read and write it, which is not quite what PyYAML does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.helm.template.nodes import Value

_Base: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _GoLoader(_Base):  # type: ignore[misc] # the C loader is chosen at run time
    """YAML 1.1 with Go's scalars: no dates, no base-60 numbers, 1e3 is a number, y and n are booleans."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute


_GoLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile(r"^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"),
    list("yYnNtTfFoO"),
)
_GoLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_INT = re.compile(r"^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$")
_FLOAT = re.compile(
    r"^[-+]?(?:(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$"
)
_GoLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
_GoLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_GoLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"])


def _construct_bool(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    return loader.construct_scalar(node).lower() in {"y", "yes", "true", "on"}


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    if re.fullmatch(r"0[0-7]+", digits):
        return sign * int(digits, 8)
    return sign * int(digits, 0)


_GoLoader.add_constructor("tag:yaml.org,2002:bool", _construct_bool)
_GoLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)
# Away from a key, the merge sign is just text.
_GoLoader.add_constructor("tag:yaml.org,2002:merge", lambda loader, node: loader.construct_scalar(node))


class YamlError(ValueError):
    """Text that is no YAML, worded as Go's YAML package words it."""


def load(text: str) -> Value:
    """Read one YAML document; whole numbers stay whole.

    Raises:
        YamlError: the text is no YAML.
    """
    try:
        return _keys_to_text(yaml.load(text, Loader=_GoLoader))  # noqa: S506 - derived from SafeLoader
    except yaml.MarkedYAMLError as error:
        line = _error_line(error)
        raise YamlError(f"yaml: {line}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlError(f"yaml: {error}") from error


def _error_line(error: yaml.MarkedYAMLError) -> str:
    """Go's package counts from 0 in the parser and from 1 in the scanner, and says nothing about line 0."""
    mark = error.problem_mark
    if mark is None or mark.line == 0:
        mark = error.context_mark or mark
    if mark is None:
        return ""
    number = mark.line + (1 if isinstance(error, yaml.scanner.ScannerError) and mark.line else 0)
    return f"line {number}: " if number else ""


def load_values(text: str) -> Value:
    """Read YAML the way helm reads values: it goes through JSON, so every number is a float64."""
    return floats(load(text))


def floats(value: Value) -> Value:
    """Every number as a float, as decoding JSON in Go makes them."""
    if isinstance(value, dict):
        return {key: floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [floats(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def plain(value: Value) -> Value:
    """The value with whole floats as ints, as JSON writes them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value


def ordered(value: Value) -> Value:
    """The value with the keys of every map sorted, as Go writes a map to JSON."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return value


def _keys_to_text(value: Value) -> Value:
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _key(key): _keys_to_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_keys_to_text(item) for item in value]
    return value


def _key(key: Value) -> str:
    if key is None:
        return "null"
    return str(key).lower() if isinstance(key, bool) else str(plain(key))


# Column behind which Go's emitter breaks a line.
_WIDTH = 80
_PLAIN_START = re.compile(r"[A-Za-z0-9_./\\$+()<;^=~-]|[^\x00-\x7f]")
_RESOLVED = re.compile(
    r"^(?:y|n|yes|no|on|off|true|false|null|~|\.nan|[-+]?\.inf)$|^[-+]?\.?[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?$"
    r"|^[-+]?0[xob][0-9a-f_]+$|^\d{4}-\d\d?-\d\d?(?:$|[Tt \t].*)|^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$",
    re.IGNORECASE,
)


def dump(value: Value) -> str:
    """Write a value as Kubernetes' YAML package does: keys sorted, lists not indented below their key.

    The text ends with a newline.
    """
    value = plain(value)
    if isinstance(value, dict) and value:
        return "\n".join(_map(value, 0)) + "\n"
    if isinstance(value, list) and value:
        return "\n".join(_list(value, 0)) + "\n"
    return "\n".join(_scalar(value, 2, 0)) + "\n"


def _map(value: dict[str, Value], indent: int) -> list[str]:
    lines: list[str] = []
    pad = " " * indent
    for key in sorted(value, key=_natural):
        item, name = value[key], _scalar(str(key), 0, None)[0]
        if isinstance(item, dict) and item:
            lines += [f"{pad}{name}:", *_map(item, indent + 2)]
        elif isinstance(item, list) and item:
            lines += [f"{pad}{name}:", *_list(item, indent)]
        else:
            lead = f"{pad}{name}: "
            first, *rest = _scalar(item, indent + 2, len(lead))
            lines += [lead + first, *rest]
    return lines


def _list(value: list[Value], indent: int) -> list[str]:
    lines: list[str] = []
    pad = " " * indent
    for item in value:
        if isinstance(item, dict) and item:
            nested = _map(item, indent + 2)
        elif isinstance(item, list) and item:
            nested = _list(item, indent + 2)
        else:
            first, *rest = _scalar(item, indent + 2, indent + 2)
            lines += [f"{pad}- {first}", *rest]
            continue
        lines += [f"{pad}- {nested[0][indent + 2 :]}", *nested[1:]]
    return lines


def _scalar(value: Value, indent: int, column: int | None) -> list[str]:
    """The lines of a scalar; the first begins at `column` (None: never broken), the others are indented."""
    if value is None:
        return ["null"]
    if isinstance(value, dict | list):
        return ["{}" if isinstance(value, dict) else "[]"]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, int | float):
        return [json.dumps(value)]
    return _text(str(value), indent, column)


def _text(text: str, indent: int, column: int | None) -> list[str]:
    if "\n" in text and _printable(text.replace("\n", "")):
        return _literal(text, indent)
    if not _printable(text) or text == "" or _RESOLVED.match(text):
        return _fold(_double_quoted(text), indent, column)
    if _is_plain(text):
        return _fold(text, indent, column)
    return _fold("'" + text.replace("'", "''") + "'", indent, column)


_ESCAPES = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e",
    '"': '"', "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


def _double_quoted(text: str) -> str:
    return '"' + "".join(_escape(char) for char in text) + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return "\\" + _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _fold(text: str, indent: int, column: int | None) -> list[str]:
    """Break a line that is longer than the emitter's best width, at the first single space behind it."""
    if column is None or column + len(text) <= _WIDTH:
        return [text]
    lines, start, width = [], 0, column
    for position in range(1, len(text) - 1):
        single = text[position] == " " and text[position - 1] != " " and text[position + 1] != " "
        if single and width + position - start > _WIDTH:
            lines.append(text[start:position])
            start, width = position + 1, indent
    lines.append(text[start:])
    return [lines[0], *(" " * indent + line for line in lines[1:])]


def _printable(text: str) -> bool:
    return all(char.isprintable() or char == " " for char in text)


def _is_plain(text: str) -> bool:
    if text != text.strip() or ": " in text or " #" in text or text.endswith(":") or text in {"---", "..."}:
        return False
    if not _PLAIN_START.match(text[0]):
        return text[0] in "?:" and len(text) > 1 and text[1] != " "
    return not (text[0] == "-" and (len(text) == 1 or text[1] == " ")) and not text.startswith(("--- ", "... "))


def _literal(text: str, indent: int) -> list[str]:
    body = text.rstrip("\n")
    ending = len(text) - len(body)
    if not body:
        return [_double_quoted(text)]
    mark = {0: "-", 1: ""}.get(ending, "+")
    hint = "2" if body.startswith((" ", "\n")) else ""
    lines = body.split("\n") + [""] * max(ending - 1, 0)
    return [f"|{hint}{mark}", *(" " * indent + line if line else "" for line in lines)]


def _natural(key: str) -> list[tuple[int, int | str, str]]:
    """Go's YAML package sorts keys with their numbers as numbers, and letters after other characters."""
    parts = re.findall(r"\d+|\D", key)
    return [(1, int(part), "") if part.isdigit() else (2 if part.isalpha() else 0, part, "") for part in parts]
