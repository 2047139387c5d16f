"""The commands that need no cluster: version, env, show, and the one repository there is."""

from __future__ import annotations

import sys

from migration_cockpit.rehearsal.helm import charts, output
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template import semver
from migration_cockpit.rehearsal.helm.template.engine import Engine
from migration_cockpit.rehearsal.helm.template.errors import TemplateError
from migration_cockpit.rehearsal.helm.template.nodes import Value

# What this helm is compatible with; the metadata says that it is not the real one.
VERSION = "v3.19.0+rehearsal"
_INFO = {"Version": VERSION, "GitCommit": "", "GitTreeState": "clean", "GoVersion": "none"}


def _say(text: str) -> None:
    sys.stdout.write(text)


def run_version(flags: dict[str, Value], _args: list[str]) -> None:
    """`helm version [--short] [--template T]`"""
    if flags["template"]:
        try:
            _say(Engine({"_": flags["template"]}).render("_", _INFO))
        except TemplateError as error:
            raise HelmError(str(error)) from error
    elif flags["short"]:
        _say(f"{VERSION}\n")
    else:
        _say("version.BuildInfo{" + ", ".join(f'{key}:"{value}"' for key, value in _INFO.items()) + "}\n")


def run_show(flags: dict[str, Value], args: list[str]) -> None:
    """`helm show values|chart|readme|all CHART`"""
    what, reference = args
    directory = charts.locate(reference, flags["version"])
    chart = charts.load(directory)
    if what in {"chart", "all"}:
        _say(output.encode(chart.metadata, "yaml") + "\n")
    if what == "all":
        _say("---\n")
    if what in {"values", "all"}:
        _say(chart.values_text + "\n")
    if what in {"readme", "all"} and "README.md" in chart.files:
        _say(chart.files["README.md"] + "\n")


def run_search(flags: dict[str, Value], args: list[str]) -> None:
    """`helm search repo [KEYWORD]`: newest first, all versions with --versions."""
    keyword = args[1].lower() if len(args) > 1 else ""
    if args[0] != "repo":
        raise HelmError("this helm can only search its own repository: helm search repo")
    rows: list[dict[str, str]] = []
    for _directory, chart in charts.repository():
        name = f"{charts.REPOSITORY}/{chart['name']}"
        text = f"{name} {chart.get('description', '')} {' '.join(chart.get('keywords') or [])}".lower()
        if keyword not in text or (rows and not flags["versions"]):
            continue
        wanted = flags["version"] or (">0.0.0-0" if flags["devel"] else ">0.0.0")
        if semver.satisfies(wanted, semver.parse(str(chart["version"]))):
            rows.append(
                {
                    "name": name,
                    "version": str(chart["version"]),
                    "app_version": str(chart.get("appVersion", "")),
                    "description": str(chart.get("description", "")),
                }
            )
    if not rows and flags["fail-on-no-result"]:
        raise HelmError("no results found")
    if flags["output"] != "table":
        _say(output.encode(rows, flags["output"]))
    elif rows:
        head = ["NAME", "CHART VERSION", "APP VERSION", "DESCRIPTION"]
        _say(output.table([head, *(list(row.values()) for row in rows)], widest=50))
    else:
        _say("No results found\n")


def run_repo(flags: dict[str, Value], args: list[str]) -> None:
    """`helm repo list|add|update`: there is one repository, it is always there and always fresh."""
    what = args[0]
    if what == "add":
        if len(args) < 3:
            raise HelmError('"helm repo add" requires 2 arguments\n\nUsage:  helm repo add [NAME] [URL] [flags]')
        if args[1] != charts.REPOSITORY:
            raise HelmError(
                f'looks like "{args[2]}" is not a valid chart repository or cannot be reached: '
                "this helm has the charts of the rehearsal only"
            )
        _say(f'"{args[1]}" already exists with the same configuration, skipping\n')
    elif what == "update":
        _say(
            "Hang tight while we grab the latest from your chart repositories...\n"
            f'...Successfully got an update from the "{charts.REPOSITORY}" chart repository\n'
            "Update Complete. ⎈Happy Helming!⎈\n"
        )
    elif what == "list":
        row = {"name": charts.REPOSITORY, "url": charts.REPOSITORY_URL}
        if flags["output"] != "table":
            _say(output.encode([row], flags["output"]))
        else:
            _say(output.table([["NAME", "URL"], list(row.values())]))
    else:
        raise HelmError(f'unknown command "{what}" for "helm repo"')
