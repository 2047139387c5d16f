"""The embedded world: one process that starts every server of a rehearsal on loopback and takes them all down again."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import secrets
import signal
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from migration_cockpit.rehearsal import airflow, configure, faults, life, prepared, release, staging
from migration_cockpit.rehearsal.aws import REGION, EmbeddedAws
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.disturb import disturb
from migration_cockpit.rehearsal.external_secrets import ExternalSecret
from migration_cockpit.rehearsal.ingress import Ingress
from migration_cockpit.rehearsal.metrics import MetricsServer
from migration_cockpit.rehearsal.migration_faults import MigrationFaults
from migration_cockpit.rehearsal.pace import Pace, choose
from migration_cockpit.rehearsal.slack import SlackSink
from migration_cockpit.rehearsal.staging import Staging

INSTANCE = "airflow-rehearsal"
HISTORY = 1800.0
"""Seconds of metrics from before, so that there is a baseline."""
GRACE = 120.0
"""Seconds that a world without an owner waits for a flight to be started again."""


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


def main() -> int:
    """Run a world until its owner is gone or it is asked to end."""
    options = _options()
    note = life.register(options.directory)
    try:
        asyncio.run(_run(options))
    finally:
        note.unlink(missing_ok=True)
    return 0


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m migration_cockpit.rehearsal.world")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--airflow", choices=["standin", "real"], default="standin")
    parser.add_argument("--from", dest="source", default="2.11.2")
    parser.add_argument("--to", dest="target", default="3.2.2")
    parser.add_argument("--pace", choices=["fast", "real"], default="fast")
    parser.add_argument("--dags", type=int, default=30)
    parser.add_argument("--task-instances", type=int, default=20_000)
    parser.add_argument("--no-rds", dest="rds", action="store_false")
    parser.add_argument("--staging", action="store_true")
    parser.add_argument("--connection", choices=release.CONNECTIONS, default=release.CHARTS)
    parser.add_argument("--repoint", choices=["swap", "secret"], default="swap")
    parser.add_argument("--operator", default="")
    parser.add_argument("--fault", action="append", default=[])
    given = parser.parse_args()
    pace = choose(given.pace, airflow=given.airflow).hastened(faults.limits_of(given.fault))
    counts = (given.dags, given.task_instances, tuple(given.fault))
    places = (given.dir.resolve(), given.airflow, given.source, given.target)
    return Options(*places, pace, *counts, given.rds, given.staging, given.connection, given.repoint, given.operator)


def stage(text: str) -> None:
    """Tell the one who waits what is being started."""
    print(f"stage: {text}", flush=True)


async def _run(options: Options) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(_start(options, stack))
        ending = asyncio.create_task(ended.wait())
        owner = asyncio.create_task(_owner_gone(options.directory))
        await asyncio.wait({starting, ending, owner}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()  # raises what went wrong; it stands in the log then
            await asyncio.wait({ending, owner}, return_when=asyncio.FIRST_COMPLETED)
        for task in (starting, ending, owner):
            task.cancel()
        await asyncio.gather(starting, ending, owner, return_exceptions=True)


async def _owner_gone(directory: Path) -> None:
    """Return when no living process has owned the world for the time of grace."""
    gone_since: float | None = None
    while True:
        if life.alive(life.owner_of(directory)):
            gone_since = None
        elif gone_since is None:
            gone_since = time.monotonic()
        elif time.monotonic() - gone_since > GRACE:
            return
        await asyncio.sleep(1.0)


async def _start(options: Options, stack: AsyncExitStack) -> None:
    directory, pace = options.directory, options.pace
    for name in options.faults:
        faults.switch(directory, name, {})
    stage(f"PostgreSQL, AWS, Kubernetes, Grafana and Slack on loopback, {options.airflow} Airflow {options.source}")
    postgres = EmbeddedPostgres(directory / "postgres")
    aws = EmbeddedAws(
        directory, snapshot_seconds=pace.snapshot, restore_seconds=pace.restore, sample_seconds=pace.scrape * 2
    )
    metrics = MetricsServer(directory, scrape_seconds=pace.scrape, summary_seconds=pace.summary)
    slack = SlackSink(directory)
    images = asyncio.create_task(
        airflow.images(
            options.airflow, directory, (options.source, options.target), fast=pace.name == "fast", stage=stage
        )
    )
    await asyncio.gather(
        _started(stack, postgres), _started(stack, aws), _started(stack, metrics), _started(stack, slack)
    )
    await postgres.create_roles()
    endpoint = await aws.create_instance(INSTANCE, postgres)
    await images
    stage(f"a database with {options.dags} DAGs and {options.task_instances} task instances")
    folder = directory / "dags"
    await airflow.fill(
        options.airflow,
        postgres.dsn(),
        folder,
        options.source,
        dags=options.dags,
        task_instances=options.task_instances,
        directory=directory,
        stage=stage,
    )
    deployed = release.Deployed(
        directory=directory,
        source=options.source,
        target=options.target,
        pace=pace,
        executor="CeleryExecutor" if options.airflow == "standin" else "LocalExecutor",
        dags_folder=folder,
        dsn=postgres.dsn().replace(f":{postgres.port}/", f":{endpoint}/"),
        connection=options.connection,
    )
    cluster = release.cluster_of(deployed, release.statsd_name(metrics))
    await _started(stack, cluster)
    disturbing = asyncio.create_task(disturb(directory, cluster))
    stack.callback(disturbing.cancel)
    striking = asyncio.create_task(MigrationFaults(directory, cluster, postgres).run())
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
    before = None
    if options.staging:
        key = base64.b64decode(cluster.get("Secret", release.NAMESPACE, release.FERNET)["data"]["fernet-key"]).decode()
        await asyncio.to_thread(prepared.store_password, postgres.dsn(), key)
        before = await _prepared(options, deployed, postgres, stack)
    metrics.extend_history(HISTORY)
    dsn = postgres.handle().dsn("airflow", "cockpit").replace(f":{postgres.port}/", f":{endpoint}/")
    endpoints = configure.Endpoints(
        airflow_url=ingress.url,
        airflow_user=airflow.USER,
        airflow_password=airflow.PASSWORD,
        dsn=dsn,
        aws_url=aws.endpoint_url,
        grafana_url=metrics.grafana_url,
        grafana_token=metrics.token,
        datasource=metrics.uid,
        slack_url=slack.url,
        postgres_binaries=postgres.binaries,
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
    configure.write(directory, names, endpoints, pace, rds=options.rds, prepared=before, repoint=options.repoint)
    ready = {"pid": os.getpid(), "started": time.time(), "id": secrets.token_hex(4)}
    part = directory / "world.part"
    part.write_text(json.dumps(ready), encoding="utf-8")
    part.replace(directory / life.READY)
    stage("ready")


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


if __name__ == "__main__":
    sys.exit(main())
