"""A release's values: files and --set on top of each other, chart defaults and earlier values below them."""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from migration_cockpit.rehearsal.helm import strvals
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template import yamlish
from migration_cockpit.rehearsal.helm.template.nodes import Value

Values = dict[str, Value]


@dataclass
class Given:
    """What the command line says about values; each list in the order given, the kinds applied in this order."""

    files: list[str] = field(default_factory=list)
    set_json: list[str] = field(default_factory=list)
    set_typed: list[str] = field(default_factory=list)
    set_string: list[str] = field(default_factory=list)
    set_file: list[str] = field(default_factory=list)

    def merged(self) -> Values:
        """All of them in one map; a later one wins, maps are merged.

        Raises:
            HelmError: a file cannot be read or is no map, an expression cannot be parsed.
        """
        merged: Values = {}
        for name in self.files:
            merged = merge(merged, _read(name))
        for text in self.set_json:
            _set_json(text, merged)
        for text in self.set_typed:
            strvals.parse_into(text, merged, strvals.typed)
        for text in self.set_string:
            strvals.parse_into(text, merged, str)
        for text in self.set_file:
            strvals.parse_into(text, merged, _content)
        return merged


def merge(base: Values, over: Values) -> Values:
    """A new map: values of `over` win, maps on both sides are merged; null stays, to be dropped when coalescing."""
    result = dict(base)
    for key, value in over.items():
        present = result.get(key)
        result[key] = merge(present, value) if isinstance(value, dict) and isinstance(present, dict) else value
    return result


def _read(name: str) -> Values:
    if name == "-":
        text = sys.stdin.read()
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except OSError as error:
            raise HelmError(f"open {name}: {(error.strerror or str(error)).lower()}") from error
    try:
        value = yamlish.load_values(text)
    except yamlish.YamlError as error:
        raise HelmError(f"failed to parse {name}: error converting YAML to JSON: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        kind = "array" if isinstance(value, list) else "string"
        raise HelmError(
            f"failed to parse {name}: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} "
            "into Go value of type map[string]interface {}"
        )
    return value


def _content(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise HelmError(f"failed parsing --set-file data: open {name}: {(error.strerror or '').lower()}") from error


def _set_json(text: str, target: Values) -> None:
    key, _, value = text.partition("=")
    try:
        decoded = json.loads(value)
    except ValueError as error:
        raise HelmError(f"failed parsing --set-json data {text}: {error}") from error
    strvals.parse_into(f"{key}=x", target, lambda _text: yamlish.floats(decoded))


def coalesce(over: Values, defaults: Values) -> Values:
    """`over` completed by `defaults`; null in `over` removes the key. Neither argument is changed."""
    result = copy.deepcopy(over)
    _coalesce(result, copy.deepcopy(defaults))
    return result


def _coalesce(target: Values, defaults: Values) -> None:
    for key, value in defaults.items():
        if key not in target:
            target[key] = value
        elif target[key] is None:
            del target[key]
        elif isinstance(target[key], dict) and isinstance(value, dict):
            _coalesce(target[key], value)


@dataclass(frozen=True)
class Reuse:
    """How an upgrade treats the values of the release before: the three flags, in order of precedence."""

    reset: bool = False
    reuse: bool = False
    reset_then_reuse: bool = False


def for_upgrade(
    mode: Reuse, given: Values, old_config: Values, old_defaults: Values, defaults: Values
) -> tuple[Values, Values]:
    """The user values to store and the chart defaults to render with.

    Without a flag the old values are kept only when nothing new is given. `--reuse-values` also keeps the *old chart's*
    defaults, which is why new defaults of a new chart are missing then.
    """
    if mode.reset:
        return given, defaults
    if mode.reuse:
        return coalesce(given, old_config), coalesce(old_config, old_defaults)
    if mode.reset_then_reuse:
        return coalesce(given, old_config), defaults
    if not given and old_config:
        return old_config, defaults
    return given, defaults
