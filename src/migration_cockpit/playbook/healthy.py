"""Step 6: recreate what waits in back-off, wait for the components, give autoscalers and CronJobs back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from migration_cockpit.actions import cluster, database
from migration_cockpit.actions.cluster import Pod, Workload
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.stopping import (
    RestoreAutoscalers,
    RestoreReplicas,
    ResumeCronJobs,
    delete_stuck_pods,
)
from migration_cockpit.config import Settings
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook import migrated, reference, standstill
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import checked, gate, site_of, world_errors
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check

JOBS = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob", "dag-processor": "DagProcessorJob"}
"""Component -> type of its row in table `job`; api-server and workers have none in 3.x."""
NEVER_WITHOUT = ("scheduler", "dag-processor")
"""Components that every 3.x needs; `dagProcessor.enabled: false` or a count of zero leaves them out, with no error."""
NEW_REPLICAS = "restored-replicas"


async def _schema_there(flight: Flight) -> tuple[bool, str]:
    deployment = flight.settings.deployment
    heads = await database.heads(site_of(flight))
    return migrated.judge(heads, deployment.source_version, deployment.target_version, reference.head(flight))


class Healthy:
    """Replicas as the chart wants, as many fresh heartbeats, the API of the target version."""

    id = "healthy"
    title = "healthy components"
    key = "6"
    purpose = (
        "See every component of 3.x run: pods ready as the chart wants, fresh heartbeats, the API's exact version."
    )
    undo = "The rollback: components to zero, the recovery point restored, helm rollback."
    differs = (
        "Pods in Init back-off would wait up to five minutes more: they are recreated. Ready pods alone prove little: "
        "heartbeats are counted in the database, and the API's version is compared exactly."
    )

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 180.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """On an unmigrated schema nothing can become healthy."""
        mend = "fly step 5 to its end first"
        return (gate("schema at the target", "alembic_version is the target version's head", mend, _schema_there),)

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """Pods, replicas, CronJobs, autoscalers."""
        site = Site(settings, session)
        return (delete_stuck_pods(site), RestoreReplicas(site), ResumeCronJobs(site), RestoreAutoscalers(site))

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        target = settings.deployment.target_version
        return (
            "every workload has as many ready, updated pods as it wants, and no pod of 2.x is left",
            f"as many heartbeats younger than {settings.limits.heartbeat:g} s as there are schedulers, triggerers and "
            "dag-processors",
            "every ExternalSecret is synced, where there are any",
            f"the API answers with exactly {target}",
            "autoscalers and CronJobs are as before",
        )

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Recreate stuck pods, wait for the components, then give back what was paused."""
        site = site_of(flight)
        started = flight.state.step(self.id).started
        assert started is not None  # a step that flies was started
        async with world_errors("step 6"):
            stuck = [pod.name for pod in await cluster.writing_pods(site) if in_back_off(pod)]
            await flight.do(self.id, delete_stuck_pods(site, stuck))
            await flight.do(self.id, RestoreReplicas(site, await self._short_workloads(flight)))
            limits = flight.settings.limits
            timeout = max(limits.healthy, limits.external_secrets if await _secrets(site) else 0.0)
            first = await flight.verify(self.id, lambda: _components(flight, started), timeout=timeout, every=0.5)
            if not all(check.holds and check.known for check in first):
                return first
            await flight.do(self.id, ResumeCronJobs(site, standstill.recorded_cronjobs(flight)))
            await flight.do(self.id, RestoreAutoscalers(site, standstill.recorded_autoscalers(flight)))

            async def everything() -> Sequence[Check]:
                return (*await _components(flight, started), await _given_back(flight))

            return await flight.verify(self.id, everything, timeout=limits.autoscaler_pause, every=0.5)

    async def _short_workloads(self, flight: Flight) -> tuple[Workload, ...]:
        """Workloads that step 4 scaled to zero and the chart does not scale up again.

        With an autoscaler the chart leaves `replicas` out of its manifest, so the upgrade keeps the zero; and an
        autoscaler does not touch a target at zero. Written down first: a resumed flight must find the same.
        """
        known = flight.fact(self.id, NEW_REPLICAS)
        if known is not None:
            return msgspec.convert(known, tuple[Workload, ...])
        site = site_of(flight)
        before = {each.name: each for each in standstill.recorded_workloads(flight)}
        scaled_by_keda = {each.target for each in await cluster.autoscalers(site) if each.resource == "scaledobjects"}
        short = [
            msgspec.structs.replace(now, replicas=before[now.name].replicas)
            for now in await cluster.workloads(site)
            if not now.replicas
            and now.name in before
            and before[now.name].replicas
            # KEDA scales up from zero by itself, once it is let to.
            and now.name not in scaled_by_keda
        ]
        flight.write_fact(self.id, NEW_REPLICAS, msgspec.to_builtins(short))
        return tuple(short)


