"""Step 4: bring 2.x to a standstill, take the recovery point, install the manifests of 3.x."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions import cluster
from migration_cockpit.actions.cluster import Pod
from migration_cockpit.actions.helm import HelmUpgrade
from migration_cockpit.actions.operation import Operation, OperationError, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings, version_tuple
from migration_cockpit.playbook import recovery_points, standstill
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.gates import (
    all_paused,
    checked,
    drained,
    helm_arguments,
    recovery_possible,
    release_free,
    site_of,
    sole_ruler,
    source_head,
    upgrade_began,
    window_open,
    world_errors,
)
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check


class HelmUpgradeStep:
    """Stop, snapshot, upgrade: in this order, because a snapshot of a running 2.x loses what is written after it."""

    id = "helm"
    title = "Helm upgrade"
    key = "4"
    purpose = (
        "Stop everything of 2.x that writes to the database, take the recovery point, then install the manifests of "
        "the target version; its pods wait in Init for the migration."
    )
    undo = "helm rollback to the recorded revision without hooks, then the replica counts; the schema is untouched."
    differs = (
        "No --wait: the playbook's form waits for pods that wait for the next step, and always times out. Old pods do "
        "not stop by themselves and 2.x would write into the migration: they are stopped first. A snapshot is not "
        "instant and counts only when available, taken after the last writer stopped. `apiServer.defaultUser` is not "
        "a value of the chart: createUserJob is."
    )

    def expected(self, settings: Settings) -> float:
        """Stopping, the snapshot, the upgrade; seconds."""
        return 120.0 + (600.0 if settings.rds else 0.0)

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """What would be lost or would undo the upgrade."""
        return (
            drained(),
            all_paused(),
            helm_arguments(),
            release_free(),
            sole_ruler(),
            source_head(),
            recovery_possible(),
            window_open(),
        )

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """Everything in order."""
        site = Site(settings, session)
        points = recovery_points.operations(site, self.id, dump=True)
        return (*standstill.sheet(site), *points, HelmUpgrade(site))

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return (
            "the release Secret of this upgrade says deployed",
            "no pod of the old version is left",
            f"every component that the chart wants has pods of {settings.deployment.target_version}, waiting in Init",
            "a recovery point was taken after the last writer stopped",
        )

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Stop, take the recovery point, upgrade; an upgrade that is there already is not stopped for again."""
        upgrade = HelmUpgrade(site_of(flight))
        async with world_errors("step 4"):
            seen = await upgrade.observe()
            stands = await upgrade_began(flight) and not await old_pods(flight)
            if seen.status is not Status.DONE and not stands:
                if seen.status is not Status.NOT_STARTED:
                    raise OperationError(seen.detail)
                await self._before(flight)
            await flight.do(self.id, upgrade)
            return await flight.verify(
                self.id, lambda: self._checks(flight, upgrade), timeout=flight.settings.limits.helm, every=0.5
            )

    async def _before(self, flight: Flight) -> None:
        await standstill.record_release(flight)
        await standstill.record_what_runs(flight)
        await standstill.stop(flight)
        flight.progress(self.id, "taking the recovery point")
        points = await recovery_points.take(flight, self.id, standstill.generation(flight), dump=True)
        if not points:
            raise StepFailed("no recovery point could be taken: configure [rds] or dump.enabled. 2.x stands still now")

    async def _checks(self, flight: Flight, upgrade: HelmUpgrade) -> Sequence[Check]:
        return (
            await checked("release", "helm history and helm status say what happened", _deployed(upgrade)),
            await checked("old pods", "delete what is named; nothing of 2.x may write now", _no_old_pods(flight)),
            await checked("new pods", "kubectl describe the workload and its pods", _new_pods(flight)),
            _recovery_point(flight),
        )


async def _deployed(upgrade: HelmUpgrade) -> tuple[bool, str]:
    seen = await upgrade.observe()
    return seen.status is Status.DONE, seen.detail


def is_old(pod: Pod, before: frozenset[str], target: str) -> bool:
    """Whether a pod is of the source version: it was there before, or its image's tag says so."""
    version = pod.version
    return pod.uid in before or bool(version and version_tuple(version)[0] < version_tuple(target)[0])


async def old_pods(flight: Flight) -> tuple[Pod, ...]:
    """Pods of the source version that have not ended. Raises KubeError."""
    before = frozenset(standstill.recorded(flight, "pods", tuple[str, ...]))
    target = flight.settings.deployment.target_version
    return tuple(pod for pod in await cluster.writing_pods(site_of(flight)) if is_old(pod, before, target))


async def _no_old_pods(flight: Flight) -> tuple[bool, str]:
    old = await old_pods(flight)
    return not old, ", ".join(f"{pod.name} {pod.phase}" for pod in old) or "none"


async def _new_pods(flight: Flight) -> tuple[bool, str]:
    """Every wanted pod is there, of the target version, and waits: ready before the migration would be wrong."""
    site, target = site_of(flight), flight.settings.deployment.target_version
    pods = [pod for pod in await cluster.writing_pods(site) if pod.phase != "Terminating"]
    words, holds = [], True
    for workload in await cluster.workloads(site):
        if not workload.replicas:
            continue
        own = [pod for pod in pods if pod.component == workload.component and pod.image == workload.image]
        waiting = [pod for pod in own if not pod.ready]
        version = cluster.version_of(workload.image)
        # A StatefulSet starts its pods one after the other: the first waits, the next is not there yet.
        right = bool(own) and len(waiting) == len(own) and (not version or version == target)
        holds = holds and right
        phases = ", ".join(sorted({pod.phase for pod in own})) or "no pod yet"
        words.append(f"{workload.component} {len(own)}/{workload.replicas} {version or workload.image} {phases}")
    return holds and bool(words), "; ".join(words) or "no workload wants a pod"


def _recovery_point(flight: Flight) -> Check:
    stood = (flight.fact(standstill.STEP, "standstill") or {}).get("at", "")
    points = [point for point in flight.state.recovery_points if point.step == HelmUpgradeStep.id]
    found = ", ".join(f"{point.name} at {point.head}" for point in points) or "none"
    holds = bool(points) and bool(stood)
    return Check(name="recovery point", holds=holds, found=found, mend="" if holds else "take one before going on")
