"""Settings for tests, and a collector of what sources emit."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from migration_cockpit.config import STEP_IDS, Settings, parse
from migration_cockpit.connections import Connections
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.session.clock import Clock, SystemClock
from migration_cockpit.session.events import Event
from migration_cockpit.session.redact import Redactor
from migration_cockpit.sources.loop import Source
from tests.pace import PATIENCE

E = TypeVar("E", bound=Event)
TOKEN = "token-of-the-cockpit"
NAMESPACE = "airflow"


def make_settings(directory: Path, **tables: dict[str, Any]) -> Settings:
    """Settings of a deployment none of whose systems exists, with the given tables over them."""
    start = datetime(2026, 5, 16, 9, tzinfo=UTC)
    planned: dict[str, Any] = {name: start + timedelta(minutes=15 * n) for n, name in enumerate(STEP_IDS)}
    raw: dict[str, dict[str, Any]] = {
        "deployment": {
            "name": "test",
            "production": False,
            "source_version": "2.11.2",
            "target_version": "3.2.2",
            "on_call": "nobody",
        },
        "kubernetes": {"context": "test", "namespace": NAMESPACE, "release": "airflow", "kubeconfig": "kubeconfig"},
        "helm": {"chart": "airflow", "chart_version": "1.22.0", "values": ["values.yaml"]},
        "postgres": {"dsn": {"value": "postgresql://cockpit@127.0.0.1:9/airflow"}},
        "airflow": {"url": "http://127.0.0.1:9", "username": "admin", "password": {"value": "pass-word"}},
        "dags": {"canary": "canary"},
        "schedule": {**planned, "window_end": start + timedelta(hours=7)},
        "cadence": {
            "tasks": 0.1,
            "database": 0.1,
            "metrics": 0.2,
            "storage": 0.2,
            "health": 0.1,
            "heartbeat": 0.3,
        },
    }
    for name, table in tables.items():
        raw[name] = {**raw.get(name, {}), **table}
    return parse(raw, directory / "config.toml")


@asynccontextmanager
async def connected(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Connections]:
    """Connections that are closed in the end."""
    connections = Connections(settings, Redactor(), clock or SystemClock())
    try:
        yield connections
    finally:
        await connections.close()


@asynccontextmanager
async def cluster(directory: Path) -> AsyncIterator[Cluster]:
    """An embedded cluster with the namespace, an all-powerful user and the kubeconfig for it in `directory`."""
    world = Cluster(directory)
    await world.start()
    world.ensure_namespace(NAMESPACE)
    world.add_user("cockpit", TOKEN, ["system:masters"])
    write_kubeconfig(world, directory, "cockpit", TOKEN)
    try:
        yield world
    finally:
        await world.stop()


def write_kubeconfig(world: Cluster, directory: Path, user: str, token: str) -> None:
    """The kubeconfig of a user. YAML takes JSON."""
    kubeconfig = world.kubeconfig(user, token, context="test", namespace=NAMESPACE)
    (directory / "kubeconfig").write_text(json.dumps(kubeconfig), encoding="utf-8")


async def eventually(condition: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """What `condition` returns as soon as that is true; AssertionError when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)
    return found


class Heard(list[Event]):
    """Everything a source emitted."""

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self if isinstance(event, kind)]


@asynccontextmanager
async def running(source: Source) -> AsyncIterator[Heard]:
    """A source at work and what it has emitted so far; it must still be alive in the end."""
    heard = Heard()
    task = asyncio.create_task(source.run(heard.append))
    try:
        yield heard
        assert not task.done(), f"the source ended by itself: {task}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
