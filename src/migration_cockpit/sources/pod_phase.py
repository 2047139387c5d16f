"""Pods and workloads as plain readings, their phase computed as `kubectl get pods` computes it.

The rules are those of kubectl's printer (kubernetes/pkg/printers/internalversion/printers.go, printPod): people compare
the pane with kubectl, so both must say the same word.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from migration_cockpit.session.readings import ClusterEvent, Pod, Workload

Obj = dict[str, Any]

_DATABASE_VARIABLES = re.compile(r"AIRFLOW__(DATABASE|CORE)__SQL_ALCHEMY_CONN(_CMD|_SECRET)?$")
_BACK_OFF = re.compile(r"back-off ((?:\d+[hms])+) restarting")


def pod(found: Obj, metadata_secrets: frozenset[str]) -> Pod:
    """A pod's reading. `metadata_secrets` are the Secrets that hold the metadata connection."""
    metadata, spec, status = found["metadata"], found.get("spec") or {}, found.get("status") or {}
    component = (metadata.get("labels") or {}).get("component", "")
    phase, reason, ready, restarts = _summary(found)
    main = _main_container(spec, component)
    last_end, last_end_at = _last_end(status)
    inits = spec.get("initContainers") or []
    sidecars = sum(1 for container in inits if container.get("restartPolicy") == "Always")
    return Pod(
        name=metadata["name"],
        component=component,
        version=image_tag(main.get("image", "")),
        phase=phase,
        reason=reason,
        ready=ready,
        containers=len(spec.get("containers") or []) + sidecars,
        restarts=restarts,
        created=moment(metadata["creationTimestamp"]),
        restarting_at=_restarting_at(status),
        database=uses_database(spec, metadata_secrets),
        last_end=last_end,
        last_end_at=last_end_at,
    )


def workload(kind: str, found: Obj) -> Workload:
    """A Deployment's or StatefulSet's reading."""
    metadata, spec, status = found["metadata"], found.get("spec") or {}, found.get("status") or {}
    component = (metadata.get("labels") or {}).get("component", "")
    template = (spec.get("template") or {}).get("spec") or {}
    replicas = spec.get("replicas")
    return Workload(
        kind=kind,
        name=metadata["name"],
        component=component,
        version=image_tag(_main_container(template, component).get("image", "")),
        desired=1 if replicas is None else replicas,
        ready=status.get("readyReplicas") or 0,
        updated=status.get("updatedReplicas") or 0,
    )


def event(found: Obj) -> ClusterEvent:
    """A warning event's reading, of either events API."""
    about = found.get("involvedObject") or found.get("regarding") or {}
    series = found.get("series") or {}
    last = (
        series.get("lastObservedTime")
        or found.get("lastTimestamp")
        or found.get("eventTime")
        or found.get("firstTimestamp")
        or found["metadata"]["creationTimestamp"]
    )
    return ClusterEvent(
        object=f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        reason=found.get("reason") or "",
        message=" ".join((found.get("message") or found.get("note") or "").split())[:300],
        count=series.get("count") or found.get("count") or 1,
        last=moment(last),
    )


def image_tag(image: str) -> str:
    """`registry:5000/apache/airflow:2.11.2-python3.12@sha256:..` -> `2.11.2-python3.12`; a bare digest is cut short."""
    name, _, digest = image.partition("@")
    _, colon, tag = name.rpartition("/")[2].partition(":")
    if colon:
        return tag
    return digest[:19] if digest else "latest" if image else ""


def moment(text: str) -> datetime:
    """A Kubernetes time."""
    return datetime.fromisoformat(text)


def uses_database(spec: Obj, metadata_secrets: frozenset[str]) -> bool:
    """Whether any container's environment names the metadata database or the Secret that holds its connection."""
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for variable in container.get("env") or []:
            if _DATABASE_VARIABLES.match(variable["name"]):
                return True
            reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
            if reference.get("name") in metadata_secrets:
                return True
        for source in container.get("envFrom") or []:
            if (source.get("secretRef") or {}).get("name") in metadata_secrets:
                return True
    return False


def _main_container(spec: Obj, component: str) -> Obj:
    containers: list[Obj] = spec.get("containers") or [{}]
    return next((container for container in containers if container.get("name") == component), containers[0])


