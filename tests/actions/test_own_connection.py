"""Airflow's connection led to another server, against the embedded cluster: whose Secret it is decides what is done."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions.operation import OperationError, Status
from migration_cockpit.actions.own_connection import POOLER_FILE, PointSecret
from migration_cockpit.actions.site import Site
from migration_cockpit.rehearsal.cluster import Cluster
from tests.actions.test_cluster_operations import Heard
from tests.connections.support import cluster, connected, make_settings

OLD, NEW, OTHER = ("old.rds.test", 5432), ("new.rds.test", 5433), ("celery.rds.test", 5432)
DSN = "postgresql://airflow:s3cret@old.rds.test:5432/airflow?sslmode=require"
INI = """[databases]
airflow-metadata = host=old.rds.test dbname=airflow port=5432 pool_size=10
airflow-result-backend = host={backend} dbname=airflow port=5432 pool_size=5

[pgbouncer]
listen_port = 6543
auth_file = /etc/pgbouncer/users.txt
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with cluster(tmp_path) as running:
        yield running


@pytest.fixture
async def site(world: Cluster, tmp_path: Path) -> AsyncIterator[Site]:
    async with connected(make_settings(tmp_path)) as connections:
        yield Site(make_settings(tmp_path), "test-20260516", connections)


async def _secret(site: Site, name: str, data: dict[str, str], **metadata: Any) -> None:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, **metadata}, "data": encoded}
    await site.live.kube.create("secrets", body)


async def test_the_connection_is_led_elsewhere_and_what_it_held_is_kept(site: Site) -> None:
    await _secret(site, "airflow-metadata", {"connection": DSN})
    operation = PointSecret(site, ("airflow-metadata", "connection"), NEW)
    assert (await operation.observe()).status is Status.NOT_STARTED
    for _ in range(2):
        await operation.run(Heard())
        assert (await operation.observe()).status is Status.DONE
    kube = site.live.kube
    assert await kube.secret("airflow-metadata", "connection") == DSN.replace("old.rds.test:5432", "new.rds.test:5433")
    assert await kube.secret("airflow-metadata-before-test-20260516", "connection") == DSN


@pytest.mark.parametrize("backend", [OLD, OTHER])
async def test_pgbouncer_is_led_elsewhere_with_all_that_was_on_the_same_server(
    backend: tuple[str, int], site: Site
) -> None:
    before = INI.format(backend=backend[0])
    await _secret(site, "airflow-pgbouncer-config", {POOLER_FILE: before, "users.txt": '"airflow" "s3cret"'})
    operation = PointSecret(site, ("airflow-pgbouncer-config", POOLER_FILE), NEW)
    await operation.run(Heard())
    found = await site.live.kube.secret("airflow-pgbouncer-config", POOLER_FILE)
    way = "host={} dbname=airflow port={}"
    expected = before.replace(way.format(*OLD), way.format(*NEW))
    assert found == expected
    assert (way.format(*OTHER) in found) is (backend == OTHER)
    assert (await operation.observe()).status is Status.DONE
    kept = "airflow-pgbouncer-config-before-test-20260516"
    assert await site.live.kube.secret(kept, POOLER_FILE) == before
    assert await site.live.kube.secret(kept, "users.txt") == '"airflow" "s3cret"'


async def test_another_port_of_the_same_host_is_another_server(site: Site) -> None:
    await _secret(site, "airflow-pgbouncer-config", {POOLER_FILE: INI.format(backend=OLD[0])})
    operation = PointSecret(site, ("airflow-pgbouncer-config", POOLER_FILE), (OLD[0], 5433))
    assert (await operation.observe()).status is Status.NOT_STARTED
    await operation.run(Heard())
    assert (await operation.observe()).detail == "airflow-pgbouncer-config leads to old.rds.test:5433"


async def test_a_secret_that_external_secrets_write_is_left_to_its_source(site: Site) -> None:
    synced = {"reconcile.external-secrets.io/data-hash": "1f3a"}
    await _secret(site, "airflow-db", {"connection": DSN}, annotations=synced)
    operation = PointSecret(site, ("airflow-db", "connection"), NEW)
    with pytest.raises(OperationError) as told:
        await operation.run(Heard())
    assert "Secret airflow-db is written by External Secrets: change its source" in str(told.value)
    assert "new.rds.test:5433" in str(told.value)
    assert "try the stage again" in str(told.value)
    assert "s3cret" not in str(told.value)
    assert await site.live.kube.secret("airflow-db", "connection") == DSN, "a change would be undone at the next sync"
    # The source was changed, and External Secrets have synced it: trying again finds it done.
    moved = base64.b64encode(DSN.replace("old.rds.test:5432", "new.rds.test:5433").encode()).decode()
    await site.live.kube.patch("secrets", "airflow-db", {"data": {"connection": moved}})
    assert (await operation.observe()).status is Status.DONE


async def test_a_secret_that_cannot_be_written_is_said_and_nothing_is_half_done(site: Site, world: Cluster) -> None:
    await _secret(site, "airflow-metadata", {"connection": DSN})
    operation = PointSecret(site, ("airflow-metadata", "connection"), NEW)
    world.deny("secrets", "migration-cockpit", denied=True)
    with pytest.raises(OperationError) as told:
        await operation.run(Heard())
    assert "Secret airflow-metadata cannot be changed" in str(told.value)
    assert "denied the request" in str(told.value)
    assert (await operation.observe()).status is Status.NOT_STARTED
    assert await site.live.kube.secret("airflow-metadata", "connection") == DSN
    world.deny("secrets", "migration-cockpit", denied=False)
    await operation.run(Heard())
    assert (await operation.observe()).status is Status.DONE
    assert await site.live.kube.secret("airflow-metadata-before-test-20260516", "connection") == DSN
