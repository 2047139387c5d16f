"""The schema of a version that nothing is shipped for is asked of its image, on a scratch database beside Airflow's."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from migration_cockpit.actions.fresh_schema import DropScratch, KeepReference, ReferenceJob
from migration_cockpit.advice import revisions, schema
from migration_cockpit.config import STEP_IDS
from migration_cockpit.connections import Connections
from migration_cockpit.playbook import migrated, preflight, reference
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.playbook.step import Gate
from migration_cockpit.playbook.steps import STEPS
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from migration_cockpit.rehearsal.standin.image import install_image
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.migration import Chains
from migration_cockpit.session.recorder import Recorder
from tests.actions.servers import airflow, airflow_template, server, write
from tests.connections.support import cluster, connected, make_settings

__all__ = ["airflow_template", "server"]

UNKNOWN = "3.2.99"
"""A release that this cockpit knows nothing of; its image is that of 3.2.2."""
LABELS = {"tier": "airflow", "release": "airflow", "component": "scheduler"}


@pytest.fixture
async def flight(tmp_path: Path, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Flight]:
    """A flight to UNKNOWN in its step 5, with the scheduler of the target in the cluster."""
    shipped = [name for name in schema.shipped_versions() if not name.startswith("3.2.")]
    monkeypatch.setattr(schema, "shipped_versions", lambda: shipped)
    schema.reference.cache_clear()
    install_image(tmp_path, "3.2.2")
    deployment = {"target_version": UNKNOWN}
    settings = make_settings(
        tmp_path,
        deployment=deployment,
        postgres={"dsn": {"value": server.dsn("airflow", "cockpit")}},
        limits={"helm": 30.0, "reference": 60.0},
    )
    async with cluster(tmp_path), connected(settings) as connections:
        await _scheduler(connections, server.dsn())
        recorder = Recorder(tmp_path / "session", SystemClock(), connections.redactor)
        recorder.record(_opened())
        recorder.record(ev.StepStarted(step="migrate", operator="test", attempt=1))
        yield Flight(settings, connections, recorder, SystemClock())
        recorder.close()
    schema.reference.cache_clear()


def _opened() -> ev.SessionOpened:
    start = SystemClock().now()
    return ev.SessionOpened(
        session="test-20260516",
        deployment="test",
        production=False,
        source_version="2.11.2",
        target_version=UNKNOWN,
        context="test",
        namespace="airflow",
        release="airflow",
        config="",
        program="test",
        planned=dict.fromkeys((*STEP_IDS, "window_end"), start),
    )


async def _scheduler(connections: Connections, dsn: str) -> None:
    secret = {"connection": base64.b64encode(dsn.encode()).decode()}
    await connections.kube.create(
        "secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "airflow-metadata"}, "data": secret}
    )
    env = [
        {
            "name": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            "valueFrom": {"secretKeyRef": {"name": "airflow-metadata", "key": "connection"}},
        }
    ]
    container = {"name": "scheduler", "image": "apache/airflow:3.2.2", "args": ["scheduler"], "env": env}
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
    }
    metadata = {"name": "airflow-scheduler", "labels": LABELS}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    await connections.kube.create("deployments", body)


def lines(flight: Flight) -> list[str]:
    """What the Job's log left in the journal."""
    events = [each.event for each in journal.read(flight.recorder.directory / journal.FILE)]
    return [each.text for each in events if isinstance(each, ev.LogLine) and each.source == "reference"]


def assert_the_way_to_3_2_2(chains: Chains) -> None:
    """As it is shipped; the messages differ between releases in the case of their letters."""
    told, known = revisions.way("2.11.2", UNKNOWN, chains), revisions.way("2.11.2", "3.2.2")
    assert [(each.revision, each.version) for each in told] == [(each.revision, each.version) for each in known]
    assert all(each.message for each in told)


def databases(server: EmbeddedPostgres) -> set[str]:
    """All that the server has."""
    with psycopg.connect(server.dsn("postgres", SUPERUSER)) as admin:
        return {row[0] for row in admin.execute("select datname from pg_database").fetchall()}


