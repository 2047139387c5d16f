"""The direct way to the database is tried from a container of the release before the Job takes it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions import direct, job_source
from migration_cockpit.actions.dial import KEPT
from migration_cockpit.actions.site import Site
from migration_cockpit.rehearsal.database import EmbeddedPostgres, free_port
from migration_cockpit.rehearsal.ingress import Ingress
from migration_cockpit.rehearsal.standin.image import install_image
from migration_cockpit.session.clock import SystemClock, until
from tests.actions.servers import airflow_template, server
from tests.connections.support import cluster, connected, make_settings
from tests.pace import PATIENCE

__all__ = ["airflow_template", "server"]

NAME = "airflow-db-migrate-test"
LABELS = {"tier": "airflow", "release": "airflow"}
ENV = [
    {
        "name": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "valueFrom": {"secretKeyRef": {"name": "airflow-metadata", "key": "connection"}},
    }
]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    install_image(tmp_path, "3.2.2")
    async with cluster(tmp_path), connected(make_settings(tmp_path, helm={"binary": "no-helm"})) as live:
        yield Site(live.settings, "test-20260516", live)


def workload(component: str, **spec: Any) -> dict[str, Any]:
    labels = LABELS | {"component": component}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"airflow-{component}", "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


async def release(site: Site, server: EmbeddedPostgres, host: str, port: int, *, waits: str = "exec sleep 600") -> None:
    """A release behind PgBouncer, whose scheduler waits in its init container; PgBouncer's file names the server."""
    kube = site.live.kube
    account = server.dsn().split("://")[1].split("@")[0]
    pooled = f"postgresql://{account}@airflow-pgbouncer:6543/airflow-metadata"
    ini = f"[databases]\nairflow-metadata = host={host} port={port} dbname=airflow\n"
    for name, key, text in (
        ("airflow-metadata", "connection", pooled),
        ("airflow-pgbouncer-config", "pgbouncer.ini", ini),
    ):
        data = {key: base64.b64encode(text.encode()).decode()}
        await kube.create("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})
    image = "apache/airflow:3.2.2"
    waiting = {"name": "wait-for-airflow-migrations", "image": image, "command": ["sh", "-c", waits], "env": ENV}
    scheduler = {"name": "scheduler", "image": image, "args": ["scheduler"], "env": ENV}
    await kube.create("deployments", workload("scheduler", initContainers=[waiting], containers=[scheduler]))
    volume = {"name": "pgbouncer-config", "secret": {"secretName": "airflow-pgbouncer-config"}}
    pooler = {"name": "pgbouncer", "image": image, "command": ["sh", "-c", "exec sleep 600"]}
    await kube.create("deployments", workload("pgbouncer", containers=[pooler], volumes=[volume]))

    async def runs() -> bool:
        pods = await kube.list("pods", label="tier=airflow")
        told = [each["status"].get("initContainerStatuses") or each["status"].get("containerStatuses") for each in pods]
        first = [each[0] for each in told if each]
        begun = [each for each in first if {"running", "terminated"} & each["state"].keys() or each["restartCount"]]
        return len(begun) == 2

    assert await until(SystemClock(), runs, timeout=PATIENCE, every=0.05)


def environment(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each for each in container["env"]}


async def test_a_way_that_answers_from_a_pod_that_waits_is_taken(site: Site, server: EmbeddedPostgres) -> None:
    await release(site, server, "127.0.0.1", server.port)
    way = await direct.tried(site)
    assert f"goes past PgBouncer to 127.0.0.1:{server.port}" in way.words
    assert "it answers, tried from airflow-scheduler-" in way.words
    job, dsn = await job_source.build(site, NAME, way=way)
    assert dsn is not None
    assert "PGOPTIONS" in environment(job)


async def test_a_way_that_does_not_answer_is_not_taken_and_it_is_said_why(site: Site, server: EmbeddedPostgres) -> None:
    port = free_port()
    await release(site, server, "127.0.0.1", port)
    way = await direct.tried(site)
    assert way.words.startswith(f"goes through PgBouncer: 127.0.0.1:{port} does not answer, tried from airflow-sched")
    assert "refused" in way.words.lower()
    assert (way.pooled, way.silent) == (True, True)
    job, dsn = await job_source.build(site, NAME, way=way)
    assert dsn is None
    assert environment(job)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == ENV[0], "the connection that the pods have"
    assert "PGOPTIONS" not in environment(job), "PgBouncer refuses a session that asks for settings"


async def test_a_way_that_was_mended_answers_when_it_is_looked_at_again(site: Site, server: EmbeddedPostgres) -> None:
    port = free_port()
    mended = Ingress(lambda: [("127.0.0.1", server.port)], port=port)
    await release(site, server, "127.0.0.1", port)
    assert (await direct.tried(site)).silent

    async def answers() -> bool:
        return "it answers" in (await direct.tried(site)).words

    await mended.start()
    try:
        assert await until(SystemClock(), answers, timeout=KEPT / 2, every=0.2), "what was refused is asked anew"
    finally:
        await mended.stop()


async def test_where_no_container_can_try_it_that_is_said(site: Site, server: EmbeddedPostgres) -> None:
    await release(site, server, "127.0.0.1", server.port, waits="exit 1")
    way = await direct.tried(site)
    assert way.dsn is not None
    assert "not tried: no container with Airflow's Python runs" in way.words
