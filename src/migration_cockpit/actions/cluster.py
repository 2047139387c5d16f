"""What the cluster holds of the release, as the operations need it: workloads, pods, autoscalers, CronJobs.

Label and name rules are those of the official chart: every pod carries tier=airflow, component and release.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from migration_cockpit.actions.site import Site
from migration_cockpit.connections import KubeError

KEPT_UP = frozenset({"pgbouncer", "statsd", "redis", "flower"})
"""Components that do not write to the metadata database; the first three are needed while it migrates."""
WRITERS = ("scheduler", "webserver", "api-server", "dag-processor", "triggerer", "worker")
"""The chart's components that write to the metadata database, in the order in which they are stopped."""
MIGRATION_COMPONENT = "airflow-db-migrate"
"""`component` label of the cockpit's own migration Job; no Service or workload selects it."""
_CONNECTION = re.compile(r"AIRFLOW__(DATABASE|CORE)__SQL_ALCHEMY_CONN|AIRFLOW_CONN_AIRFLOW_DB")
_VERSION = re.compile(r"(?<![\d.])(\d+\.\d+\.\d+)")

Object = Mapping[str, Any]


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A Deployment or StatefulSet of the release with the replicas it had."""

    resource: str
    """`deployments` or `statefulsets`."""
    name: str
    component: str
    replicas: int
    image: str = ""


class Autoscaler(msgspec.Struct, frozen=True, kw_only=True):
    """A KEDA ScaledObject or HorizontalPodAutoscaler of the release, as it was before it was paused."""

    resource: str
    """`scaledobjects` or `horizontalpodautoscalers`."""
    name: str
    target: str = ""
    paused: str | None = None
    """KEDA: value of its pause annotation before; HPA: its scale-up policy before."""


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod of the release, as far as operations look at it."""

    name: str
    uid: str
    component: str
    image: str
    phase: str
    """Running, Pending, Init:0/1, Init:CrashLoopBackOff, Completed, Error, Terminating ..."""
    ready: bool
    owned: bool
    """Whether a controller owns it: a bare one is a task of the Kubernetes executor."""
    database: bool
    finished: bool = False
    """Whether it has ended and will not run again; a container between two restarts has not."""
    ip: str = ""

    @property
    def version(self) -> str:
        """Airflow version in the image's tag, or empty."""
        return version_of(self.image)


def version_of(image: str) -> str:
    """The Airflow version that an image's tag names: `apache/airflow:3.2.2-python3.11` -> `3.2.2`; else empty."""
    tag = image.rpartition("/")[2].partition(":")[2].partition("@")[0]
    found = _VERSION.search(tag)
    return found[1] if found else ""


def labels(item: Object) -> Mapping[str, str]:
    """Labels of an object."""
    return item.get("metadata", {}).get("labels") or {}


def annotations_of(item: Object) -> Mapping[str, str]:
    """Annotations of an object."""
    return item.get("metadata", {}).get("annotations") or {}


def main_container(pod_spec: Object, component: str = "") -> Mapping[str, Any]:
    """The container that gives a pod its name in the chart: called like its component, else `base`, else the first."""
    containers = pod_spec.get("containers") or [{}]
    wanted = (component, "base", "run-airflow-migrations")
    found = next((c for name in wanted for c in containers if c.get("name") == name), containers[0])
    assert isinstance(found, Mapping)
    return found


def talks_to_database(pod_spec: Object) -> bool:
    """Whether a container's environment names the metadata database.

    A whole Secret or ConfigMap as environment may name it too: what cannot be excluded counts.
    """
    for container in pod_spec.get("containers") or []:
        if any(_CONNECTION.search(variable.get("name", "")) for variable in container.get("env") or []):
            return True
        if container.get("envFrom"):
            return True
    return False


