"""Every entry matches what it must and not what it must not; over whole logs exactly the expected ones match."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.advice import failures
from migration_cockpit.advice.failures.entry import KINDS
from migration_cockpit.advice.failures.text import LogReader, patterns

HERE = Path(__file__).parent
TEXTS: dict[str, Any] = tomllib.loads((HERE / "texts.toml").read_text("utf-8"))
LOGS = {
    "downgrade-3.0.6-to-2.11.0.log": [],
    "migrate-2.11.0-to-3.0.6.log": [],
    "migrate-2.11.2-to-3.2.2.log": [],
    "migrate-after-deleted-alembic-version.log": ["stamped-over-old-schema"],
    "migrate-bad-xcom-1.log": ["xcom-null-character"],
    "migrate-blocked-and-kill9.log": ["migration-killed"],
    "migrate-cancelled-mid-revision.log": ["migration-ended-by-hand"],
    "migrate-resumed-after-cancel.log": [],
    "migrate-terminated.log": ["migration-ended-by-hand"],
    "standin-flight.log": [],
}
"""Logs of real runs of Airflow (and one of a flight with the stand-in), and what shows in them."""


def cases(which: str) -> list[Any]:
    """(entry, text, kind, revision, what else matches) for all texts of a kind."""
    found = []
    for name, texts in TEXTS.items():
        for number, each in enumerate(texts[which]):
            given = {"text": each} if isinstance(each, str) else each
            values = (name, given["text"], given.get("kind", "log"), given.get("revision", ""), given.get("also", []))
            found.append(pytest.param(*values, id=f"{name}-{number}"))
    return found


def ids(text: str, kind: str, revision: str) -> set[str]:
    return {match.failure.id for match in failures.match_text(text, kind, "here", revision)}


@pytest.mark.parametrize(("name", "text", "kind", "revision", "also"), cases("yes"))
def test_an_entry_and_no_other_matches_its_text(
    name: str, text: str, kind: str, revision: str, also: list[str]
) -> None:
    assert ids(text, kind, revision) == {name, *also}


@pytest.mark.parametrize(("name", "text", "kind", "revision", "also"), cases("no"))
def test_an_entry_leaves_its_counterexample_alone(
    name: str, text: str, kind: str, revision: str, also: list[str]
) -> None:
    found = ids(text, kind, revision)
    assert name not in found
    assert set(also) <= found


def test_every_entry_with_a_pattern_has_both_kinds_of_text() -> None:
    wanted = {pattern.failure.id for pattern in patterns()}
    assert wanted == set(TEXTS)
    assert all(texts["yes"] and texts["no"] for texts in TEXTS.values())


def test_every_log_of_the_folder_has_its_expectation() -> None:
    assert {path.name for path in (HERE / "logs").glob("*.log")} == set(LOGS)


@pytest.mark.parametrize(("name", "expected"), LOGS.items())
def test_in_a_whole_log_exactly_the_expected_ones_show(name: str, expected: list[str]) -> None:
    lines = (HERE / "logs" / name).read_text("utf-8").splitlines()
    assert len(lines) > 15
    assert [match.failure.id for match in failures.match_lines(lines)] == expected
    best = failures.match_log(lines, "migrate")
    assert ([best.failure.id] if best else []) == expected


def test_what_is_expected_at_a_step_explains_no_failure_of_it() -> None:
    text = (
        "TimeoutError: There are still unapplied migrations after 60 seconds. MigrationHead(s) in DB: "
        "{'5f2621c13b39'} | Migration Head(s) in Source Code: {'1d6611b6ab7c'}"
    )
    assert failures.match_log([text], "helm") is None
    after = failures.match_log([text], "healthy")
    assert after is not None
    assert after.values["in_database"] == "{'5f2621c13b39'}"


def test_the_worst_explains_before_what_is_only_careful() -> None:
    lines = [
        "could not convert dag run conf for 3 records. batch=1",
        "psycopg2.errors.QueryCanceled: canceling statement due to statement timeout",
        "RuntimeError: Error releasing DB lock!",
    ]
    best = failures.match_log(lines, "migrate")
    assert best is not None
    assert best.failure.id == "statement-timeout"


def test_a_reader_that_goes_on_in_the_middle_knows_the_revision() -> None:
    line = "psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout"
    fresh = LogReader().read(line)
    resumed = LogReader(revision="a2c32e6c7729").read(line)
    assert [match.failure.id for match in (*fresh, *resumed)] == ["second-migration", "lock-timeout"]


def test_a_password_that_airflow_prints_is_no_evidence() -> None:
    (match,) = failures.match_text("Simple auth manager | Password for user 'admin': hunter22", "log", "here")
    assert "hunter22" not in match.evidence


def test_a_line_of_a_megabyte_costs_no_more_than_a_long_one() -> None:
    assert failures.match_text("x" * 1_000_000 + "deadlock detected", "log", "here") == []


def test_the_catalogue_does_not_recognise_its_own_words() -> None:
    """A step that failed quotes titles and mends: they must not show other failures."""
    for failure in failures.catalogue():
        for text in (failure.title, *(mend.do for mend in failure.entry.mend)):
            for kind in KINDS:
                assert failures.match_text(text, kind, "here") == [], text
