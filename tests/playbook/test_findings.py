"""What `check` prints: a table that fits the terminal, and JSON."""

from __future__ import annotations

import json

import pytest

from migration_cockpit.playbook.findings import Finding, as_json, as_table

FINDINGS = [
    Finding("Kubernetes", "cluster", True, "context prod-eu, v1.32.4", "a mend that nobody needs"),
    Finding("Kubernetes", "permission", False, "may not patch jobs: needed for the migration Job", "add patch on jobs"),
    Finding("Postgres", "reach", True, "PostgreSQL 16.4, database airflow as cockpit"),
]


def test_each_area_stands_once_and_only_what_is_wrong_has_its_mend() -> None:
    lines = as_table(FINDINGS, width=100).splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "Kubernetes",
        "Postgres",
        "2 of 3 ok, 1 wrong",
    ]
    assert "  ✘ WRONG permission  may not patch jobs: needed for the migration Job" in lines
    assert lines[lines.index("  ✘ WRONG permission  may not patch jobs: needed for the migration Job") + 1].endswith(
        "→ add patch on jobs"
    )
    assert not any("nobody needs" in line for line in lines)


@pytest.mark.parametrize("width", [60, 80, 160])
def test_it_fits_the_width(width: int) -> None:
    assert max(len(line) for line in as_table(FINDINGS, width=width).splitlines()) <= width


def test_nothing_wrong_says_nothing_of_wrong() -> None:
    assert as_table([FINDINGS[0]], width=80).splitlines()[-1] == "1 of 1 ok"
    assert as_table([], width=80).splitlines()[-1] == "0 of 0 ok"


def test_json_has_every_field_of_every_finding() -> None:
    found = json.loads(as_json(FINDINGS))
    assert [one["ok"] for one in found] == [True, False, True]
    assert found[1] == {
        "area": "Kubernetes",
        "name": "permission",
        "ok": False,
        "found": "may not patch jobs: needed for the migration Job",
        "mend": "add patch on jobs",
    }
