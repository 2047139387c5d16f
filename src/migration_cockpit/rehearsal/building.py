"""Building the world, server by server: what has to stand before what, and what is told meanwhile."""

from __future__ import annotations

import asyncio
import base64
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from migration_cockpit.rehearsal import airflow, configure, faults, prepared, release, staging
from migration_cockpit.rehearsal.aws import REGION, EmbeddedAws
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.disturb import disturb
from migration_cockpit.rehearsal.external_secrets import ExternalSecret
from migration_cockpit.rehearsal.ingress import Ingress
from migration_cockpit.rehearsal.metrics import MetricsServer
from migration_cockpit.rehearsal.migration_faults import MigrationFaults
from migration_cockpit.rehearsal.pace import Pace
from migration_cockpit.rehearsal.slack import SlackSink
from migration_cockpit.rehearsal.staging import Staging

INSTANCE = "airflow-rehearsal"
HISTORY = 1800.0
"""Seconds of metrics from before, so that there is a baseline."""


@dataclass(frozen=True)
class Options:
    """What a rehearsal asks for."""

    directory: Path
    airflow: str
    source: str
    target: str
    pace: Pace
    dags: int
    task_instances: int
    faults: tuple[str, ...]
    rds: bool = True
    """Whether the config names the RDS instance; else a dump is the recovery point."""
    staging: bool = False
    """Whether there is a staging on the target version, which the config names."""
    connection: str = release.CHARTS
    """How the connection to the database reaches the pods."""
    repoint: str = "swap"
    """How Airflow finds the restored database."""
    operator: str = ""
    """Who flies: the team that the config names."""


class Server(Protocol):
    """A part of the world; `stop` may be called when `start` has failed."""

    async def start(self) -> None:
        """Return once it answers."""

    async def stop(self) -> None:
        """Leave nothing running."""


@dataclass(frozen=True)
class Servers:
    """What Airflow does not run in: the database, and what stands around it."""

    postgres: EmbeddedPostgres
    aws: EmbeddedAws
    metrics: MetricsServer
    slack: SlackSink
    port: int
    """Where the RDS instance is reached, in front of the database."""

    def dsn(self, dsn: str) -> str:
        """A DSN of the database as it is reached through the RDS instance."""
        return dsn.replace(f":{self.postgres.port}/", f":{self.port}/")


def stage(text: str) -> None:
    """Tell the one who waits what is being started."""
    print(f"stage: {text}", flush=True)


async def build(options: Options, stack: AsyncExitStack) -> None:
    """Start everything and write the config that leads to it; `stack` takes it all down again."""
    for name in options.faults:
        faults.switch(options.directory, name, {})
    servers = await _servers(options, stack)
    deployed = await _filled(options, servers)
    cluster, ingress = await _installed(options, servers, deployed, stack)
    before = None
    if options.staging:
        key = base64.b64decode(cluster.get("Secret", release.NAMESPACE, release.FERNET)["data"]["fernet-key"]).decode()
        await asyncio.to_thread(prepared.store_password, servers.postgres.dsn(), key)
        before = await _prepared(options, deployed, servers.postgres, stack)
    servers.metrics.extend_history(HISTORY)
    _write_config(options, servers, ingress, before)


async def _servers(options: Options, stack: AsyncExitStack) -> Servers:
    """The servers that need nobody, and the images of Airflow, which take a while the first time."""
    directory, pace = options.directory, options.pace
    stage(f"PostgreSQL, AWS, Kubernetes, Grafana and Slack on loopback, {options.airflow} Airflow {options.source}")
    postgres = EmbeddedPostgres(directory / "postgres")
    aws = EmbeddedAws(
        directory, snapshot_seconds=pace.snapshot, restore_seconds=pace.restore, sample_seconds=pace.scrape * 2
    )
    metrics = MetricsServer(directory, scrape_seconds=pace.scrape, summary_seconds=pace.summary)
    slack = SlackSink(directory)
    versions = (options.source, options.target)
    images = asyncio.create_task(
        airflow.images(options.airflow, directory, versions, fast=pace.name == "fast", stage=stage)
    )
    await asyncio.gather(
        _started(stack, postgres), _started(stack, aws), _started(stack, metrics), _started(stack, slack)
    )
    await postgres.create_roles()
    port = await aws.create_instance(INSTANCE, postgres)
    await images
    return Servers(postgres, aws, metrics, slack, port)


