"""The values files for the target version, merged as helm merges them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Values = dict[str, Any]


def merged(files: Iterable[str]) -> Values | str:
    """The files one over the other; or which one cannot be used, and why."""
    import yaml

    found: Values = {}
    for file in files:
        try:
            given = yaml.safe_load(Path(file).read_text("utf-8")) or {}
        except OSError as error:
            return f"{file} cannot be read: {error.strerror}"
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            return f"{file} is not YAML: {' '.join(str(error).split())[:200]}"
        if not isinstance(given, dict):
            return f"{file} holds no mapping"
        found = over(found, given)
    return found


def over(below: Values, above: Values) -> Values:
    """Mappings are merged, everything else is replaced."""
    result = dict(below)
    for key, value in above.items():
        before = result.get(key)
        result[key] = over(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result


def at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    current: Any = values
    for part in path.split("."):
        if not isinstance(current, Mapping):
            return None
        current = current.get(part)
    return current


def setting(values: Mapping[str, Any], section: str, name: str) -> Any:
    """An option of Airflow as the values give it: by `config`, else as an environment variable; None for neither."""
    variable = f"AIRFLOW__{section}__{name}".upper()
    for each in at(values, "env") or ():
        if isinstance(each, Mapping) and each.get("name") == variable:
            return each.get("value")
    return at(values, f"config.{section}.{name}")


def truth(value: Any, default: bool) -> bool:
    """A value of Airflow's as true or false."""
    return default if value is None else str(value).strip().lower() in {"true", "t", "1", "yes"}
