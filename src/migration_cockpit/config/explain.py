"""What does not fit the tables, in the words of the file: key, what was found there, what it takes."""

from __future__ import annotations

import difflib
import re
from typing import Any

import msgspec

from .sections import SecretRef, Settings


def explain(message: str, raw: dict[str, Any]) -> str:
    """Say a validation error in the words of the file: table.key, what was found, what is taken."""
    text, _, where = message.partition(" - at ")
    key = where.strip("`").removeprefix("$").lstrip(".")
    table = key or "top level"
    missing = re.search(r"missing required field `(\w+)`", text)
    if missing:
        name = f"{key}.{missing[1]}" if key else missing[1]
        return f"{name}: is missing; config.example.toml says what it takes"
    unknown = re.search(r"unknown field `(.+)`", text)
    if unknown:
        known = _keys_of(key)
        near = difflib.get_close_matches(unknown[1], known, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; {table} takes {', '.join(known)}"
        return f"{f'{key}.' if key else ''}{unknown[1]}: is not a key{hint}"
    found = _lookup(raw, key)
    if text.startswith("Invalid enum value"):
        return f"{key}: found {found!r}, takes {' or '.join(_choices(key))}"
    taken = text.removeprefix("Expected ").partition(", got ")[0].strip("`").replace("`", "")
    words = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "object": "a table"}
    words |= {"array": "a list", "datetime": "a UTC time such as 2026-05-16T09:00:00Z"}
    words["Invalid RFC3339 encoded datetime"] = words["datetime"]
    taken = " or ".join(words.get(part.strip(), part.strip()) for part in taken.split("|"))
    shown = _kind(found) if _may_be_secret(key, text) else repr(found)
    return f"{key}: found {shown}, takes {taken}"


def _may_be_secret(key: str, text: str) -> bool:
    """Whether what stands at the key may be a secret itself, as where a DSN is written in place of its reference."""
    # What stands where a table belongs is shown by its kind only: nobody knows what was put there.
    return text.startswith("Expected `object") or _keys_of(key.rpartition(".")[0]) == list(SecretRef.__struct_fields__)


def _kind(found: Any) -> str:
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return next((word for kind, word in kinds.items() if isinstance(found, kind)), "a time")


def _keys_of(key: str) -> list[str]:
    """The keys that a table of this dotted name takes."""
    return [field.encode_name for field in _fields_of(key)]


def _fields_of(key: str) -> tuple[Any, ...]:
    """The fields of a table of this dotted name, one that may be left out too; none where it is no table."""
    current: Any = Settings
    for part in [p for p in key.split(".") if p]:
        name = part.split("[")[0]
        field = next((f for f in msgspec.structs.fields(current) if f.encode_name == name), None)
        if field is None:
            return ()
        options = getattr(field.type, "__args__", (field.type,))
        current = next((o for o in options if isinstance(o, type) and issubclass(o, msgspec.Struct)), None)
        if current is None:
            return ()
    return msgspec.structs.fields(current)


def _choices(key: str) -> list[str]:
    """The words that a key takes which takes some words only."""
    table, _, name = key.rpartition(".")
    field = next(f for f in _fields_of(table) if f.encode_name == name)
    return [str(each) for each in field.type.__args__]


def _lookup(raw: dict[str, Any], key: str) -> Any:
    """The value found at a dotted key, for an error message."""
    value: Any = raw
    for part in re.findall(r"\w+", key):
        if isinstance(value, list) and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return value
    return value
