"""Pods and workloads of the release, and the namespace's warnings: watched, never polled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import msgspec

from migration_cockpit.connections import Connections, KubeError
from migration_cockpit.session.events import PodsRead
from migration_cockpit.session.readings import ClusterEvent, Pod, PodsReading, Workload
from migration_cockpit.sources import pod_phase
from migration_cockpit.sources.loop import Emit, Teller, explain

SETTLE_SECONDS = 0.2
"""A rollout changes many objects at once: what changes within this time is one reading."""
RETRY_SECONDS = 2.0
WARNINGS = 20
WARNINGS_FOR = timedelta(hours=1)
"""The cluster keeps events for an hour; so do we."""


class PodsSource:
    """Watches pods, Deployments and StatefulSets of the release, and warning events of the namespace."""

    name = "pods"

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        settings = connections.settings
        release = settings.kubernetes.release
        given = settings.postgres.dsn.secret
        # The chart names it after the release; `data.metadataSecretName` is what postgres.dsn.secret would name.
        names = {f"{release}-metadata", f"{release}-airflow-metadata", *([given.split("/")[0]] if given else [])}
        self._metadata_secrets = frozenset(names)
        self._label = f"release={release}"
        self._pods: dict[str, Pod] = {}
        self._workloads: dict[tuple[str, str], Workload] = {}
        self._warnings: dict[str, ClusterEvent] = {}
        self._synced: set[str] = set()
        self._changed = asyncio.Event()

    async def run(self, emit: Emit) -> None:
        """Watch until cancelled."""
        connections = self._connections
        heartbeat = connections.settings.cadence.heartbeat
        teller = Teller(self.name, PodsRead, emit, connections.clock, heartbeat=heartbeat)
        while True:
            self._synced.clear()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._watch("pods", self._pod))
                    group.create_task(self._watch("deployments", self._workload))
                    group.create_task(self._watch("statefulsets", self._workload))
                    group.create_task(self._watch_warnings())
                    group.create_task(self._tell(teller))
            except* Exception as failed:  # noqa: BLE001  # the boundary at which failures become events
                teller.failure(explain(_first(failed)))
            await connections.clock.sleep(RETRY_SECONDS)

    async def _tell(self, teller: Teller) -> None:
        while True:
            await self._changed.wait()
            await self._connections.clock.sleep(SETTLE_SECONDS)
            self._changed.clear()
            if self._synced >= {"pods", "deployments", "statefulsets", "events"}:
                teller.reading(self.reading())

    def reading(self) -> PodsReading:
        """All that the watches know."""
        newest = self._connections.clock.now() - WARNINGS_FOR
        warnings = sorted((warning for warning in self._warnings.values() if warning.last > newest), key=_last)
        return PodsReading(
            pods=tuple(sorted(self._pods.values(), key=lambda pod: (pod.component, pod.name))),
            workloads=tuple(sorted(self._workloads.values(), key=lambda load: (load.component, load.name))),
            warnings=tuple(warnings[: -WARNINGS - 1 : -1]),
        )

    async def _watch(self, resource: str, keep: Callable[[str, str, Any], None]) -> None:
        kind = {"deployments": "Deployment", "statefulsets": "StatefulSet"}.get(resource, "")
        async with aclosing(self._connections.kube.watch(resource, label=self._label)) as changes:
            async for change, found in changes:
                if change == "SYNC":
                    self._forget(resource, kind)
                    for item in found:
                        keep(kind, "ADDED", item)
                    self._synced.add(resource)
                elif change != "ALIVE":
                    keep(kind, change, found)
                self._changed.set()

    def _forget(self, resource: str, kind: str) -> None:
        if resource == "pods":
            self._pods.clear()
        else:
            self._workloads = {key: load for key, load in self._workloads.items() if key[0] != kind}

    def _pod(self, _: str, change: str, found: Any) -> None:
        name = found["metadata"]["name"]
        if change == "DELETED":
            self._pods.pop(name, None)
        else:
            self._pods[name] = pod_phase.pod(found, self._metadata_secrets)

    def _workload(self, kind: str, change: str, found: Any) -> None:
        key = (kind, found["metadata"]["name"])
        if change == "DELETED":
            self._workloads.pop(key, None)
        else:
            self._workloads[key] = pod_phase.workload(kind, found)

    async def _watch_warnings(self) -> None:
        """Follow the warnings; not being allowed to is shown in their place and costs nothing else."""
        try:
            async with aclosing(self._connections.kube.watch("events", field="type=Warning")) as changes:
                async for change, found in changes:
                    if change == "SYNC":
                        self._warnings = {item["metadata"]["name"]: pod_phase.event(item) for item in found}
                        self._synced.add("events")
                    elif change in ("ADDED", "MODIFIED"):
                        self._warnings[found["metadata"]["name"]] = pod_phase.event(found)
                    elif change == "DELETED":
                        self._warnings.pop(found["metadata"]["name"], None)
                    self._changed.set()
        except KubeError as error:
            if not error.denied:
                raise
            now = self._connections.clock.now()
            self._warnings = {"": ClusterEvent(object="events", reason="Forbidden", message=error.message, last=now)}
            self._synced.add("events")
            self._changed.set()


def _last(warning: ClusterEvent) -> Any:
    return msgspec.structs.astuple(warning)[-1], warning.object, warning.reason


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first failure of a group: the others are its siblings' of the same outage."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
