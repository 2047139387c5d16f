"""The manifests of 2.x back, and pods that would wait out a back-off recreated."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from migration_cockpit.actions import cluster
from migration_cockpit.actions.cluster import Workload
from migration_cockpit.actions.helm_rollback import ForgetRevision, HelmRollback
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.stopping import EndPods, RestoreReplicas, delete_stuck_pods
from migration_cockpit.config import Settings
from migration_cockpit.playbook import standstill
from migration_cockpit.playbook.flight import StepFailed
from migration_cockpit.playbook.gates import checked
from migration_cockpit.playbook.healthy import in_back_off
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.session.events import Check

SETTLE_SECONDS = 15.0


class ManifestsBack:
    """Helm's stored manifest of the recorded revision, applied again."""

    id = "helm"
    title = "helm rollback"
    purpose = "Put the manifests of 2.x back: the recorded revision, without hooks and without waiting."
    leaves = "The manifests are those of 2.x; its pods wait in Init until they find their own schema."
    stands = "Nothing of Airflow runs on the restored database; Helm's newest revision is the one it was"

    def expected(self, settings: Settings) -> float:
        """Helm applies and does not wait."""
        return 60.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """The rollback."""
        return (HelmRollback(trip.site, trip.recorded_revision),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Forget an upgrade that never ended, then roll back to the recorded revision."""
        revision = trip.recorded_revision
        if revision is None:
            raise StepFailed(
                "no revision from before the upgrade was written down: choose one from helm history by hand"
            )
        releases = trip.flight.connections.releases
        newest = await releases.newest()
        if trip.fact("newest") is None:
            trip.write_fact("newest", newest.revision if newest else 0)
        pending = newest if newest and newest.pending and newest.status != "pending-rollback" else None
        if pending is not None:
            await trip.do(ForgetRevision(trip.site, pending, recorded=revision))
            trip.write_fact("newest", revision)
        back = HelmRollback(trip.site, revision, after=int(trip.fact("newest")))
        await trip.do(back)

        async def look() -> Sequence[Check]:
            return (
                await checked("release", "helm history says what happened", _deployed(back)),
                await checked("images", "kubectl describe the workload: who changed it?", _images(trip)),
            )

        return await trip.verify(look, timeout=SETTLE_SECONDS)


async def _deployed(back: HelmRollback) -> tuple[bool, str]:
    seen = await back.observe()
    return seen.status.value == "done", seen.detail


async def _images(trip: Trip) -> tuple[bool, str]:
    """Whether every workload that there was is there again with the image that it had."""
    before = {each.name: each for each in standstill.recorded_workloads(trip.flight)}
    now = {each.name: each for each in await cluster.workloads(trip.site)}
    wrong = [f"{name} is missing" for name in before if name not in now]
    wrong += [
        f"{name} has {now[name].image}"
        for name, each in before.items()
        if name in now and now[name].image != each.image
    ]
    found = "; ".join(wrong) or f"{len(before)} workloads as recorded"
    return not wrong, found + left_over(trip.site, [each for each in now.values() if each.name not in before])


def left_over(site: Site, workloads: Sequence[Workload]) -> str:
    """What to do with workloads that only the forgotten revision had: Helm knows of them no more, and lets them be."""
    if not workloads:
        return ""
    names = " ".join(f"{each.resource[:-1]}/{each.name}" for each in workloads)
    delete = site.kubectl("delete", names)
    return (
        f"; the upgrade that never ended left more, whose pods wait in Init for a schema that does not come: {delete}"
    )


class Unstick:
    """Pods in a back-off of up to five minutes make way for others that start at once."""

    id = "pods"
    title = "recreate stuck pods"
    purpose = "Give workloads the recorded replicas and delete pods that wait out a back-off in Init."
    leaves = "Pods of 2.x start against the database that they are to work on."
    stands = "The manifests are those of 2.x; its pods may wait out a back-off of up to five minutes"

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 15.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Replicas and pods."""
        return (RestoreReplicas(trip.site), delete_stuck_pods(trip.site))

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Where an autoscaler rules the count the manifest has none: the recorded one is given back."""
        site = trip.site
        await trip.do(RestoreReplicas(site, await _short(trip)))
        writing = await cluster.writing_pods(site)
        stuck = [pod.name for pod in writing if in_back_off(pod) or await _of_other_image(trip, pod.image)]
        again = f"-{trip.stage.attempt}" if trip.stage.attempt > 1 else ""
        detail = await trip.do(EndPods(site, f"delete-stuck-pods{again}", stuck, what="pod in Init back-off"))
        return (Check(name="pods", holds=True, found=detail),)


async def _of_other_image(trip: Trip, image: str) -> bool:
    """Whether a pod is none of 2.x's: a StatefulSet does not replace a pod that waits in Init."""
    before = {each.image for each in standstill.recorded_workloads(trip.flight)}
    return bool(before) and image not in before


async def _short(trip: Trip) -> tuple[Workload, ...]:
    """Workloads that are below their recorded count. Written down first: a resumed flight must find the same."""
    known = trip.fact("short")
    if known is not None:
        return msgspec.convert(known, tuple[Workload, ...])
    now = {each.name: each.replicas for each in await cluster.workloads(trip.site)}
    short = [
        each
        for each in standstill.recorded_workloads(trip.flight)
        if each.name in now and now[each.name] < each.replicas
    ]
    trip.write_fact("short", msgspec.to_builtins(short))
    return tuple(short)
