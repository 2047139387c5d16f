"""Staging beside the world's production: the same DAGs on the target version for a while already, in its own cluster.

The chart is installed as production's is, with production's values for the target version, another database and one
worker; metrics and faults are its own: what is worse there is not worse in production.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import yaml
from psycopg import sql

from migration_cockpit.rehearsal import release
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.external_secrets import ExternalSecret
from migration_cockpit.rehearsal.ingress import Ingress
from migration_cockpit.rehearsal.metrics import MetricsServer
from migration_cockpit.rehearsal.release import Deployed
from migration_cockpit.rehearsal.seed import seed

NAME = "staging"
CONTEXT = f"{release.CONTEXT}-{NAME}"
DIFFERS = ("data.metadataConnection", "workers.replicas", "pgbouncer")
"""Where its values differ from production's on purpose."""
COMPARED = ("airflow_scheduler_scheduler_loop_duration", "airflow_dag_processing_total_parse_time")
READY_SECONDS = 60.0


class StagingError(Exception):
    """Staging does not come up; the message says where to look."""


class Staging:
    """The staging of a world; `stop` may be called when `start` has failed."""

    def __init__(self, production: Deployed, postgres: EmbeddedPostgres, *, dags: int, task_instances: int) -> None:
        """`production` is what it is like; it has the same DAG files."""
        self.directory = production.directory / NAME
        self._world, self._postgres = production.directory, postgres
        self._dags, self._rows = dags, task_instances
        self._source = production.source
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "images").symlink_to(production.directory / "images")
        external = production.connection == release.EXTERNAL
        self._deployed = replace(
            production,
            directory=self.directory,
            dsn=postgres.handle().dsn(NAME, "airflow"),
            connection=release.EXTERNAL if external else release.CHARTS,
            most_workers=1,
        )
        pace = production.pace
        self.metrics = MetricsServer(self.directory, scrape_seconds=pace.scrape, summary_seconds=pace.summary)
        self._dns: dict[str, str] = {}
        self._cluster = release.cluster_of(self._deployed, self._dns)
        self._ingress = Ingress(lambda: release.web_addresses(self._cluster))
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where its Airflow is."""
        return self._ingress.url

    def dsn(self, user: str) -> str:
        """Its metadata database."""
        return self._postgres.handle().dsn(NAME, user)

    async def start(self) -> None:
        """Return when its Airflow answers. Raises StagingError, ReleaseError."""
        for server in (self.metrics, self._cluster, self._ingress):
            self._stack.push_async_callback(server.stop)
            await server.start()
        self._dns |= release.statsd_name(self.metrics)
        await asyncio.to_thread(self._fill)
        await release.install(self._deployed, self._cluster, release.AFTER, context=CONTEXT)
        if self._deployed.connection == release.EXTERNAL:
            syncing = asyncio.create_task(ExternalSecret(self.directory, self._cluster, release.NAMESPACE).run())
            self._stack.callback(syncing.cancel)
        self._in_kubeconfig()
        await self._answers()

    def _fill(self) -> None:
        with psycopg.connect(self._postgres.handle().dsn("airflow", "airflow"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
        folder = str(self._deployed.dags_folder)
        seed(
            self.dsn("airflow"), version=self._source, dags=self._dags, task_instances=self._rows, running=0,
            folder=folder,
        )  # fmt: skip

    def _in_kubeconfig(self) -> None:
        """Production's kubeconfig gets a context for it, as that of a person who has both."""
        path = self._world / "kubeconfig"
        ours = yaml.safe_load((self.directory / "kubeconfig").read_text("utf-8"))
        path.write_text(yaml.safe_dump(joined(yaml.safe_load(path.read_text("utf-8")), ours)), "utf-8")

    async def _answers(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(base_url=self.url) as client:
            while time.monotonic() < deadline:
                try:
                    answer = await client.get("/api/v2/version")
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code == 200 and self._measured() and await asyncio.to_thread(self._parsed):
                    await release.wait_ready(self._cluster)
                    return
                await asyncio.sleep(0.1)
        raise StagingError(f"staging is not ready after {READY_SECONDS:.0f} s: see {self.directory}/pods")

    def _measured(self) -> bool:
        """Whether what D-7 compares was scraped: a scheduler may answer before it has said anything of itself."""
        return all(self.metrics.store.named(name) for name in COMPARED)

    def _parsed(self) -> bool:
        """Whether every DAG is shown and serialized again: the migration had emptied that table."""
        with psycopg.connect(self.dsn("airflow"), autocommit=True) as connection:
            row = connection.execute(
                "SELECT count(DISTINCT dag_id) FROM serialized_dag JOIN dag USING (dag_id) WHERE NOT is_stale"
            ).fetchone()
        return row is not None and int(str(row[0])) >= self._dags

    async def stop(self) -> None:
        """Stop all of it."""
        await self._stack.aclose()


def joined(production: Mapping[str, Any], staging: Mapping[str, Any]) -> dict[str, Any]:
    """One kubeconfig of two, whose users have the same name."""
    user = {"name": CONTEXT, "user": staging["users"][0]["user"]}
    context = {"name": CONTEXT, "context": {**staging["contexts"][0]["context"], "user": CONTEXT}}
    return {
        **production,
        "clusters": [*production["clusters"], *staging["clusters"]],
        "users": [*production["users"], user],
        "contexts": [*production["contexts"], context],
    }