def in_back_off(pod: Pod) -> bool:
    """Whether a pod waits out a back-off that can last five minutes, or ended in an init error on its way there."""
    return pod.phase in {"Init:CrashLoopBackOff", "Init:Error", "CrashLoopBackOff"}


async def _components(flight: Flight, started: datetime) -> Sequence[Check]:
    return (
        await checked("pods ready", "kubectl describe the pod: events and container states say why", _ready(flight)),
        await checked("no pod of 2.x", "delete what is named", _no_old(flight)),
        await checked("heartbeats", "read the log of the component without a heartbeat", _beats(flight, started)),
        await checked("external secrets", "kubectl describe externalsecret: is its store reachable?", _synced(flight)),
        await checked(
            "API version", "is the api-server's image the target's, airflow.url the right one?", _api(flight)
        ),
    )


async def _ready(flight: Flight) -> tuple[bool, str]:
    site = site_of(flight)
    rollouts = await cluster.rollouts(site)
    phases: dict[str, set[str]] = {}
    for pod in await cluster.writing_pods(site):
        if not pod.ready:
            phases.setdefault(pod.component, set()).add(pod.phase)
    words = []
    for each in rollouts:
        waiting = "" if each.done else ", ".join(sorted(phases.get(each.workload.component, ())))
        words.append(f"{each.workload.component} {each.ready}/{each.workload.replicas} {waiting}".rstrip())
    holds = bool(rollouts) and all(each.done for each in rollouts)
    missing = "" if holds else await _missing_secrets(site)
    return holds, ", ".join(words) + missing


async def _missing_secrets(site: Site) -> str:
    """Secrets that pods of the release cannot start without and that are not there."""
    names = {
        name
        for item in await site.live.kube.list("pods", label=site.selector)
        for name in cluster.secret_references(item["spec"])
    }
    missing = [name for name in sorted(names) if await site.live.kube.find("secrets", name) is None]
    return f"; missing Secret: {', '.join(missing)}" if missing else ""


async def _no_old(flight: Flight) -> tuple[bool, str]:
    from migration_cockpit.playbook.helm import old_pods

    old = await old_pods(flight)
    return not old, ", ".join(pod.name for pod in old) or "none"


async def _beats(flight: Flight, started: datetime) -> tuple[bool, str]:
    """Heartbeats written since the step began: rows of 2.x keep `running` when their process was killed."""
    site = site_of(flight)
    youngest = max(started, flight.clock.now() - timedelta(seconds=flight.settings.limits.heartbeat))
    beats = await database.heartbeats(site, youngest)
    wanted: dict[str, int] = {}
    for workload in await cluster.workloads(site):
        if workload.component in JOBS:
            wanted[workload.component] = wanted.get(workload.component, 0) + workload.replicas
    found = {component: beats.get(JOBS[component], 0) for component in wanted}
    words = [f"{component} {found[component]}/{count}" for component, count in wanted.items()]
    # Zero of zero is no heartbeat: without these two a 3.x runs nothing, and no error says so.
    words += [f"no {component} is wanted at all" for component in NEVER_WITHOUT if not wanted.get(component)]
    beating = all(found[name] >= count for name, count in wanted.items())
    return beating and all(wanted.get(component) for component in NEVER_WITHOUT), ", ".join(words)


async def _secrets(site: Site) -> bool:
    try:
        return bool(await cluster.listed(site, "externalsecrets"))
    except WorldError:
        return True


async def _synced(flight: Flight) -> tuple[bool, str]:
    items = await cluster.listed(site_of(flight), "externalsecrets")
    late = []
    for item in items:
        conditions = item.get("status", {}).get("conditions") or []
        ready: dict[str, str] = next((c for c in conditions if c.get("type") == "Ready"), {})
        if ready.get("status") != "True":
            late.append(f"{item['metadata']['name']} {ready.get('reason', 'not synced yet')}")
    return not late, ", ".join(late) or (f"{len(items)} synced" if items else "there are none")


async def _api(flight: Flight) -> tuple[bool, str]:
    found = await flight.connections.airflow.version()
    return found == flight.settings.deployment.target_version, found


async def _given_back(flight: Flight) -> Check:
    async def look() -> tuple[bool, str]:
        site = site_of(flight)
        cronjobs = await ResumeCronJobs(site, standstill.recorded_cronjobs(flight)).observe()
        scalers = await RestoreAutoscalers(site, standstill.recorded_autoscalers(flight)).observe()
        open_ones = [seen.detail for seen in (cronjobs, scalers) if seen.status.value != "done"]
        count = len(standstill.recorded_cronjobs(flight)) + len(standstill.recorded_autoscalers(flight))
        return not open_ones, "; ".join(open_ones) or f"{count} given back"

    return await checked("autoscalers and CronJobs", "give them back by the sheet's commands", look())
