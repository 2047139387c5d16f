"""What the server refuses: missing fields, bad names, and changes to fields that may not change (422 Invalid)."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from .cron import next_time
from .errors import ApiError, invalid
from .kinds import Kind
from .objects import utc_now
from .selectors import match_labels

Obj = dict[str, Any]
Cause = tuple[str, str, str]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_STATEFULSET_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_POD_UPDATE_TEXT = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_STATEFULSET_TEXT = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
IMMUTABLE = "field is immutable"


def required(field: str, message: str = "") -> Cause:
    """A `Required value` cause."""
    return ("FieldValueRequired", field, f"Required value: {message}" if message else "Required value")


def wrong(field: str, value: Any, message: str) -> Cause:
    """An `Invalid value` cause; `value` is shown as JSON."""
    shown = json.dumps(value, separators=(",", ":"))
    return ("FieldValueInvalid", field, f"Invalid value: {shown}: {message}")


def forbidden(field: str, message: str) -> Cause:
    """A `Forbidden` cause."""
    return ("FieldValueForbidden", field, f"Forbidden: {message}")


def validate_create(kind: Kind, obj: Obj) -> None:
    """Raises ApiError 422 for an object that may not be created."""
    causes = [*_name(kind, obj), *_content(kind, obj)]
    if causes:
        raise invalid(kind.group, kind.kind, str(obj["metadata"].get("name", "")), causes)


def validate_update(kind: Kind, old: Obj, new: Obj) -> None:
    """Raises ApiError 422 for a change that may not be made."""
    checker = _UPDATES.get(kind.kind)
    causes = [*_content(kind, new), *(checker(old, new) if checker else [])]
    if causes:
        raise invalid(kind.group, kind.kind, str(new["metadata"]["name"]), causes)


def _name(kind: Kind, obj: Obj) -> list[Cause]:
    name = obj["metadata"].get("name")
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if kind.group == "rbac.authorization.k8s.io":
        return []
    if not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        return [wrong("metadata.name", name, _SUBDOMAIN_TEXT)]
    return []


def _content(kind: Kind, obj: Obj) -> list[Cause]:
    spec = obj.get("spec") or {}
    if kind.kind == "Pod":
        return _pod_spec(spec, "spec")
    if kind.kind in ("Deployment", "ReplicaSet", "StatefulSet"):
        claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates") or []}
        pod = spec.get("template", {}).get("spec") or {}
        return [*_workload(spec), *_pod_spec(pod, "spec.template.spec", claims)]
    if kind.kind == "Job":
        return _job(spec)
    if kind.kind == "CronJob":
        return _cronjob(spec)
    if kind.kind == "Event":
        return _event(obj)
    return []


def _event(event: Obj) -> list[Cause]:
    # Only the older way of writing Events is held to the rule; one with an eventTime belongs to the newer one.
    about = (event.get("involvedObject") or {}).get("namespace", "")
    if not event.get("eventTime") and about != event["metadata"].get("namespace"):
        return [wrong("involvedObject.namespace", about, "does not match event.namespace")]
    return []


def _cronjob(spec: Obj) -> list[Cause]:
    schedule = spec.get("schedule")
    if not schedule:
        return [required("spec.schedule")]
    try:
        next_time(schedule, utc_now())
    except ValueError as error:
        return [wrong("spec.schedule", schedule, str(error))]
    return []


def _pod_spec(spec: Obj, path: str, claims: set[str] | None = None) -> list[Cause]:
    # A StatefulSet's claims become volumes of its pods under their own names; the template does not list them.
    volumes = {volume.get("name") for volume in spec.get("volumes") or []} | (claims or set())
    containers = spec.get("containers")
    if not containers:
        return [required(f"{path}.containers")]
    causes: list[Cause] = []
    names: set[str] = set()
    for field, items in (("containers", containers), ("initContainers", spec.get("initContainers") or [])):
        for index, container in enumerate(items):
            here = f"{path}.{field}[{index}]"
            name = container.get("name")
            if not name:
                causes.append(required(f"{here}.name"))
            elif name in names:
                causes.append(("FieldValueDuplicate", f"{here}.name", f'Duplicate value: "{name}"'))
            names.add(name)
            if not container.get("image"):
                causes.append(required(f"{here}.image"))
            causes += _mounts(container, volumes, here)
    return causes


def _mounts(container: Obj, volumes: set[str], here: str) -> list[Cause]:
    return [
        ("FieldValueNotFound", f"{here}.volumeMounts[{index}].name", f'Not found: "{mount.get("name")}"')
        for index, mount in enumerate(container.get("volumeMounts") or [])
        if mount.get("name") not in volumes
    ]


def _workload(spec: Obj) -> list[Cause]:
    selector = spec.get("selector")
    if not selector:
        return [required("spec.selector")]
    labels = spec.get("template", {}).get("metadata", {}).get("labels") or {}
    if not match_labels(selector, labels):
        value = dict(sorted(labels.items()))
        return [wrong("spec.template.metadata.labels", value, "`selector` does not match template `labels`")]
    if int(spec.get("replicas") or 0) < 0:
        return [wrong("spec.replicas", spec["replicas"], "must be greater than or equal to 0")]
    return []


def _job(spec: Obj) -> list[Cause]:
    pod = spec.get("template", {}).get("spec") or {}
    causes = _pod_spec(pod, "spec.template.spec")
    if pod.get("restartPolicy") not in ("OnFailure", "Never"):
        causes.append(required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return causes


def _deployment_update(old: Obj, new: Obj) -> list[Cause]:
    if old["spec"].get("selector") != new["spec"].get("selector"):
        return [wrong("spec.selector", new["spec"].get("selector") or {}, IMMUTABLE)]
    return []


def _statefulset_update(old: Obj, new: Obj) -> list[Cause]:
    def fixed(spec: Obj) -> Obj:
        return {key: value for key, value in spec.items() if key not in _STATEFULSET_MUTABLE}

    return [] if fixed(old["spec"]) == fixed(new["spec"]) else [forbidden("spec", _STATEFULSET_TEXT)]


def _job_update(old: Obj, new: Obj) -> list[Cause]:
    before, after = old["spec"], new["spec"]
    fixed = ("completions", "selector", "completionMode", "manualSelector", "template")
    return [
        wrong(f"spec.{field}", after.get(field), IMMUTABLE) for field in fixed if before.get(field) != after.get(field)
    ]


def _pod_update(old: Obj, new: Obj) -> list[Cause]:
    def fixed(obj: Obj) -> Obj:
        spec: Obj = copy.deepcopy(obj["spec"])
        for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
            container.pop("image", None)
        for free in ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"):
            spec.pop(free, None)
        return spec

    return [] if fixed(old) == fixed(new) else [forbidden("spec", _POD_UPDATE_TEXT)]


def _secret_update(old: Obj, new: Obj) -> list[Cause]:
    causes: list[Cause] = []
    if old.get("type") != new.get("type"):
        causes.append(wrong("type", new.get("type"), IMMUTABLE))
    if old.get("immutable") and old.get("data") != new.get("data"):
        causes.append(forbidden("data", "field is immutable when `immutable` is set"))
    return causes


def _configmap_update(old: Obj, new: Obj) -> list[Cause]:
    if old.get("immutable") and old.get("data") != new.get("data"):
        return [forbidden("data", "field is immutable when `immutable` is set")]
    return []


def _binding_update(old: Obj, new: Obj) -> list[Cause]:
    if old.get("roleRef") != new.get("roleRef"):
        return [wrong("roleRef", new.get("roleRef"), "cannot change roleRef")]
    return []


_UPDATES = {
    "Deployment": _deployment_update,
    "ReplicaSet": _deployment_update,
    "StatefulSet": _statefulset_update,
    "Job": _job_update,
    "Pod": _pod_update,
    "Secret": _secret_update,
    "ConfigMap": _configmap_update,
    "RoleBinding": _binding_update,
    "ClusterRoleBinding": _binding_update,
}


def check_body(kind: Kind, obj: Any) -> Obj:
    """The body of a write as an object of `kind`. Raises ApiError 400 when it is something else."""
    if not isinstance(obj, dict):
        raise ApiError(400, "the body must be an object")
    for field, wanted in (("apiVersion", kind.api_version), ("kind", kind.kind)):
        given = obj.get(field)
        if given and given != wanted:
            raise ApiError(
                400,
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: no kind '
                f'"{obj.get("kind")}" is registered for version "{obj.get("apiVersion")}"',
            )
    if not isinstance(obj.get("metadata", {}), dict):
        raise ApiError(400, "metadata must be an object")
    return obj
