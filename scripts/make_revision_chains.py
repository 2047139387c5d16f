"""Write src/migration_cockpit/advice/revisions.json: the database revisions of Airflow, in order.

    python scripts/make_revision_chains.py

Asks the installed packages of each release line (alembic's script directories, `_REVISION_HEADS_MAP`), takes the chain
of the newest, and stops when an older release does not agree with it. Shape of the result:

    core.revisions   [{revision, down_revision, version, message}], first is the start: the last head of 2.x
    core.heads       {Airflow version: head}
    fab.revisions    likewise; the first one is the base that a database of 2.x is stamped with
    fab.heads        {FAB provider version: head}, as found in the packages asked
    fab.providers    {Airflow version: FAB provider version} of the packages asked
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from released_airflow import INSPECTED, RELEASED, install, repository, variables, version_key

from migration_cockpit.actions import image_chain

START = "5f2621c13b39"

ASK = """
import json
from importlib.metadata import version
from airflow.utils import db

print(json.dumps({"heads": db._REVISION_HEADS_MAP, "fab_provider": version("apache-airflow-providers-fab")}))
"""


def ask(version: str) -> dict[str, Any]:
    """What the installed packages of a release say about its revisions."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [str(install(version) / "bin" / "python"), "-c", image_chain.PROGRAM + ASK],
            env=variables(Path(home)),
            check=True,
            capture_output=True,
            text=True,
        )
    lines = done.stdout.splitlines()
    answer: dict[str, Any] = json.loads(lines[-1])
    rows = image_chain.told(lines)[::-1]
    return answer | {chain: [_row(row) for row in rows if row["chain"] == chain] for chain in ("core", "fab")}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A revision as it stands in the file."""
    kept = {name: row[name] for name in ("revision", "down_revision", "version", "message")}
    return kept | {"version": row["version"] or None}


def from_start(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The part of a chain from START on, checked to be one line without gaps."""
    first = next(index for index, row in enumerate(rows) if row["revision"] == START)
    kept = rows[first:]
    for before, after in pairwise(kept):
        if after["down_revision"] != before["revision"]:
            raise SystemExit(f"the chain is not a line at {after['revision']}: {after['down_revision']}")
    return kept


def head_of(version: str, heads: dict[str, str]) -> str:
    """The head of a release: the map names only the releases that changed it."""
    changed = max((v for v in heads if version_key(v) <= version_key(version)), key=version_key)
    return heads[changed]


def main() -> None:
    """Ask every inspected release, compare, write."""
    answers = {version: ask(version) for version in INSPECTED}
    newest = answers[INSPECTED[-1]]
    core = from_start(newest["core"])
    ids = [row["revision"] for row in core]
    for version, answer in answers.items():
        own = [row["revision"] for row in from_start(answer["core"])]
        if own != ids[: len(own)]:
            raise SystemExit(f"the chain of {version} is not the beginning of the newest one")
        if own[-1] != head_of(version, newest["heads"]):
            raise SystemExit(f"{version} ends at {own[-1]}, the map says {head_of(version, newest['heads'])}")
    fab_heads = {a["fab_provider"]: a["fab"][-1]["revision"] for a in answers.values() if a["fab"]}
    result = {
        "core": {"revisions": core, "heads": {v: head_of(v, newest["heads"]) for v in RELEASED}},
        "fab": {
            "revisions": newest["fab"],
            "heads": dict(sorted(fab_heads.items(), key=lambda item: version_key(item[0]))),
            "providers": {version: answer["fab_provider"] for version, answer in answers.items()},
        },
    }
    target = repository() / "src" / "migration_cockpit" / "advice" / "revisions.json"
    target.write_text(render(result), "utf-8")
    print(f"{target}: {len(core)} core revisions from {START} to {ids[-1]}, {len(newest['fab'])} of FAB")


def render(result: dict[str, Any]) -> str:
    """JSON with one revision a line, so that a new release is a readable diff."""
    parts = []
    for name, chain in result.items():
        rows = ",\n".join("   " + json.dumps(row) for row in chain["revisions"])
        rest = [f'  "{key}": {json.dumps(value)}' for key, value in chain.items() if key != "revisions"]
        parts.append(f' "{name}": {{\n  "revisions": [\n{rows}\n  ],\n' + ",\n".join(rest) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
