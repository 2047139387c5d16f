"""`airflow config lint`: what of the configuration 3.x has moved, removed or given another default."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call

WIDTH = 200
"""Columns at which Airflow's console breaks lines that go into a pipe."""
DEFAULTS_OF_2 = {
    ("scheduler", "catchup_by_default"): "True",
    ("scheduler", "create_cron_data_intervals"): "True",
    ("scheduler", "create_delta_data_intervals"): "True",
    ("webserver", "base_url"): "http://localhost:8080",
}
"""Of what 2.x finds in its own defaults."""
DEFAULTS_OF_3 = {("core", "executor"): "LocalExecutor", ("core", "parallelism"): "32"}


def config_lint(call: Call) -> int:
    """Each finding as a line; the exit code is 0 all the same. What is set is read from the environment."""
    found = list(issues(os.environ, DEFAULTS_OF_3 if call.release.is3 else DEFAULTS_OF_2))
    if not found:
        call.log.plain("No issues found in your airflow.cfg. It is ready for Airflow 3!")
        return 0
    call.log.plain("Found issues in your airflow.cfg:")
    for text in found:
        call.log.plain(textwrap.fill(f"  - {text}", WIDTH, break_on_hyphens=False))
    call.log.plain("\nPlease update your configuration file accordingly.")
    return 0


def issues(environment: Mapping[str, str], defaults: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """What is found, in 3.2.2's order and words [airflow/cli/commands/config_command.py CONFIGS_CHANGES]."""
    for change in json.loads(files("migration_cockpit.rehearsal.standin").joinpath("config_changes.json").read_text()):
        place = (change["section"], change["option"])
        value = environment.get("AIRFLOW__{}__{}".format(*place).upper(), defaults.get(place))
        if value is not None and (text := _told(change, value)):
            yield text


def _told(change: Mapping[str, Any], value: str) -> str:
    section, option, suggestion = change["section"], change["option"], change.get("suggestion", "")
    if "default" in change:
        old, new = change["default"]
        text = f"Changed default value of `{option}` in `{section}` from `{old}` to `{new}`. "
        return "" if value == new else f"{text}You currently have `{value}` set. {suggestion}"
    if "to" in change:
        other, name = change["to"]
        if other == section:
            return f"`{option}` configuration parameter renamed to `{name}` in the `{section}` section."
        return f"`{option}` configuration parameter moved from `{section}` section to `{other}` section as `{name}`."
    if "invalid" in change:
        wrong = change["invalid"]
        text = f"Invalid value `{wrong}` set for `{option}` configuration parameter in `{section}` section. "
        return f"{text}{suggestion}" if value == wrong else ""
    deprecated = "" if change.get("undeprecated") else " deprecated"
    return f"Removed{deprecated} `{option}` configuration parameter from `{section}` section. {suggestion}"