def _summary(found: Obj) -> tuple[str, str, int, int]:
    """Phase, what it does not say, ready containers and restarts."""
    spec, status = found.get("spec") or {}, found.get("status") or {}
    phase = status.get("reason") or status.get("phase") or "Unknown"
    detail = ""
    conditions = {item["type"]: item for item in status.get("conditions") or []}
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        phase = "SchedulingGated"
    unscheduled = conditions.get("PodScheduled", {})
    if unscheduled.get("status") == "False":
        detail = unscheduled.get("message", "")
    initial, ready, restarts, sidecar_restarts, init_detail = _initialising(spec, status)
    if initial:
        phase, detail = initial, init_detail
    if not initial or conditions.get("Initialized", {}).get("status") == "True":
        restarts = sidecar_restarts
        running = False
        for container in reversed(status.get("containerStatuses") or []):
            restarts += container.get("restartCount") or 0
            state = container.get("state") or {}
            waiting, ended = state.get("waiting"), state.get("terminated")
            if waiting is not None and waiting.get("reason"):
                phase, detail = waiting["reason"], _waiting_detail(waiting, container)
            elif ended is not None:
                phase, detail = _ended(ended), _exit_detail(ended)
            elif container.get("ready") and state.get("running") is not None:
                running = True
                ready += 1
        if phase == "Completed" and running:
            phase = "Running" if conditions.get("Ready", {}).get("status") == "True" else "NotReady"
    if found["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            phase = "Unknown"
        elif status.get("phase") not in ("Failed", "Succeeded"):
            phase = "Terminating"
    return phase, " ".join(detail.split())[:200], ready, restarts


def _initialising(spec: Obj, status: Obj) -> tuple[str, int, int, int, str]:
    """The `Init:..` phase (empty when initialising is over), ready sidecars, restarts, sidecars' restarts, detail."""
    inits = spec.get("initContainers") or []
    sidecars = {container["name"] for container in inits if container.get("restartPolicy") == "Always"}
    ready = restarts = sidecar_restarts = 0
    for number, container in enumerate(status.get("initContainerStatuses") or []):
        restarts += container.get("restartCount") or 0
        sidecar = container["name"] in sidecars
        sidecar_restarts += (container.get("restartCount") or 0) if sidecar else 0
        state = container.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if sidecar and container.get("started"):
            ready += 1 if container.get("ready") else 0
            continue
        if ended is not None:
            return f"Init:{_ended(ended)}", ready, restarts, sidecar_restarts, _exit_detail(ended)
        if waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
            detail = _waiting_detail(waiting, container)
            return f"Init:{waiting['reason']}", ready, restarts, sidecar_restarts, detail
        return f"Init:{number}/{len(inits)}", ready, restarts, sidecar_restarts, f"{container['name']} runs"
    return "", ready, restarts, sidecar_restarts, ""


def _ended(ended: Obj) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _exit_detail(ended: Obj) -> str:
    code = ended.get("exitCode") or 0
    return f"exit code {code}" + (f": {ended['message']}" if ended.get("message") else "") if code else ""


def _waiting_detail(waiting: Obj, container: Obj) -> str:
    last = (container.get("lastState") or {}).get("terminated") or {}
    told = waiting.get("message") or ""
    # The back-off's own message names the pod's uid and says nothing that the phase does not.
    if _BACK_OFF.search(told):
        told = ""
    return "; ".join(part for part in (told, _exit_detail(last) and f"last {_exit_detail(last)}") if part)


def _restarting_at(status: Obj) -> datetime | None:
    """When the first container in back-off starts again: its last end plus the back-off that the kubelet names."""
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        ended = (container.get("lastState") or {}).get("terminated") or {}
        told = _BACK_OFF.search(waiting.get("message") or "")
        if told and ended.get("finishedAt"):
            return moment(ended["finishedAt"]) + timedelta(seconds=_seconds(told[1]))
    return None


def _last_end(status: Obj) -> tuple[str, datetime | None]:
    """How the container that restarted last had ended, and when: one that runs again does not say it by its state."""
    ends = [
        ended
        for container in status.get("containerStatuses") or []
        if (ended := (container.get("lastState") or {}).get("terminated")) and ended.get("finishedAt")
    ]
    failed = [each for each in ends if each.get("exitCode") or each.get("reason") not in (None, "", "Completed")]
    if not failed:
        return "", None
    last = max(failed, key=lambda each: str(each["finishedAt"]))
    told = _ended(last)
    code = f", {_exit_detail(last).partition(':')[0]}" if told == "Error" and last.get("exitCode") else ""
    return f"{told}{code}", moment(last["finishedAt"])


def _seconds(duration: str) -> int:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))
