"""The migration Job of a live release: past PgBouncer where its configuration tells how, and from a StatefulSet."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from migration_cockpit.actions import direct, job_source
from migration_cockpit.actions.job_template import printable
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.connections.kube import Kube
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.rehearsal.helm import charts, strvals
from migration_cockpit.rehearsal.helm.render import Cluster as Nothing
from migration_cockpit.rehearsal.helm.render import Target, render, split
from migration_cockpit.rehearsal.helm.template import yamlish
from migration_cockpit.session.clock import SystemClock, until
from tests.connections.support import NAMESPACE, cluster, connected, make_settings
from tests.pace import PATIENCE
from tests.rehearsal.helm.conftest import CHARTS

NAME = "airflow-db-migrate-test"
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
DATABASE = [
    "data.metadataConnection.host=prod.abc.eu-west-1.rds.amazonaws.com",
    "data.metadataConnection.user=air@flow",
    "data.metadataConnection.pass=p%w/d?7",
    "data.metadataConnection.db=airflow_prod",
]
"""An account whose characters a URL must spell otherwise."""
KINDS = {
    "ServiceAccount": "serviceaccounts",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with cluster(tmp_path) as running, connected(make_settings(tmp_path, helm={"binary": "no-helm"})) as live:
        assert isinstance(running, Cluster)
        yield Site(live.settings, "test-20260516", live)


async def install(kube: Kube, version: str, *settings: str) -> None:
    """What the chart renders for 3.2.2, in the cluster as helm would leave it; its own migration Job is off."""
    values: dict[str, Any] = {}
    for setting in (
        "airflowVersion=3.2.2",
        "defaultAirflowTag=3.2.2",
        "migrateDatabaseJob.enabled=false",
        *DATABASE,
        *settings,
    ):
        strvals.parse_into(setting, values, strvals.typed)
    made = render(charts.load(CHARTS / f"airflow-{version}"), values, Target("airflow", NAMESPACE), Nothing())
    for item in map(yamlish.load, split(made.manifest)):
        wanted = item["metadata"]["name"].removeprefix("airflow-") in {
            "metadata", "pgbouncer-config", "pgbouncer", "scheduler"
        }  # fmt: skip
        if item["kind"] == "ServiceAccount" or (wanted and item["kind"] in KINDS):
            await kube.create(KINDS[item["kind"]], item)


async def pooler_runs(site: Site) -> None:
    """Until PgBouncer's pod is there; that its image cannot be had here does not matter."""

    async def there() -> bool:
        return bool(await site.live.kube.list("pods", label="component=pgbouncer"))

    assert await until(SystemClock(), there, timeout=PATIENCE, every=0.05)


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


@pytest.mark.parametrize("version", ["1.20.0", "1.22.0"])
async def test_past_pgbouncer_the_job_goes_to_the_server_that_its_configuration_names(site: Site, version: str) -> None:
    await install(site.live.kube, version, "pgbouncer.enabled=true", "pgbouncer.sslmode=require")
    await pooler_runs(site)
    pooled = await site.live.kube.secret("airflow-metadata", "connection")
    assert "@airflow-pgbouncer.airflow:6543/airflow-metadata" in pooled

    job, dsn = await job_source.build(site, NAME)
    account = "air%40flow:p%25w%2Fd%3F7"
    assert dsn == f"postgresql://{account}@prod.abc.eu-west-1.rds.amazonaws.com:5432/airflow_prod?sslmode=require"
    environment = {each["name"]: each for each in container_of(job)["env"]}
    assert environment[CONNECTION]["valueFrom"] == {"secretKeyRef": {"name": NAME, "key": "connection"}}
    assert "lock_timeout" in environment["PGOPTIONS"]["value"], "past it the Job's own settings reach the server"
    way = await direct.way(site)
    assert way.words == (
        "goes past PgBouncer to prod.abc.eu-west-1.rds.amazonaws.com:5432, as airflow-pgbouncer-config says"
    )
    shown = printable(job).decode() + way.words
    assert not any(secret in shown for secret in ("p%w/d?7", "p%25w%2Fd%3F7"))
    assert site.live.redactor.clean("it was p%w/d?7") != "it was p%w/d?7", "what was composed is masked everywhere"


async def test_what_the_config_names_comes_before_what_could_be_composed(site: Site, tmp_path: Path) -> None:
    await install(site.live.kube, "1.22.0", "pgbouncer.enabled=true")
    await pooler_runs(site)
    settings = make_settings(tmp_path, postgres={"direct_dsn": {"secret": "my-direct/dsn"}})
    job, dsn = await job_source.build(Site(settings, site.session, site.live), NAME)
    environment = {each["name"]: each for each in container_of(job)["env"]}
    assert environment[CONNECTION]["valueFrom"] == {"secretKeyRef": {"name": "my-direct", "key": "dsn"}}
    assert dsn is None