def as_superuser(server: EmbeddedPostgres, sql: str) -> None:
    with psycopg.connect(server.dsn("postgres", SUPERUSER), autocommit=True) as admin:
        admin.execute(sql.encode())


async def checks(flight: Flight) -> dict[str, tuple[bool, str]]:
    """The verification of step 5, by name."""
    return {each.name: (each.holds, each.found) for each in await migrated.checks(flight, "no-job")}


async def gate_of(flight: Flight) -> Any:
    """The gate of step 5 that asks for it."""
    step = next(each for each in STEPS if each.id == "migrate")
    asked: list[Gate] = [each for each in step.gates(flight.settings) if each.name == "schema reference"]
    return await asked[0].look(flight)


async def test_the_image_tells_the_schema_and_what_is_migrated_is_held_against_it(
    flight: Flight, server: EmbeddedPostgres, tmp_path: Path
) -> None:
    before = databases(server)
    commands = [
        command.text
        for each in next(step for step in STEPS if step.id == "migrate").operations(flight.settings, flight.session)
        for command in each.describe()
    ]
    assert any(text.startswith("createdb") for text in commands), "it is shown before"
    assert any(text.startswith("dropdb") for text in commands)
    assert (await gate_of(flight)).holds
    found = await checks(flight)
    assert found["schema"] == (False, f"there is no reference for {UNKNOWN}: finished, schema not verified")

    await reference.take(flight)
    assert databases(server) == before, "the scratch database is gone"
    kube = flight.connections.kube
    assert (await kube.list("jobs"), [each["metadata"]["name"] for each in await kube.list("secrets")]) == (
        [], ["airflow-metadata"]
    ), "and so are the Job and the Secret with the way to it"  # fmt: skip
    told = flight.fact("migrate", "reference")
    assert told["head"] == "1d6611b6ab7c"
    kept = msgspec.json.decode((flight.recorder.artifacts / told["file"]).read_bytes(), type=schema.Reference)
    assert kept.count == told["columns"] > 450
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("select version_num from alembic_version").fetchone()
    assert row == ("5f2621c13b39",), "Airflow's own database was not touched"
    assert not (await checks(flight))["schema"][0], "2.11's schema is not that of the target"

    await airflow(server, tmp_path, "3.2.2", "db", "migrate")
    found = await checks(flight)
    assert found["schema"] == (True, f"{kept.count} columns as in a fresh {UNKNOWN}, as its own image made it")
    assert found["alembic head"][0]
    assert found["FAB head"][0]
    await write(server, "alter table dag drop column fail_fast")
    assert (await checks(flight))["schema"][1].startswith("column dag.fail_fast is missing")
    told_lines = lines(flight)
    assert any("Airflow database tables created" in text for text in told_lines), "its log is recorded"
    assert not any("migration-cockpit revision" in text for text in told_lines), "the revisions are one event"
    chains = flight.state.migration.chains
    assert chains is not None
    assert_the_way_to_3_2_2(chains)
    assert [each.revision for each in chains.fab] == ["6709f7a774b9", "02ca36b0235b"]

    file = flight.recorder.artifacts / told["file"]
    file.write_text(file.read_text("utf-8").replace("fail_fast", "fail_slow"), "utf-8")
    assert (await checks(flight))["schema"][1].startswith("there is no reference"), "a changed file proves nothing"


async def test_without_createdb_it_is_said_and_the_schema_is_not_verified(
    flight: Flight, server: EmbeddedPostgres
) -> None:
    as_superuser(server, "alter role airflow nocreatedb")
    before = databases(server)
    gate = await gate_of(flight)
    assert (gate.holds, gate.found) == (False, "airflow may not create a database of airflow")
    assert "rollback.admin_dsn" in gate.mend
    await reference.take(flight)
    assert databases(server) == before
    said = (await checks(flight))["schema"][1]
    assert "airflow has no CREATEDB" in said
    assert said.endswith("finished, schema not verified")
    chains = flight.state.migration.chains
    assert chains is not None, "the image tells its revisions without a database"
    assert_the_way_to_3_2_2(chains)
    assert reference.head(flight) == "1d6611b6ab7c"
    kube = flight.connections.kube
    assert (await kube.list("jobs"), len(await kube.list("secrets"))) == ([], 1)


