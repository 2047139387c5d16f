"""Stopping everything that writes to the metadata database, and giving it back: replicas, autoscalers, CronJobs, pods.

What an operation changes is written down by the step before it runs, and handed in here; so a resumed flight and a
rollback know what was there. Every one of them may run twice: it sets a value, it does not add to one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from migration_cockpit.actions import cluster
from migration_cockpit.actions.cluster import Autoscaler, Workload
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import KubeError
from migration_cockpit.session.events import Command


async def _each(report: Report, what: str, names: Sequence[str], change: Callable[[int], Awaitable[object]]) -> str:
    """Change object after object; one that has vanished needs no change. Raises OperationError."""
    for number, name in enumerate(names):
        try:
            await change(number)
        except KubeError as error:
            if not error.missing:
                raise OperationError(f"{what} {name}: {error}; {number} of {len(names)} are done") from error
            report.line("cockpit", f"{name} is not there any more", level="careful")
        report.progress(what, number + 1, len(names))
    return f"{len(names)} of {len(names)}"


class ScaleToZero:
    """Scale Deployments and StatefulSets to zero."""

    name = "scale-to-zero"

    def __init__(self, site: Site, workloads: Sequence[Workload] | None = None) -> None:
        """`workloads` as they were before; None where that is only known in the flight."""
        self._site = site
        self._workloads = workloads
        self.key = f"{site.slug}-scale-to-zero"

    def describe(self) -> tuple[Command, ...]:
        """One `kubectl scale` a workload."""
        if self._workloads is None:
            components = ",".join(cluster.WRITERS)
            label = f"'{self._site.selector},component in ({components})'"
            text = self._site.kubectl("scale deployment,statefulset -l", label, "--replicas=0")
            return (Command(text=text, what="stop everything that writes to the metadata database"),)
        return tuple(
            Command(
                text=self._site.kubectl("scale", f"{each.resource[:-1]}/{each.name}", "--replicas=0"),
                what=f"{each.component} had {each.replicas}",
            )
            for each in self._workloads
        )

    async def run(self, report: Report) -> str:
        """Scale them; their pods end afterwards, which the step waits for."""
        each = self._workloads or ()

        async def scale(number: int) -> None:
            await self._site.live.kube.scale(each[number].resource, each[number].name, 0)

        done = await _each(report, "scale to zero", [one.name for one in each], scale)
        return f"{done} workloads at zero"

    async def observe(self) -> Observation:
        """Whether every workload wants zero replicas."""
        names = {one.name for one in self._workloads or ()}
        up = [one.name for one in await cluster.workloads(self._site) if one.name in names and one.replicas]
        if up:
            return Observation(Status.NOT_STARTED, f"not at zero: {', '.join(up)}")
        return Observation(Status.DONE, f"{len(names)} workloads at zero")


class RestoreReplicas:
    """Scale workloads to given counts, where nothing else gives them back."""

    name = "restore-replicas"

    def __init__(self, site: Site, workloads: Sequence[Workload] | None = None) -> None:
        """`workloads` with the counts wanted."""
        self._site = site
        self._workloads = workloads
        self.key = f"{site.slug}-restore-replicas"

    def describe(self) -> tuple[Command, ...]:
        """One `kubectl scale` a workload."""
        if self._workloads is None:
            text = self._site.kubectl("scale deployment/<name> --replicas=<count before>")
            return (Command(text=text, what="only workloads whose count the chart leaves to an autoscaler"),)
        return tuple(
            Command(
                text=self._site.kubectl("scale", f"{each.resource[:-1]}/{each.name}", f"--replicas={each.replicas}"),
                what=each.component,
            )
            for each in self._workloads
        )

    async def run(self, report: Report) -> str:
        """Scale them."""
        each = self._workloads or ()

        async def scale(number: int) -> None:
            await self._site.live.kube.scale(each[number].resource, each[number].name, each[number].replicas)

        done = await _each(report, "scale up", [one.name for one in each], scale)
        return f"{done} workloads scaled"

    async def observe(self) -> Observation:
        """Whether every workload wants at least the count."""
        now = {one.name: one.replicas for one in await cluster.workloads(self._site)}
        low = [one.name for one in self._workloads or () if now.get(one.name, 0) < one.replicas]
        return Observation(Status.NOT_STARTED if low else Status.DONE, ", ".join(low))


_HPA_PAUSED = "Disabled"


class _Autoscalers:
    """What pausing and resuming autoscalers share."""

    name = ""

    def __init__(self, site: Site, autoscalers: Sequence[Autoscaler] | None = None) -> None:
        """`autoscalers` as they were before they were paused; None where that is only known in the flight."""
        self._site = site
        self._autoscalers = autoscalers
        self.key = f"{site.slug}-{self.name}"

    def _wanted(self, each: Autoscaler) -> str | None:
        raise NotImplementedError

    def _patch(self, each: Autoscaler) -> dict[str, Any]:
        """The merge patch; null takes a field away."""
        if each.resource == "scaledobjects":
            return {"metadata": {"annotations": {cluster.KEDA_PAUSE: self._wanted(each)}}}
        return {"spec": {"behavior": {"scaleUp": {"selectPolicy": self._wanted(each)}}}}

    def _command(self, each: Autoscaler) -> str:
        wanted = self._wanted(each)
        if each.resource == "scaledobjects":
            value = f"{cluster.KEDA_PAUSE}-" if wanted is None else f"{cluster.KEDA_PAUSE}={wanted} --overwrite"
            return self._site.kubectl("annotate scaledobject", each.name, value)
        policy = "null" if wanted is None else f'"{wanted}"'
        body = f'\'{{"spec":{{"behavior":{{"scaleUp":{{"selectPolicy":{policy}}}}}}}}}\''
        return self._site.kubectl("patch hpa", each.name, "--type=merge -p", body)

    def describe(self) -> tuple[Command, ...]:
        """One command an autoscaler."""
        found = self._autoscalers
        if found is None:
            found = (
                Autoscaler(resource="scaledobjects", name="<each ScaledObject>"),
                Autoscaler(resource="horizontalpodautoscalers", name="<each HorizontalPodAutoscaler>"),
            )
        return tuple(
            Command(text=self._command(each), what=f"rules {each.target}" if each.target else "") for each in found
        )

    async def run(self, report: Report) -> str:
        """Patch them."""
        each = self._autoscalers or ()

        async def patch(number: int) -> None:
            one = each[number]
            await self._site.live.kube.patch(one.resource, one.name, self._patch(one))

        done = await _each(report, self.name.replace("-", " "), [one.name for one in each], patch)
        return f"{done} autoscalers" if each else "there is no autoscaler"

    async def observe(self) -> Observation:
        """Whether each is as wanted; one that the upgrade took away needs nothing."""
        now = {(one.resource, one.name): one for one in await cluster.autoscalers(self._site)}
        other = []
        for each in self._autoscalers or ():
            found = now.get((each.resource, each.name))
            if found is not None and found.paused != self._wanted(each):
                other.append(each.name)
        return Observation(Status.NOT_STARTED if other else Status.DONE, ", ".join(other) or "nothing to change")


class PauseAutoscalers(_Autoscalers):
    """Keep KEDA and HPA from scaling up again what is scaled to zero.

    KEDA holds a target at the count of its annotation. An HPA leaves a target at zero alone unless its minimum is zero
    too, which the chart's workers have: its scale-up is switched off as well.
    """

    name = "pause-autoscalers"

    def _wanted(self, each: Autoscaler) -> str | None:
        return "0" if each.resource == "scaledobjects" else _HPA_PAUSED


class RestoreAutoscalers(_Autoscalers):
    """Give autoscalers back as they were."""

    name = "restore-autoscalers"

    def _wanted(self, each: Autoscaler) -> str | None:
        return each.paused


class _CronJobs:
    """What suspending and resuming CronJobs share."""

    name = ""
    _suspend = False

    def __init__(self, site: Site, cronjobs: Sequence[str] | None = None) -> None:
        """`cronjobs` that were not suspended before; None where that is only known in the flight."""
        self._site = site
        self._cronjobs = cronjobs
        self.key = f"{site.slug}-{self.name}"

    def describe(self) -> tuple[Command, ...]:
        """One patch a CronJob."""
        names = ("<each CronJob that touches the database>",) if self._cronjobs is None else self._cronjobs
        body = f'\'{{"spec":{{"suspend":{str(self._suspend).lower()}}}}}\''
        return tuple(Command(text=self._site.kubectl("patch cronjob", each, "-p", body)) for each in names)

    async def run(self, report: Report) -> str:
        """Patch them."""
        each = self._cronjobs or ()

        async def patch(number: int) -> None:
            await self._site.live.kube.patch("cronjobs", each[number], {"spec": {"suspend": self._suspend}})

        done = await _each(report, self.name.replace("-", " "), each, patch)
        return f"{done} CronJobs" if each else "there is no CronJob on the database"

    async def observe(self) -> Observation:
        """Whether each is as wanted; one that the upgrade took away needs nothing."""
        names = set(self._cronjobs or ())
        other = [
            item["metadata"]["name"]
            for item in await cluster.listed(self._site, "cronjobs")
            if item["metadata"]["name"] in names and bool(item["spec"].get("suspend")) is not self._suspend
        ]
        return Observation(Status.NOT_STARTED if other else Status.DONE, ", ".join(other) or "nothing to change")


class SuspendCronJobs(_CronJobs):
    """Suspend the CronJobs that touch the metadata database."""

    name = "suspend-cronjobs"
    _suspend = True


class ResumeCronJobs(_CronJobs):
    """Let the suspended CronJobs run again."""

    name = "resume-cronjobs"
    _suspend = False


class EndPods:
    """Delete pods by name: bare executor pods before the upgrade, pods stuck in Init after the migration."""

    def __init__(self, site: Site, name: str, pods: Sequence[str] | None, *, what: str, words: str = "") -> None:
        """`pods` None: only known in the flight, then `words` stands for them. `what` says which they are."""
        self._site = site
        self.name = name
        self._pods = pods
        self._what = what
        self._words = words
        self.key = f"{site.slug}-{name}"

    def describe(self) -> tuple[Command, ...]:
        """One `kubectl delete` a pod."""
        names = (self._words,) if self._pods is None else self._pods
        return tuple(Command(text=self._site.kubectl("delete pod", each), what=self._what) for each in names)

    async def run(self, report: Report) -> str:
        """Delete them; each gets its own grace to end."""
        each = self._pods or ()

        async def delete(number: int) -> None:
            await self._site.live.kube.delete("pods", each[number])

        done = await _each(report, f"delete {self._what}", each, delete)
        return f"{done} pods deleted" if each else f"there is no {self._what}"

    async def observe(self) -> Observation:
        """Whether any of them is still there and not ending."""
        names = set(self._pods or ())
        left = [pod.name for pod in await cluster.pods(self._site) if pod.name in names and pod.phase != "Terminating"]
        return Observation(Status.NOT_STARTED if left else Status.DONE, ", ".join(left) or f"no {self._what} left")


def end_executor_pods(site: Site, pods: Sequence[str] | None = None) -> EndPods:
    """End the bare pods of the Kubernetes executor: no controller stops them."""
    words = "<each pod with component=worker and no owner>"
    return EndPods(site, "end-executor-pods", pods, what="executor pod", words=words)


def delete_stuck_pods(site: Site, pods: Sequence[str] | None = None) -> EndPods:
    """Delete pods that wait in Init with a back-off of up to five minutes: their successors start at once."""
    words = "<each pod in Init back-off>"
    return EndPods(site, "delete-stuck-pods", pods, what="pod in Init back-off", words=words)
