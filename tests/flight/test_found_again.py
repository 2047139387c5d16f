"""Ways back that change where Airflow's connection leads: each owner of it has its own thing to change."""

from __future__ import annotations

import base64
from pathlib import Path

import psycopg
import pytest

from migration_cockpit.actions.own_connection import moved, place_of, pooled_at
from migration_cockpit.rehearsal import faults
from migration_cockpit.rehearsal.external_secrets import SECRET, VAULT
from migration_cockpit.session import events as ev
from tests.flight import world as rehearsal
from tests.flight.somebody import assert_back, ended, events_of, fact, somebody, wait

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]

AIRFLOW = "select count(*) from pg_stat_activity where usename = 'airflow' and datname = 'airflow'"


def sessions(world: Path, place: tuple[str, int]) -> int:
    """How many sessions of Airflow a server has."""
    with psycopg.connect((world / "secrets" / "dsn").read_text(), host=place[0], port=place[1]) as connection:
        [row] = connection.execute(AIRFLOW).fetchall()
    return int(row[0])


def secret(world: Path, name: str, key: str) -> str:
    return base64.b64decode(rehearsal.kube(world, "GET", f"secrets/{name}")["data"][key]).decode()


def kept(world: Path, name: str, key: str) -> str:
    """What the backup of a Secret holds."""
    found = [each["metadata"]["name"] for each in rehearsal.kube(world, "GET", "secrets")["items"]]
    [backup] = [each for each in found if each.startswith(f"{name}-before-")]
    return secret(world, backup, key)


def place(session: Path, name: str) -> tuple[str, int]:
    found = fact(session, name)
    return str(found["host"]), int(found["port"])


def assert_on_the_restored_one(world: Path, session: Path) -> None:
    """Airflow works on the restored server, and nothing of it is left on the old one."""
    old, restored = place(session, "old"), place(session, "restored")
    assert old != restored
    assert sessions(world, restored) > 0
    assert sessions(world, old) == 0
    head = "select version_num from alembic_version"
    with psycopg.connect((world / "secrets" / "dsn").read_text(), host=restored[0], port=restored[1]) as connection:
        assert connection.execute(head).fetchall() == [("5f2621c13b39",)]
    stages = ended(session)
    assert {stages[each].outcome for each in ("connection", "verify", "old")} == {"verified"}


def test_the_charts_secret_leads_to_the_restored_server_also_when_it_could_not_be_written_at_first(
    tmp_path: Path,
) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world", "--repoint=secret") as world:
        before = secret(world, "airflow-metadata", "connection")
        asked = Path(f"{session}.asked")
        with somebody(world, session, "--after", "smoke") as flown:
            wait(flown, session, lambda: "probe" in ended(session))
            faults.switch(world, "secret-refused", {})  # the probe's own Secret was written before
            wait(flown, session, asked.exists)
            said = asked.read_text()
            assert "Secret airflow-metadata cannot be changed" in said
            assert "denied the request" in said
            assert "2.x waits in Init against the old database; the restored one is untouched" in said
            assert place_of(secret(world, "airflow-metadata", "connection")) == place(session, "old")
            faults.switch(world, "secret-refused", None)
            asked.unlink()
            assert_back(session, flown)
        assert_on_the_restored_one(world, session)
        assert place_of(secret(world, "airflow-metadata", "connection")) == place(session, "restored")
        assert kept(world, "airflow-metadata", "connection") == before


def test_pgbouncers_own_configuration_is_rewritten_and_only_pgbouncer_starts_anew(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world", "--connection=pgbouncer", "--repoint=secret") as world:
        before = secret(world, "airflow-pgbouncer-config", "pgbouncer.ini")
        connection = secret(world, "airflow-metadata", "connection")
        assert "@airflow-pgbouncer.airflow:6543/airflow-metadata" in connection
        with somebody(world, session, "--after", "smoke") as flown:
            assert_back(session, flown)
        assert_on_the_restored_one(world, session)
        now = secret(world, "airflow-pgbouncer-config", "pgbouncer.ini")
        assert pooled_at(now, "airflow") == place(session, "restored")
        assert kept(world, "airflow-pgbouncer-config", "pgbouncer.ini") == before
        assert secret(world, "airflow-metadata", "connection") == connection, "it leads to PgBouncer, now as before"
    restarted = fact(session, "old-pods")
    assert restarted
    assert all(name.startswith("airflow-pgbouncer-") for name in restarted)


def test_where_external_secrets_own_the_connection_its_source_is_asked_for(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world", "--connection=external-secrets", "--repoint=secret") as world:
        before = secret(world, SECRET, "connection")
        asked = Path(f"{session}.asked")
        with somebody(world, session, "--after", "smoke") as flown:
            wait(flown, session, asked.exists)
            said = asked.read_text()
            restored = place(session, "restored")
            assert f"written by ExternalSecret {SECRET}" in said
            assert f"leads to {restored[0]}:{restored[1]}" in said
            assert secret(world, SECRET, "connection") == before, "the next sync would undo it"
            assert kept(world, SECRET, "connection") == before
            source = world / VAULT / SECRET
            source.write_text(moved(source.read_text(), *restored))
            wait(flown, session, lambda: place_of(secret(world, SECRET, "connection")) == restored)
            asked.unlink()
            assert_back(session, flown)
        assert_on_the_restored_one(world, session)
        made = rehearsal.made(world)
    assert not any(call == "patch secrets" and key.endswith(f"/{SECRET}") for _, call, key in made)
    tried = [e.outcome for e in events_of(session) if isinstance(e, ev.RollbackStageEnded) and e.stage == "connection"]
    assert tried == ["failed", "verified"]