async def test_a_database_of_that_name_that_is_not_the_cockpits_is_left_alone(
    flight: Flight, server: EmbeddedPostgres
) -> None:
    name = "airflow_reference_test_20260516"
    as_superuser(server, f"create database {name} owner airflow")
    await reference.take(flight)
    assert name in databases(server)
    assert "look at it and drop it by hand" in (await checks(flight))["schema"][1]


async def test_an_image_that_cannot_make_a_schema_leaves_nothing_behind(
    flight: Flight, server: EmbeddedPostgres, tmp_path: Path
) -> None:
    program = tmp_path / "images" / "apache-airflow-3.2.2" / "bin" / "airflow"
    program.write_text("#!/bin/sh\necho no such thing\nexit 3\n", "utf-8")
    before = databases(server)
    await reference.take(flight)
    assert databases(server) == before
    assert await flight.connections.kube.list("jobs") == []
    assert "ended with 3" in (await checks(flight))["schema"][1]


@pytest.mark.parametrize("operation", [ReferenceJob, KeepReference, DropScratch])
async def test_what_a_cockpit_has_begun_that_then_left_the_next_one_ends(
    operation: type, flight: Flight, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = databases(server)

    async def leave(*_: object) -> str:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(operation, "run", leave)
        with pytest.raises(asyncio.CancelledError):
            await reference.take(flight)
    assert databases(server) != before, "what the next one goes on with is there"
    await reference.take(flight)
    assert databases(server) == before
    assert await flight.connections.kube.list("jobs") == []
    assert reference.is_kept(flight)
    assert flight.state.migration.chains is not None


def test_what_is_shipped_needs_no_image(tmp_path: Path) -> None:
    for version, wanted in (("3.2.2", False), ("3.0.6", False), ("3.2.99", True), ("3.9.0", True)):
        assert schema.image_is_asked(make_settings(tmp_path, deployment={"target_version": version})) is wanted
    off = make_settings(
        tmp_path, deployment={"target_version": "3.9.0"}, postgres={"reference_from_image": False}
    )  # fmt: skip
    assert not schema.image_is_asked(off)


async def test_a_version_that_is_not_shipped_is_a_finding_only_where_its_image_must_not_be_asked(
    tmp_path: Path,
) -> None:
    for asked, said in ((True, "its image tells its revisions"), (False, "keeps it from asking")):
        settings = make_settings(
            tmp_path, deployment={"target_version": "3.9.0"}, postgres={"reference_from_image": asked}
        )
        async with connected(settings) as connections:
            (found,) = await preflight.versions(Place(settings, connections, tmp_path))
        assert found.ok is asked
        assert said in f"{found.found} {found.mend}"


@pytest.mark.parametrize("version", ["3.2.2", "3.3.2"])
def test_what_migrations_leave_different_is_taken_from_the_versions_that_are_shipped(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = schema.reference(version)
    assert known is not None
    names = [name for name in schema.shipped_versions() if not name.startswith(version.rpartition(".")[0])]
    monkeypatch.setattr(schema, "shipped_versions", lambda: names)
    fresh = [(*part, definition) for part, definition in known.shape().items()]
    made = schema.made(version, known.head, known.fab_head, fresh)
    migrated_rows = known.shape()
    for each in known.known_differences:
        migrated_rows.pop((each.kind, each.table, each.name), None)
    for each in known.known_differences:
        if each.found is not None:
            migrated_rows[each.kind, each.table, each.name] = each.found
    assert schema.differences([(*part, text) for part, text in migrated_rows.items()], made) == []
    assert schema.differences([], made), "and a database without them is none of it"
