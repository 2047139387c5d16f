"""A config.toml from the documented example and what was found: every comment stays, values change, nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from migration_cockpit.config import STEP_IDS
from migration_cockpit.connections.releases import merged

_TABLE = re.compile(r"^\[([\w.]+)\]")
_KEY = re.compile(r"^(?P<off># )?(?P<key>\w+)\s*=\s*(?P<value>.*?)(?P<note>\s+#.*)?$")
_OFFSETS = dict(zip(STEP_IDS, (0, 5, 15, 45, 75, 105, 120, 150, 210, 240, 360), strict=True))
"""Minutes from the start to each step, as the source playbook has them; its window is seven hours."""
_WINDOW = 420
_SATURDAY = 5


class DraftError(Exception):
    """A value was given for a key that the config does not have."""


def template() -> str:
    """config.example.toml: in an installed package it lies beside the code, in a checkout at its top."""
    packaged = files("migration_cockpit").joinpath("config.example.toml")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return Path(__file__).parents[4].joinpath("config.example.toml").read_text(encoding="utf-8")


def fill(template: str, values: Mapping[str, Any], *, without: Collection[str] = ()) -> str:
    """The example with `values` (by dotted key) in the place of its own; tables of `without` are commented out.

    Raises DraftError for a key that the example does not document.
    """
    left = dict(values)
    lines, table = [], ""
    for line in template.splitlines():
        if head := _TABLE.match(line):
            table = head[1]
        off = table in without or table.split(".")[0] in without
        match = _KEY.match(line)
        dotted = f"{table}.{match['key']}" if match and table else ""
        if match and dotted in left and not off:
            note = (match["note"] or "").strip()
            text = f"{match['key']} = {toml(left.pop(dotted))}"
            lines.append(f"{text:<37} {note}".rstrip() if note else text)
        else:
            lines.append(f"# {line}" if off and line and not line.startswith("#") else line)
    if left:
        raise DraftError(f"{', '.join(sorted(left))}: is no key of the config, or of a table that is left out")
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    """A value as TOML. Takes text, numbers, truth values, times, lists and flat tables of these."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(each) for each in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {toml(each)}' for key, each in value.items())} }}"
    return repr(value)


def schedule(now: datetime) -> dict[str, datetime]:
    """The playbook's day on the Saturday after next, from 09:00 UTC: a rested team, a weekend to recover in."""
    ahead = (_SATURDAY - now.weekday()) % 7 + 7
    start = (now + timedelta(days=ahead)).replace(hour=9, minute=0, second=0, microsecond=0)
    planned = {f"schedule.{step}": start + timedelta(minutes=minutes) for step, minutes in _OFFSETS.items()}
    return planned | {"schedule.window_end": start + timedelta(minutes=_WINDOW)}


def target_values(values: dict[str, Any], target: str) -> dict[str, Any]:
    """The release's own values with the two switches of a version: `airflowVersion` and the image's tag."""
    changed = merged(values, {"airflowVersion": target})
    image = (changed.get("images") or {}).get("airflow") or {}
    if image.get("tag"):
        return merged(changed, {"images": {"airflow": {"tag": target}}})
    return merged(changed, {"defaultAirflowTag": target})