def phase(pod: Object) -> str:
    """A pod's state in the words of `kubectl get pods`."""
    status = pod.get("status", {})
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return "Terminating"
    inits = status.get("initContainerStatuses") or []
    total = len(pod.get("spec", {}).get("initContainers") or [])
    for number, init in enumerate(inits):
        ended = init.get("state", {}).get("terminated")
        if ended and ended.get("exitCode") == 0:
            continue
        if ended:
            return f"Init:{ended.get('reason') or 'Error'}"
        waiting = init.get("state", {}).get("waiting") or {}
        reason = waiting.get("reason", "")
        if reason and reason != "PodInitializing":
            return f"Init:{reason}"
        return f"Init:{number}/{total}"
    if total and not inits and status.get("phase") == "Pending":
        return f"Init:0/{total}"
    for container in status.get("containerStatuses") or []:
        state = container.get("state", {})
        if reason := (state.get("waiting") or {}).get("reason", ""):
            return str(reason)
        if ended := state.get("terminated"):
            return "Completed" if ended.get("exitCode") == 0 else str(ended.get("reason") or "Error")
    return str(status.get("reason") or status.get("phase") or "Pending")


def pod_of(item: Object) -> Pod:
    """A pod object as the operations see it."""
    component = labels(item).get("component", "")
    conditions = item.get("status", {}).get("conditions") or []
    return Pod(
        name=item["metadata"]["name"],
        uid=item["metadata"].get("uid", ""),
        component=component,
        image=main_container(item.get("spec", {}), component).get("image", ""),
        phase=phase(item),
        ready=any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions),
        owned=bool(item["metadata"].get("ownerReferences")),
        database=talks_to_database(item.get("spec", {})),
        finished=item.get("status", {}).get("phase") in {"Succeeded", "Failed"},
        ip=item.get("status", {}).get("podIP", ""),
    )


async def pods(site: Site) -> tuple[Pod, ...]:
    """All pods of the release. Raises KubeError."""
    return tuple(pod_of(item) for item in await site.live.kube.list("pods", label=site.selector))


def _is_writer(component: str, pod_spec: Object) -> bool:
    if component in KEPT_UP:
        return False
    return component in WRITERS or talks_to_database(pod_spec)


async def workloads(site: Site) -> tuple[Workload, ...]:
    """Deployments and StatefulSets of the release that write to the metadata database, in stopping order.

    Raises KubeError.
    """
    found = []
    for resource in ("deployments", "statefulsets"):
        for item in await site.live.kube.list(resource, label=site.selector):
            component = labels(item).get("component", "")
            pod_spec = item["spec"]["template"]["spec"]
            if _is_writer(component, pod_spec):
                replicas = item["spec"].get("replicas")
                image = main_container(pod_spec, component).get("image", "")
                found.append(
                    Workload(
                        resource=resource,
                        name=item["metadata"]["name"],
                        component=component,
                        replicas=1 if replicas is None else replicas,
                        image=image,
                    )
                )
    order = {component: place for place, component in enumerate(WRITERS)}
    return tuple(sorted(found, key=lambda workload: (order.get(workload.component, len(order)), workload.name)))


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """How far a workload is, by its own controller."""

    workload: Workload
    ready: int
    updated: int
    current: bool
    """Whether the controller has seen the newest spec and no pod of an older one is left."""

    @property
    def done(self) -> bool:
        """Whether every wanted pod is of the newest spec and ready."""
        return self.current and self.ready >= self.workload.replicas and self.updated >= self.workload.replicas


async def rollouts(site: Site) -> tuple[Rollout, ...]:
    """The workloads that write, each with what its controller says of it. Raises KubeError."""
    found = []
    wanted = {(workload.resource, workload.name): workload for workload in await workloads(site)}
    for resource in ("deployments", "statefulsets"):
        for item in await site.live.kube.list(resource, label=site.selector):
            workload = wanted.get((resource, item["metadata"]["name"]))
            if workload is None:
                continue
            status = item.get("status", {})
            seen = status.get("observedGeneration", 0) >= item["metadata"].get("generation", 0)
            ready, updated = status.get("readyReplicas") or 0, status.get("updatedReplicas") or 0
            current = seen and (status.get("replicas") or 0) <= updated
            found.append(Rollout(workload=workload, ready=ready, updated=updated, current=current))
    return tuple(found)