async def _filled(options: Options, servers: Servers) -> release.Deployed:
    """A database with a history; returns what is to be installed on it."""
    directory = options.directory
    stage(f"a database with {options.dags} DAGs and {options.task_instances} task instances")
    folder = directory / "dags"
    await airflow.fill(
        options.airflow,
        servers.postgres.dsn(),
        folder,
        options.source,
        dags=options.dags,
        task_instances=options.task_instances,
        directory=directory,
        stage=stage,
    )
    return release.Deployed(
        directory=directory,
        source=options.source,
        target=options.target,
        pace=options.pace,
        executor="CeleryExecutor" if options.airflow == "standin" else "LocalExecutor",
        dags_folder=folder,
        dsn=servers.dsn(servers.postgres.dsn()),
        connection=options.connection,
    )


async def _installed(
    options: Options, servers: Servers, deployed: release.Deployed, stack: AsyncExitStack
) -> tuple[Cluster, Ingress]:
    """Airflow in a cluster, by its chart, until it is ready; and what disturbs it where a fault asks for that."""
    directory = options.directory
    cluster = release.cluster_of(deployed, release.statsd_name(servers.metrics))
    await _started(stack, cluster)
    disturbing = asyncio.create_task(disturb(directory, cluster))
    stack.callback(disturbing.cancel)
    striking = asyncio.create_task(MigrationFaults(directory, cluster, servers.postgres).run())
    stack.callback(striking.cancel)
    stage(f"helm install airflow with chart {release.CHART_VERSION}")
    await release.install(deployed, cluster)
    if options.connection == release.EXTERNAL:
        syncing = asyncio.create_task(ExternalSecret(directory, cluster, release.NAMESPACE).run())
        stack.callback(syncing.cancel)
    ingress = Ingress(lambda: release.web_addresses(cluster), log=directory / prepared.ACCESS_LOG)
    await _started(stack, ingress)
    stage(f"the components of Airflow {options.source} become ready")
    await release.wait_ready(cluster)
    return cluster, ingress


def _write_config(options: Options, servers: Servers, ingress: Ingress, before: configure.Prepared | None) -> None:
    endpoints = configure.Endpoints(
        airflow_url=ingress.url,
        airflow_user=airflow.USER,
        airflow_password=airflow.PASSWORD,
        dsn=servers.dsn(servers.postgres.handle().dsn("airflow", "cockpit")),
        aws_url=servers.aws.endpoint_url,
        grafana_url=servers.metrics.grafana_url,
        grafana_token=servers.metrics.token,
        datasource=servers.metrics.uid,
        slack_url=servers.slack.url,
        postgres_binaries=servers.postgres.binaries,
    )
    names = configure.Deployment(
        source=options.source,
        target=options.target,
        namespace=release.NAMESPACE,
        release=release.NAME,
        context=release.CONTEXT,
        instance=INSTANCE,
        region=REGION,
        chart=release.CHART,
        chart_version=release.CHART_VERSION,
    )
    configure.write(
        options.directory,
        names,
        endpoints,
        options.pace,
        rds=options.rds,
        prepared=before,
        repoint=options.repoint,
    )


async def _prepared(
    options: Options, deployed: release.Deployed, postgres: EmbeddedPostgres, stack: AsyncExitStack
) -> configure.Prepared:
    """What a careful team has beside production: a staging of the target version, whatever production runs, and all
    that is looked at in the weeks before."""
    stage(f"staging: Airflow {options.target} in a cluster of its own, beside production")
    there = Staging(deployed, postgres, dags=options.dags, task_instances=options.task_instances)
    await _started(stack, there)
    now = datetime.now(UTC).replace(microsecond=0)
    alertmanager = prepared.Alertmanager()
    await _started(stack, alertmanager)
    alertmanager.silence(now - timedelta(hours=1), now + options.pace.window + timedelta(hours=3))
    prepared.write_packages(options.directory, options.source, options.target)
    prepared.write_history(options.directory, now)
    return configure.Prepared(
        airflow_url=there.url,
        dsn=there.dsn("cockpit"),
        scratch_dsn=there.dsn("airflow"),
        grafana_url=there.metrics.grafana_url,
        grafana_token=there.metrics.token,
        context=staging.CONTEXT,
        differs=staging.DIFFERS,
        alertmanager=alertmanager.url,
        dags=deployed.dags_folder,
        team=(options.operator,) if options.operator else (),
    )


async def _started(stack: AsyncExitStack, server: Server) -> None:
    """Start a server and have it stopped at the end, in reverse order."""
    stack.push_async_callback(server.stop)
    await server.start()
