"""Judgements of the gates on plain values, and looks that fail or hang."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from migration_cockpit.actions.cluster import Pod
from migration_cockpit.actions.database import Heads, SessionRow
from migration_cockpit.playbook import gates
from migration_cockpit.playbook.gates import checked, judge_source_head
from migration_cockpit.playbook.healthy import in_back_off
from migration_cockpit.playbook.helm import is_old
from migration_cockpit.playbook.migrate_gates import foreign
from migration_cockpit.playbook.migrated import judge, judge_fab
from migration_cockpit.session import confidential
from migration_cockpit.session.redact import MASK

NOW = datetime(2026, 5, 16, 10, tzinfo=UTC)


def _session(**given: object) -> SessionRow:
    row: dict[str, object] = {
        "pid": 1,
        "user": "airflow",
        "application": "",
        "address": "10.0.0.5",
        "state": "idle",
        "started": NOW,
        "in_transaction_since": None,
        "query": "",
    }
    return SessionRow(**{**row, **given})  # type: ignore[arg-type]  # one dict of all kinds


@pytest.mark.parametrize(
    ("session", "belongs"),
    [
        (_session(query="SELECT alembic_version.version_num \nFROM alembic_version", state="active"), True),
        (_session(query="ROLLBACK"), True),
        (_session(query="UPDATE dag_run SET state='x'", state="idle in transaction"), False),  # asks for no version
        (_session(query="SELECT 1", address="10.0.0.9", state="idle in transaction"), False),  # from no waiting pod
        (_session(user="bi", application="report"), False),
        (_session(user="bi", address="10.0.0.7"), True),  # idle in the pooler
        (_session(user="bi", address="10.0.0.7", state="active"), False),
        (_session(application="airflow-db-migrate", query="select pg_advisory_lock(1)"), False),
    ],
)
def test_who_may_be_on_the_database_before_the_migration(session: SessionRow, belongs: bool) -> None:
    waiting, poolers = frozenset({"10.0.0.5"}), frozenset({"10.0.0.7"})
    found = foreign([session], waiting_user="airflow", waiting_addresses=waiting, poolers=poolers)
    assert (found == []) is belongs


def test_a_session_in_words() -> None:
    words = _session(application="psql", started=datetime(2026, 5, 16, 8, 55, tzinfo=UTC)).words(NOW)
    assert words == "pid 1 airflow psql 10.0.0.5 idle for 1 h 05 min"


def test_source_head() -> None:
    assert judge_source_head(Heads(("5f2621c13b39",)), "2.10.5")[0]
    assert not judge_source_head(Heads(("22ed7efa9da2",)), "2.11.2")[0]
    assert "no table" in judge_source_head(Heads((), table=False), "2.11.2")[1]


def test_target_head() -> None:
    assert judge(Heads(("1d6611b6ab7c",)), "2.11.2", "3.2.2")[0]
    assert judge(Heads(("d59cbbef95eb",)), "2.11.2", "3.2.2") == (
        False,
        "d59cbbef95eb, 15 of 82 revisions, 3.2.2 has 1d6611b6ab7c",
    )
    assert not judge(Heads(("1d6611b6ab7c", "d59cbbef95eb")), "2.11.2", "3.2.2")[0]
    assert not judge(Heads(()), "2.11.2", "3.2.2")[0]


def test_fab_head() -> None:
    newest, base = "02ca36b0235b", "6709f7a774b9"
    assert judge_fab(Heads((), fab=(newest,)), newest)[0]
    assert judge_fab(Heads((), fab=(newest,)), base)[0]  # a newer provider in the image
    assert not judge_fab(Heads((), fab=(base,)), newest)[0]
    assert not judge_fab(Heads((), fab=()), None)[0]


async def test_a_look_that_fails_or_hangs_is_unknown_and_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails() -> tuple[bool, str]:
        raise OSError("no route")

    async def hangs() -> tuple[bool, str]:
        await asyncio.Event().wait()
        return True, ""

    monkeypatch.setattr(gates, "LOOK_SECONDS", 0.01)
    for look in (fails, hangs):
        check = await checked("x", "mend it", look())
        assert not check.known
        assert not check.holds
        assert check.mend == "mend it"


def _pod(**given: object) -> Pod:
    row: dict[str, object] = {
        "name": "p",
        "uid": "u",
        "component": "scheduler",
        "image": "apache/airflow:3.2.2",
        "phase": "Running",
        "ready": True,
        "owned": True,
        "database": True,
    }
    return Pod(**{**row, **given})  # type: ignore[arg-type]  # one dict of all kinds


def test_old_pods_are_told_by_tag_or_by_having_been_there() -> None:
    assert is_old(_pod(image="apache/airflow:2.11.2"), frozenset(), "3.2.2")
    assert is_old(_pod(image="team/airflow:prod"), frozenset({"u"}), "3.2.2")
    assert not is_old(_pod(image="team/airflow:prod"), frozenset(), "3.2.2")
    assert not is_old(_pod(), frozenset(), "3.2.2")


def test_pods_in_back_off() -> None:
    assert in_back_off(_pod(phase="Init:CrashLoopBackOff"))
    assert not in_back_off(_pod(phase="Init:0/1"))


def test_values_are_masked_by_name_and_secret_names_are_not() -> None:
    values = {
        "data": {"metadataConnection": {"pass": "p1", "host": "db"}, "metadataSecretName": "airflow-metadata"},
        "fernetKey": "p2",
        "env": [{"name": "API_TOKEN", "value": "p3"}, {"name": "TZ", "value": "UTC"}],
        "webserverSecretKey": "p4",
        "workers": {"replicas": 2},
    }
    shown = repr(confidential.masked(values, MASK))
    assert not any(secret in shown for secret in ("p1", "p2", "p3", "p4"))
    assert all(kept in shown for kept in ("'db'", "airflow-metadata", "UTC", "2"))