async def test_where_the_server_cannot_be_told_it_goes_through_pgbouncer_and_says_why(site: Site) -> None:
    kube = site.live.kube
    await install(kube, "1.22.0", "pgbouncer.enabled=true")
    await pooler_runs(site)
    ini = "[databases]\nother = host=db port=5432\n[pgbouncer]\npool_mode = transaction\n"
    encoded = base64.b64encode(ini.encode()).decode()
    await kube.patch("secrets", "airflow-pgbouncer-config", {"data": {"pgbouncer.ini": encoded}})
    job, dsn = await job_source.build(site, NAME)
    names = {each["name"] for each in container_of(job)["env"]}
    assert (dsn, "PGOPTIONS" in names) == (None, False), "PgBouncer refuses a session that asks for settings"
    way = await direct.way(site)
    assert way.pooled
    assert "pgbouncer.ini has no database airflow-metadata" in way.words


async def test_without_pgbouncer_the_connection_of_the_pods_is_the_jobs(site: Site) -> None:
    await install(site.live.kube, "1.22.0")
    job, dsn = await job_source.build(site, NAME)
    environment = {each["name"]: each for each in container_of(job)["env"]}
    assert environment[CONNECTION]["valueFrom"] == {"secretKeyRef": {"name": "airflow-metadata", "key": "connection"}}
    assert dsn is None
    assert "PGOPTIONS" in environment


@pytest.mark.parametrize("version", ["1.20.0", "1.22.0"])
async def test_of_a_scheduler_that_is_a_stateful_set_no_claimed_volume_is_left(site: Site, version: str) -> None:
    await install(site.live.kube, version, "executor=LocalExecutor", "workers.persistence.enabled=true")
    (scheduler,) = await site.live.kube.list("statefulsets", label="component=scheduler")
    claims = {each["metadata"]["name"] for each in scheduler["spec"]["volumeClaimTemplates"]}
    template = scheduler["spec"]["template"]["spec"]
    mounted = {each["name"] for each in template["containers"][0]["volumeMounts"]}
    assert claims & mounted, "else there would be nothing to leave out"

    job, _ = await job_source.build(site, NAME)
    assert job["metadata"]["annotations"]["migration-cockpit/made-from"] == "the scheduler's pod template"
    pod, container = job["spec"]["template"]["spec"], container_of(job)
    volumes = {each["name"] for each in pod["volumes"]}
    assert not claims & volumes
    assert {each["name"] for each in container["volumeMounts"]} <= volumes, "every mount has its volume"
    assert any(each.get("subPath") == "airflow.cfg" for each in container["volumeMounts"])
    assert "hostname" not in pod
    assert container["image"].endswith(":3.2.2")
    assert "claim" not in json.dumps(pod).lower()
    assert (await site.live.kube.create("jobs", job))["metadata"]["name"] == NAME, "the cluster takes it"


POOLED = "postgresql://airflow:secret-1@airflow-pgbouncer.ns:6543/airflow-metadata?sslmode=disable&connect_timeout=5"


@pytest.mark.parametrize(
    ("ini", "dsn"),
    [
        pytest.param(
            "[databases]\nairflow-metadata = host=db dbname=air port=5433 pool_size=10\n",
            "postgresql://airflow:secret-1@db:5433/air?connect_timeout=5",
            id="the chart's line",
        ),
        pytest.param(
            "[databases]\n; airflow-metadata = host=old\n* = host=db\n",
            "postgresql://airflow:secret-1@db:5432/airflow-metadata?connect_timeout=5",
            id="any database",
        ),
        pytest.param(
            "[databases]\nairflow-metadata = host='fd00::7' user=other password='it''s'\n",
            "postgresql://other:it%27s@[fd00::7]:5432/airflow-metadata?connect_timeout=5",
            id="an account of its own",
        ),
        pytest.param(
            "[databases]\nairflow-metadata=host=db\n[pgbouncer]\nserver_tls_sslmode = verify-full\n",
            "postgresql://airflow:secret-1@db:5432/airflow-metadata?connect_timeout=5&sslmode=verify-full",
            id="TLS as PgBouncer speaks it",
        ),
    ],
)
def test_the_direct_way_is_read_from_pgbouncers_own_file(ini: str, dsn: str) -> None:
    assert direct.composed(POOLED, ini) == dsn


def test_options_of_a_connection_are_read_by_libpq_as_they_were_given() -> None:
    options = "-c search_path=airflow -c lock_timeout=5s"
    dsn = direct.composed(f"{POOLED}&options={quote(options)}", "[databases]\nairflow-metadata=host=db\n")
    assert dsn is not None
    assert conninfo_to_dict(dsn)["options"] == options


@pytest.mark.parametrize(
    ("ini", "why"),
    [
        ("[databases]\nother = host=db\n", "has no database airflow-metadata"),
        ("[databases]\nairflow-metadata = dbname=air\n", "names no host"),
        ("[databases]\nairflow-metadata = host=db user=other\n", "another user"),
        (
            "[databases]\nairflow-metadata = host=db\n[pgbouncer]\nserver_tls_ca_file = /etc/ca.crt\n",
            "server_tls_ca_file is a file in PgBouncer's own pod",
        ),
    ],
)
def test_why_it_cannot_be_told_is_said_without_a_secret(ini: str, why: str) -> None:
    with pytest.raises(OperationError, match=why) as told:
        direct.composed(POOLED, ini)
    assert "secret-1" not in str(told.value)


def test_a_connection_that_does_not_lead_through_pgbouncer_stays() -> None:
    given = "postgresql://airflow:secret-1@db.example:5432/airflow"
    assert direct.composed(given, "[databases]\nairflow-metadata = host=db\n") is None
