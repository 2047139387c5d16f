"""The catalogue as a whole: it is complete, its words are right, its mends can be filled in."""

from __future__ import annotations

import re

import pytest

from migration_cockpit.advice import failures
from migration_cockpit.advice.failures.entry import KINDS, SEVERITIES, SURE
from migration_cockpit.advice.failures.states import RULES
from migration_cockpit.advice.failures.text import patterns
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session.migration import MigrationState
from migration_cockpit.session.readings import DatabaseReading
from migration_cockpit.session.state import State

ALL = failures.catalogue()
PLACES = {
    *("context", "namespace", "release", "source_version", "target_version", "source_head", "kubectl", "committed"),
    *("job", "pod", "blocker", "blocker_who", "chart"),
}
"""What a session can fill in; the groups of an entry's own patterns come beside."""


def test_there_are_many_and_no_name_is_there_twice() -> None:
    assert len(ALL) >= 45
    assert len({each.id for each in ALL}) == len(ALL)
    assert len({each.title for each in ALL}) == len(ALL)


@pytest.mark.parametrize("failure", ALL, ids=lambda each: each.id)
def test_an_entry_is_whole(failure: failures.Failure) -> None:
    entry = failure.entry
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
    assert len(entry.title) <= 72
    assert all((entry.see, entry.why, entry.source, entry.mend, entry.matches))
    assert entry.sure in SURE
    assert {entry.severity, *entry.by_step.values()} <= set(SEVERITIES)
    assert list(entry.by_step) == [step for step in STEP_IDS if step in entry.by_step], "in the order of the flight"
    assert bool(entry.key) == bool(entry.key_does)
    assert not entry.key or entry.key in {
        key for control in CONTROLS if control.where == "screen" for key in control.keys
    }
    for matcher in entry.matches:
        assert bool(matcher.text) != bool(matcher.state)
        assert set(matcher.kinds) <= set(KINDS)


@pytest.mark.parametrize("failure", ALL, ids=lambda each: each.id)
def test_a_mend_has_only_places_that_can_be_filled(failure: failures.Failure) -> None:
    own = {name for pattern in patterns() if pattern.failure is failure for name in pattern.expression.groupindex}
    own |= {"revision_version"} if "revision" in own else set()
    text = " ".join(f"{mend.do} {mend.run}" for mend in failure.entry.mend)
    assert set(re.findall(r"\{([a-z_]+)\}", text)) <= PLACES | own


def test_every_rule_belongs_to_an_entry_and_every_entry_has_its_rule() -> None:
    named = {matcher.state for each in ALL for matcher in each.entry.matches if matcher.state}
    assert named == set(RULES)


def test_the_severity_of_waiting_pods_depends_on_the_step() -> None:
    waiting = failures.by_id("unapplied-migrations")
    assert waiting is not None
    assert [waiting.severity(step) for step in ("pause", "helm", "migrate", "healthy", "soak", "")] == [
        *("bad", "expected", "expected", "bad", "bad", "bad")
    ]


def session(**changes: object) -> State:
    """A session of airflow-prod."""
    opened = ev.SessionOpened(
        session="airflow-prod-1",
        deployment="airflow-prod",
        production=True,
        source_version="2.11.2",
        target_version="3.2.2",
        context="prod-eu",
        namespace="airflow",
        release="af",
        config="",
        program="",
        planned={},
    )
    return State(session=opened, **changes)  # type: ignore[arg-type]  # fields of State, given by name


def test_a_mend_names_this_session_and_what_was_found() -> None:
    values = failures.known(session())
    assert failures.filled("{kubectl} get pod -l release={release}", values) == (
        "kubectl --context prod-eu -n airflow get pod -l release=af"
    )
    assert failures.filled("pid {blocker}", values) == "pid <blocker>"
    assert failures.filled('{"spec": {"suspend": true}}', values) == '{"spec": {"suspend": true}}'


def test_the_committed_revision_is_the_last_that_was_read_although_the_row_is_gone() -> None:
    state = session(migration=MigrationState(heads=("bbb2",)), database=DatabaseReading(server_version=160004))
    assert failures.known(state)["committed"] == "bbb2"


def test_an_unknown_revision_is_told_by_its_version() -> None:
    text = "{revision} belongs to Airflow {revision_version}"
    assert failures.filled(text, {"revision": "fe199e1abd77"}) == "fe199e1abd77 belongs to Airflow 3.0.3"


def test_what_was_perhaps_meant_is_offered() -> None:
    assert "xcom-nan" in failures.near("xcom-nn")
    assert failures.near("qqqqqqq") == []
