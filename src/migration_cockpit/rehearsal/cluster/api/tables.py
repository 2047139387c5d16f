"""The Table form that kubectl prints, and the metadata-only form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..objects import is_true, labels_of, name_of, parse_time, utc_now
from ..selectors import selector_text
from .podcolumns import pod_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kinds import Kind

Obj = dict[str, Any]
Row = list[Any]

_NONE = "<none>"


def age(text: str | None) -> str:
    """How long ago, in kubectl's short form: `5s`, `3m12s`, `2h`, `4d`."""
    if not text:
        return "<unknown>"
    seconds = max(int((utc_now() - parse_time(text)).total_seconds()), 0)
    return span(seconds)


def span(seconds: int) -> str:
    """A duration as `duration.HumanDuration` prints it."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def _created(obj: Obj) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _containers(obj: Obj) -> tuple[str, str]:
    items = obj["spec"]["template"]["spec"]["containers"]
    return ",".join(item["name"] for item in items), ",".join(item["image"] for item in items)


def _deployment(obj: Obj) -> Row:
    status, want = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    ready, updated, available = (status.get(f"{key}Replicas", 0) for key in ("ready", "updated", "available"))
    wide = (*_containers(obj), selector_text(obj["spec"].get("selector")))
    return [name_of(obj), f"{ready}/{want}", updated, available, _created(obj), *wide]


def _replicaset(obj: Obj) -> Row:
    status = obj.get("status") or {}
    wide = (*_containers(obj), selector_text(obj["spec"].get("selector")))
    counts = (obj["spec"].get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0))
    return [name_of(obj), *counts, _created(obj), *wide]


def _statefulset(obj: Obj) -> Row:
    ready = (obj.get("status") or {}).get("readyReplicas", 0)
    return [name_of(obj), f"{ready}/{obj['spec'].get('replicas', 1)}", _created(obj), *_containers(obj)]


def _job(obj: Obj) -> Row:
    spec, status = obj["spec"], obj.get("status") or {}
    state = "Running"
    for kind in ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if is_true(obj, kind):
            state = kind
            break
    wanted = spec.get("completions")
    completions = f"{status.get('succeeded', 0)}/{wanted}" if wanted is not None else f"{status.get('succeeded', 0)}/1"
    duration = ""
    if status.get("startTime"):
        end = parse_time(status["completionTime"]) if status.get("completionTime") else utc_now()
        duration = span(int((end - parse_time(status["startTime"])).total_seconds()))
    wide = (*_containers(obj), selector_text(spec.get("selector")))
    return [name_of(obj), state, completions, duration, _created(obj), *wide]


def _cronjob(obj: Obj) -> Row:
    spec, status = obj["spec"], obj.get("status") or {}
    last = age(status["lastScheduleTime"]) if status.get("lastScheduleTime") else _NONE
    zone = spec.get("timeZone", _NONE)
    active = len(status.get("active") or [])
    return [name_of(obj), spec["schedule"], zone, str(bool(spec.get("suspend"))), active, last, _created(obj)]


def _service(obj: Obj) -> Row:
    spec = obj["spec"]
    ports = ",".join(f"{item['port']}/{item.get('protocol', 'TCP')}" for item in spec.get("ports") or []) or _NONE
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items())) or _NONE
    address = spec.get("clusterIP", _NONE)
    return [name_of(obj), spec.get("type", "ClusterIP"), address, _NONE, ports, _created(obj), selector]


def _endpoints(obj: Obj) -> Row:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or []
        for address in subset.get("addresses") or []
        for port in subset.get("ports") or []
    ]
    shown = ",".join(found[:3]) + (f" + {len(found) - 3} more..." if len(found) > 3 else "")
    return [name_of(obj), shown or _NONE, _created(obj)]


def _event(obj: Obj) -> Row:
    about = obj["involvedObject"]
    seen = age(obj.get("lastTimestamp") or obj.get("eventTime") or obj["metadata"].get("creationTimestamp"))
    subject = f"{about.get('kind', '').lower()}/{about.get('name', '')}"
    return [seen, obj.get("type", ""), obj.get("reason", ""), subject, str(obj.get("message", "")).strip()]


def _node(obj: Obj) -> Row:
    state = "Ready" if is_true(obj, "Ready") else "NotReady"
    if obj["spec"].get("unschedulable"):
        state += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = ",".join(key.removeprefix(prefix) for key in labels_of(obj) if key.startswith(prefix)) or _NONE
    return [name_of(obj), state, roles, _created(obj), obj["status"]["nodeInfo"]["kubeletVersion"]]


def _claim(obj: Obj) -> Row:
    status, spec = obj.get("status") or {}, obj["spec"]
    modes = ",".join({"ReadWriteOnce": "RWO", "ReadWriteMany": "RWX", "ReadOnlyMany": "ROX"}.get(m, m) for m in
                     status.get("accessModes") or [])  # fmt: skip
    size = (status.get("capacity") or {}).get("storage", "")
    storage = spec.get("storageClassName", "")
    return [name_of(obj), status.get("phase", ""), spec.get("volumeName", ""), size, modes, storage, _created(obj)]


_AGE = ("Age", "string", 0)
_NAME = ("Name", "string", 0)
_WIDE = (("Containers", "string", 1), ("Images", "string", 1), ("Selector", "string", 1))

_TABLES: dict[str, tuple[tuple[tuple[str, str, int], ...], Callable[[Obj], Row]]] = {
    "Pod": (
        (
            _NAME,
            ("Ready", "string", 0),
            ("Status", "string", 0),
            ("Restarts", "string", 0),
            _AGE,
            ("IP", "string", 1),
            ("Node", "string", 1),
            ("Nominated Node", "string", 1),
            ("Readiness Gates", "string", 1),
        ),
        lambda obj: pod_row(obj, age),
    ),
    "Deployment": (
        (
            _NAME,
            ("Ready", "string", 0),
            ("Up-to-date", "string", 0),
            ("Available", "string", 0),
            _AGE,
            *_WIDE,
        ),
        _deployment,
    ),
    "ReplicaSet": (
        (_NAME, ("Desired", "integer", 0), ("Current", "integer", 0), ("Ready", "integer", 0), _AGE, *_WIDE),
        _replicaset,
    ),
    "StatefulSet": ((_NAME, ("Ready", "string", 0), _AGE, *_WIDE[:2]), _statefulset),
    "Job": (
        (
            _NAME,
            ("Status", "string", 0),
            ("Completions", "string", 0),
            ("Duration", "string", 0),
            _AGE,
            *_WIDE,
        ),
        _job,
    ),
    "CronJob": (
        (
            _NAME,
            ("Schedule", "string", 0),
            ("Timezone", "string", 0),
            ("Suspend", "boolean", 0),
            ("Active", "integer", 0),
            ("Last Schedule", "string", 0),
            _AGE,
        ),
        _cronjob,
    ),
    "Service": (
        (
            _NAME,
            ("Type", "string", 0),
            ("Cluster-IP", "string", 0),
            ("External-IP", "string", 0),
            ("Port(s)", "string", 0),
            _AGE,
            ("Selector", "string", 1),
        ),
        _service,
    ),
    "Endpoints": ((_NAME, ("Endpoints", "string", 0), _AGE), _endpoints),
    "Secret": (
        (_NAME, ("Type", "string", 0), ("Data", "string", 0), _AGE),
        lambda obj: [name_of(obj), obj.get("type", ""), len(obj.get("data") or {}), _created(obj)],
    ),
    "ConfigMap": (
        (_NAME, ("Data", "string", 0), _AGE),
        lambda obj: [name_of(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _created(obj)],
    ),
    "Namespace": (
        (_NAME, ("Status", "string", 0), _AGE),
        lambda obj: [name_of(obj), (obj.get("status") or {}).get("phase", ""), _created(obj)],
    ),
    "Node": (
        (_NAME, ("Status", "string", 0), ("Roles", "string", 0), _AGE, ("Version", "string", 0)),
        _node,
    ),
    "Event": (
        (
            ("Last Seen", "string", 0),
            ("Type", "string", 0),
            ("Reason", "string", 0),
            ("Object", "string", 0),
            ("Message", "string", 0),
        ),
        _event,
    ),
    "PersistentVolumeClaim": (
        (
            _NAME,
            ("Status", "string", 0),
            ("Volume", "string", 0),
            ("Capacity", "string", 0),
            ("Access Modes", "string", 0),
            ("StorageClass", "string", 0),
            _AGE,
        ),
        _claim,
    ),
    "Lease": (
        (_NAME, ("Holder", "string", 0), _AGE),
        lambda obj: [name_of(obj), obj.get("spec", {}).get("holderIdentity", ""), _created(obj)],
    ),
}
_PLAIN: tuple[tuple[tuple[str, str, int], ...], Callable[[Obj], Row]] = (
    (_NAME, _AGE),
    lambda obj: [name_of(obj), _created(obj)],
)


def render_for(accept: str, kind: Kind, include: str = "") -> Callable[[Obj], Obj]:
    """How to show an object (or a list of them) of `kind` to a client that sent `accept`.

    `include` is a table's `includeObject`: `Object` puts whole objects into its rows (kubectl sorts by them), `None`
    nothing, anything else their metadata.
    """
    if "as=Table" in accept:
        shown = {"Object": lambda obj: obj, "None": lambda _: None}.get(include, _metadata_of)
        return lambda body: _table(kind, body, shown)
    if "as=PartialObjectMetadata" in accept:
        return _partial
    return lambda body: body


def _items(body: Obj) -> list[Obj]:
    return list(body["items"]) if body.get("kind", "").endswith("List") and "items" in body else [body]


def _table(kind: Kind, body: Obj, shown: Callable[[Obj], Obj | None]) -> Obj:
    columns, row = _TABLES.get(kind.kind, _PLAIN)
    metadata = body.get("metadata") or {}
    is_list = "items" in body
    # A bookmark has no name: it becomes a table of no rows that carries the version (and the end mark) on.
    objects = [item for item in _items(body) if (item.get("metadata") or {}).get("name")]
    kept = ["resourceVersion", "continue", "remainingItemCount"] + ([] if is_list or objects else ["annotations"])
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "columnDefinitions": [
            {
                "name": name,
                "type": type_,
                "format": "name" if name == "Name" else "",
                "description": name,
                "priority": priority,
            }
            for name, type_, priority in columns
        ],
        "rows": [{"cells": row(item), "object": shown(item)} for item in objects],
    }


def _metadata_of(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _partial(body: Obj) -> Obj:
    if "items" not in body:
        return _metadata_of(body)
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": body["metadata"],
        "items": [_metadata_of(item) for item in body["items"]],
    }
