"""Waiting for the cluster: objects to be ready (--wait), hook Jobs to end, deleted objects to be gone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from migration_cockpit.rehearsal.helm.errors import CancelledError, DeadlineError, HelmError
from migration_cockpit.rehearsal.helm.kube import Kube, Object
from migration_cockpit.rehearsal.helm.template.nodes import Value

_FIRST_PAUSE_S = 0.05
# helm looks every 2 s.
_LONGEST_PAUSE_S = 2.0


def until(check: Callable[[], bool], timeout_s: float) -> None:
    """Ask again, more and more slowly, until it holds.

    Raises:
        DeadlineError: it did not hold within `timeout_s`.
    """
    deadline, pause = time.monotonic() + timeout_s, _FIRST_PAUSE_S
    while not check():
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def for_ready(kube: Kube, items: list[Object], timeout_s: float, *, jobs: bool = False) -> None:
    """Wait until every object is ready in helm's sense.

    Pods that never pass their init container never get ready: an upgrade that waits for them while the migration is
    a post-upgrade hook waits until its timeout.
    """
    until(lambda: all(_ready(kube, item, jobs=jobs) for item in items), timeout_s)


def for_deleted(kube: Kube, items: list[Object], timeout_s: float) -> None:
    """Wait until none of the objects exists."""
    until(lambda: all(kube.get(item) is None for item in items), timeout_s)


def for_hook(kube: Kube, item: Object, timeout_s: float) -> None:
    """Wait until a hook's Job or Pod has ended; other kinds are done when they exist.

    Raises:
        HelmError: it failed, in the words of helm's watcher.
    """
    if item["kind"] not in {"Job", "Pod"}:
        return
    ended = _job_ended if item["kind"] == "Job" else _pod_ended

    def done() -> bool:
        live = kube.get(item)
        # A Job removed by its time to live (or a person) counts as done, as helm's watcher sees a deletion.
        return live is None or ended(live)

    try:
        until(done, timeout_s)
    except CancelledError:
        raise
    except HelmError as error:
        reason = "timed out waiting for the condition" if isinstance(error, DeadlineError) else str(error)
        raise HelmError(f"1 error occurred:\n\t* {reason}\n\n") from error


def _job_ended(job: Object) -> bool:
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition.get("status") != "True":
            continue
        if condition.get("type") == "Complete":
            return True
        if condition.get("type") == "Failed":
            raise HelmError(f"job {job['metadata']['name']} failed: {condition.get('reason', '')}")
    return False


def _pod_ended(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    if phase == "Failed":
        raise HelmError(f"pod {pod['metadata']['name']} failed")
    return bool(phase == "Succeeded")


def _ready(kube: Kube, item: Object, *, jobs: bool) -> bool:
    kind = item["kind"]
    if kind not in _CHECKS and not (jobs and kind == "Job"):
        return True
    try:
        live = kube.request("GET", kube.path_of(item))
    except OSError:
        # The server is away for a moment; helm tries again too. An object that is not there ends the wait.
        return False
    if kind == "Deployment":
        return _deployment_ready(kube, live)
    if kind == "Job":
        return _job_ready(live)
    return _CHECKS[kind](live)


def _observed(item: Object) -> bool:
    return bool((item.get("status") or {}).get("observedGeneration") == item["metadata"].get("generation"))


def _deployment_ready(kube: Kube, deployment: Object) -> bool:
    spec = deployment["spec"]
    if spec.get("paused"):
        return True
    replica_set = _newest_replica_set(kube, deployment)
    if replica_set is None or not _observed(replica_set) or not _observed(deployment):
        return False
    replicas = spec.get("replicas", 1)
    expected = replicas - _max_unavailable(deployment, replicas)
    return bool(((replica_set.get("status") or {}).get("readyReplicas") or 0) >= expected)


def _newest_replica_set(kube: Kube, deployment: Object) -> Object | None:
    meta = deployment["metadata"]
    labels = (deployment["spec"].get("selector") or {}).get("matchLabels") or {}
    owned = [
        item
        for item in kube.list("apps/v1", "ReplicaSet", labels, meta.get("namespace"))
        if any(owner.get("uid") == meta.get("uid") for owner in item["metadata"].get("ownerReferences") or [])
    ]
    revision = "deployment.kubernetes.io/revision"
    owned.sort(key=lambda item: int((item["metadata"].get("annotations") or {}).get(revision, 0)))
    wanted = (meta.get("annotations") or {}).get(revision)
    newest = owned[-1] if owned else None
    if newest and wanted and (newest["metadata"].get("annotations") or {}).get(revision) != wanted:
        return None
    return newest


def _max_unavailable(deployment: Object, replicas: int) -> int:
    """How many pods of a rolling update may be missing; a percentage is rounded down, and it is never all and none."""
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate" or replicas == 0:
        return 0
    rolling = strategy.get("rollingUpdate") or {}
    surge = _scaled(rolling.get("maxSurge", "25%"), replicas, math.ceil)
    missing = _scaled(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    if surge == 0 and missing == 0:
        missing = 1
    return min(missing, replicas)


def _scaled(value: Value, total: int, rounding: Callable[[float], int]) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return rounding(int(value[:-1]) * total / 100)
    return int(value)


def _stateful_set_ready(item: Object) -> bool:
    spec, status = item["spec"], item.get("status") or {}
    if not _observed(item):
        return False
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return True
    replicas = spec.get("replicas", 1)
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    if (status.get("updatedReplicas") or 0) < replicas - partition:
        return False
    if (status.get("readyReplicas") or 0) != replicas:
        return False
    # With a partition the two revisions differ for good.
    return bool(partition or status.get("currentRevision") == status.get("updateRevision"))


def _job_ready(item: Object) -> bool:
    status, spec = item.get("status") or {}, item["spec"]
    if (status.get("failed") or 0) > spec.get("backoffLimit", 6):
        raise HelmError(f"job is failed: {item['metadata'].get('namespace')}/{item['metadata']['name']}")
    return bool((status.get("succeeded") or 0) >= (spec.get("completions") or 1))


def _service_ready(item: Object) -> bool:
    spec = item["spec"]
    if spec.get("type") == "ExternalName":
        return True
    if not spec.get("clusterIP"):
        return False
    if spec.get("type") == "LoadBalancer" and not spec.get("externalIPs"):
        return bool(((item.get("status") or {}).get("loadBalancer") or {}).get("ingress"))
    return True


def _claim_ready(item: Object) -> bool:
    return bool((item.get("status") or {}).get("phase") == "Bound")


def _pod_ready(item: Object) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or []
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


_CHECKS: dict[str, Callable[[Object], bool]] = {
    "Deployment": _observed,
    "StatefulSet": _stateful_set_ready,
    "Service": _service_ready,
    "PersistentVolumeClaim": _claim_ready,
    "Pod": _pod_ready,
}