async def writing_pods(site: Site) -> tuple[Pod, ...]:
    """Pods of the release that write to the metadata database and have not ended. Raises KubeError."""
    return tuple(
        pod
        for pod in await pods(site)
        if not pod.finished
        and pod.component not in KEPT_UP | {MIGRATION_COMPONENT}
        and (pod.component in WRITERS or pod.database)
    )


KEDA_PAUSE = "autoscaling.keda.sh/paused-replicas"


async def autoscalers(site: Site) -> tuple[Autoscaler, ...]:
    """ScaledObjects and HorizontalPodAutoscalers that rule workloads of the release. Raises KubeError.

    An HPA that KEDA made follows its ScaledObject and is left out.
    """
    ours = {workload.name for workload in await workloads(site)}
    found = [
        Autoscaler(
            resource="scaledobjects",
            name=item["metadata"]["name"],
            target=item["spec"].get("scaleTargetRef", {}).get("name", ""),
            paused=annotations_of(item).get(KEDA_PAUSE),
        )
        for item in await listed(site, "scaledobjects")
        if item["spec"].get("scaleTargetRef", {}).get("name", "") in ours
    ]
    for item in await listed(site, "horizontalpodautoscalers"):
        owners = item["metadata"].get("ownerReferences") or []
        target = item["spec"].get("scaleTargetRef", {}).get("name", "")
        if target in ours and not any(owner.get("kind") == "ScaledObject" for owner in owners):
            policy = ((item["spec"].get("behavior") or {}).get("scaleUp") or {}).get("selectPolicy")
            name = item["metadata"]["name"]
            found.append(Autoscaler(resource="horizontalpodautoscalers", name=name, target=target, paused=policy))
    return tuple(found)


async def database_cronjobs(site: Site) -> tuple[str, ...]:
    """Names of CronJobs of the namespace that touch the metadata database and are not suspended.

    The chart's own two, and any other whose environment names the metadata Secret or its variable. Raises KubeError.
    """
    given = site.settings.postgres.dsn.secret
    secrets = {f"{site.release}-metadata", *([given.partition("/")[0]] if given else [])}
    found = []
    for item in await listed(site, "cronjobs"):
        component = labels(item).get("component", "")
        own = labels(item).get("release") == site.release
        pod_spec = item["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        named = any(_names_database(container, secrets) for container in pod_spec.get("containers") or [])
        if (named or (own and component in {"airflow-cleanup-pods", "database-cleanup"})) and not item["spec"].get(
            "suspend"
        ):
            found.append(item["metadata"]["name"])
    return tuple(sorted(found))


def _names_database(container: Object, secrets: Collection[str]) -> bool:
    variables = container.get("env") or []
    references = [(each.get("valueFrom") or {}).get("secretKeyRef") or {} for each in variables]
    references += [each.get("secretRef") or {} for each in container.get("envFrom") or []]
    return any(_CONNECTION.search(each.get("name", "")) for each in variables) or any(
        each.get("name") in secrets for each in references
    )


async def listed(site: Site, resource: str, label: str = "") -> Sequence[Mapping[str, Any]]:
    """Objects of a resource; none where the cluster does not know it, as of a CRD. Raises KubeError."""
    try:
        return list(await site.live.kube.list(resource, label=label))
    except KubeError as error:
        if error.missing:
            return []
        raise


def secret_references(pod_spec: Object) -> Iterator[str]:
    """Names of Secrets that a pod cannot start without."""
    for container in [*(pod_spec.get("initContainers") or []), *(pod_spec.get("containers") or [])]:
        for variable in container.get("env") or []:
            ref = (variable.get("valueFrom") or {}).get("secretKeyRef")
            if ref and not ref.get("optional"):
                yield ref["name"]
        for source in container.get("envFrom") or []:
            ref = source.get("secretRef")
            if ref and not ref.get("optional"):
                yield ref["name"]
    for volume in pod_spec.get("volumes") or []:
        ref = volume.get("secret")
        if ref and not ref.get("optional"):
            yield ref["secretName"]
