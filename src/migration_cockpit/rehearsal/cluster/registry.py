"""The rules between a request and the store: defaults, validation, names, graceful deletion, finalizers.

The HTTP API, the controllers and the world's own code all write through here, so they meet the same rules.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from . import errors, validation
from .defaults import apply_defaults
from .kinds import JOBS, NAMESPACES, PODS, RESOURCEQUOTAS, SERVICEACCOUNTS, SERVICES, Catalogue, Kind
from .objects import is_terminating, meta, name_of, namespace_of, pod_finished, random_suffix, stamp, utc_now
from .store import Store

Obj = dict[str, Any]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class Registry:
    """Creates, changes and deletes objects by the server's rules. Every refusal is an ApiError."""

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self.store = store
        self.catalogue = catalogue
        self._next_ip = 10

    def create(self, kind: Kind, obj: Obj, namespace: str = "", *, dry_run: bool = False) -> Obj:
        """Admits and stores a new object.

        Raises ApiError 404 (no such namespace), 403 (namespace going, no such service account), 409, 422.
        """
        fresh = copy.deepcopy(obj)
        metadata = meta(fresh)
        self._place(kind, metadata, namespace)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + random_suffix()
        metadata.pop("resourceVersion", None)
        if kind.has_status and kind is not NAMESPACES:
            fresh.pop("status", None)
        apply_defaults(kind, fresh)
        metadata["uid"] = str(uuid.uuid4())
        self._prepare(kind, fresh)
        validation.validate_create(kind, fresh)
        self._admit(kind, fresh)
        if dry_run:
            if self.store.find(kind, namespace_of(fresh), name_of(fresh)):
                raise errors.already_exists(kind.group, kind.plural, name_of(fresh))
            metadata["creationTimestamp"] = stamp()
            return {"apiVersion": kind.api_version, "kind": kind.kind, **fresh}
        return self.store.create(kind, fresh)

    def update(self, kind: Kind, obj: Obj, *, status: bool = False, dry_run: bool = False) -> Obj:
        """Stores a changed object: its status only, or everything but its status. Raises ApiError 404, 409, 422."""
        old = self.store.get(kind, namespace_of(obj), name_of(obj))
        fresh = copy.deepcopy(obj)
        claimed_uid = fresh["metadata"].get("uid")
        if claimed_uid and claimed_uid != old["metadata"]["uid"]:
            why = (
                f"Precondition failed: UID in precondition: {claimed_uid}, UID in object meta: {old['metadata']['uid']}"
            )
            raise errors.conflict(kind.group, kind.plural, name_of(obj), why)
        if status:
            merged = copy.deepcopy(old)
            if "status" in fresh:
                merged["status"] = fresh["status"]
            merged["metadata"]["resourceVersion"] = fresh["metadata"].get("resourceVersion")
            fresh = merged
        else:
            self._keep_system_fields(kind, old, fresh)
            apply_defaults(kind, fresh)
            validation.validate_update(kind, old, fresh)
        stored = self.store.replace(kind, fresh, dry_run=dry_run)
        if not dry_run and is_terminating(stored) and not stored["metadata"].get("finalizers"):
            grace = stored["metadata"].get("deletionGracePeriodSeconds") or 0
            if kind is not PODS or grace == 0:
                return self._remove(kind, stored)
        return stored

    def change(
        self, kind: Kind, namespace: str, name: str, edit: Callable[[Obj], None], *, status: bool = False
    ) -> Obj:
        """Reads, lets `edit` change a copy, writes it back. For callers inside the process: nothing comes between."""
        fresh = copy.deepcopy(self.store.get(kind, namespace, name))
        edit(fresh)
        return self.update(kind, fresh, status=status)

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        grace: int | None = None,
        propagation: str | None = None,
        preconditions: Obj | None = None,
        dry_run: bool = False,
    ) -> tuple[Obj, bool]:
        """Deletes, or begins to: the object's last state, and whether it is gone already.

        Pods take `grace` seconds (their own default else); finalizers and foreground propagation hold an object
        until they are done. Raises ApiError 404, 409.
        """
        old = self.store.get(kind, namespace, name)
        _check_preconditions(kind, old, preconditions or {})
        if dry_run:
            return old, True
        if kind is PODS:
            return self._delete_pod(old, grace)
        finalizers = list(old["metadata"].get("finalizers") or [])
        if propagation == "Foreground" and FOREGROUND not in finalizers:
            finalizers.append(FOREGROUND)
        if propagation == "Orphan" and ORPHAN not in finalizers:
            finalizers.append(ORPHAN)
        if not finalizers and not (kind is NAMESPACES and old.get("spec", {}).get("finalizers")):
            return self._remove(kind, old), True
        fresh = copy.deepcopy(old)
        if finalizers:
            fresh["metadata"]["finalizers"] = finalizers
        fresh["metadata"].setdefault("deletionTimestamp", stamp())
        fresh["metadata"].setdefault("deletionGracePeriodSeconds", 0)
        if kind is NAMESPACES:
            fresh.setdefault("status", {})["phase"] = "Terminating"
        stored = self.store.replace(kind, fresh)
        return stored, self.store.find(kind, namespace, name) is None

    def finish(self, kind: Kind, obj: Obj) -> None:
        """Takes out an object whose finalizers are done (namespace content, kubelet's last word on a pod)."""
        if self.store.find(kind, namespace_of(obj), name_of(obj)) is not None:
            self._remove(kind, obj)

    def _delete_pod(self, pod: Obj, grace: int | None) -> tuple[Obj, bool]:
        spec = pod.get("spec") or {}
        period = grace if grace is not None else int(spec.get("terminationGracePeriodSeconds") or 0)
        if not spec.get("nodeName") or pod_finished(pod):
            period = 0
        old_period = pod["metadata"].get("deletionGracePeriodSeconds")
        if period == 0 and not pod["metadata"].get("finalizers"):
            return self._remove(PODS, pod), True
        if old_period is not None and period >= old_period:
            return pod, False
        fresh = copy.deepcopy(pod)
        fresh["metadata"]["deletionTimestamp"] = stamp(utc_now() + timedelta(seconds=period))
        fresh["metadata"]["deletionGracePeriodSeconds"] = period
        return self.store.replace(PODS, fresh), False

    def _remove(self, kind: Kind, obj: Obj) -> Obj:
        return self.store.remove(kind, namespace_of(obj), name_of(obj))

    def _place(self, kind: Kind, metadata: Obj, namespace: str) -> None:
        if not kind.namespaced:
            metadata.pop("namespace", None)
            return
        given = metadata.get("namespace")
        if given and namespace and given != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = namespace or given or "default"

    def _prepare(self, kind: Kind, obj: Obj) -> None:
        """What the server itself writes into a new object."""
        if kind is JOBS:
            _job_identity(obj)
        elif kind is SERVICES and obj["spec"].get("type") != "ExternalName" and not obj["spec"].get("clusterIP"):
            self._next_ip += 1
            address = f"10.96.{self._next_ip // 256}.{self._next_ip % 256}"
            obj["spec"]["clusterIP"] = address
            obj["spec"]["clusterIPs"] = [address]
        elif kind is PODS:
            obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj)}

    def _admit(self, kind: Kind, obj: Obj) -> None:
        if not kind.namespaced:
            return
        namespace = self.store.find(NAMESPACES, "", namespace_of(obj))
        if namespace is None:
            raise errors.not_found("", "namespaces", namespace_of(obj))
        if is_terminating(namespace):
            why = f"unable to create new content in namespace {namespace_of(obj)} because it is being terminated"
            raise errors.forbidden(kind.group, kind.plural, name_of(obj), why)
        if kind is PODS:
            self._check_quota(obj)
            account = obj["spec"]["serviceAccountName"]
            if self.store.find(SERVICEACCOUNTS, namespace_of(obj), account) is None:
                why = (
                    f"error looking up service account {namespace_of(obj)}/{account}: "
                    f'serviceaccount "{account}" not found'
                )
                raise errors.forbidden("", "pods", name_of(obj), why)

    def _check_quota(self, pod: Obj) -> None:
        used = sum(not pod_finished(item) for item in self.store.list(PODS, namespace_of(pod)))
        for quota in self.store.list(RESOURCEQUOTAS, namespace_of(pod)):
            for key, limit in (quota["spec"].get("hard") or {}).items():
                if key in ("pods", "count/pods") and used + 1 > int(limit):
                    counts = f"requested: {key}=1, used: {key}={used}, limited: {key}={limit}"
                    why = f"exceeded quota: {name_of(quota)}, {counts}"
                    raise errors.forbidden("", "pods", name_of(pod), why)

    @staticmethod
    def _keep_system_fields(kind: Kind, old: Obj, fresh: Obj) -> None:
        if kind.has_status and kind is not NAMESPACES:
            fresh.pop("status", None)
            if "status" in old:
                fresh["status"] = copy.deepcopy(old["status"])
        for fixed in ("deletionTimestamp", "deletionGracePeriodSeconds"):
            fresh["metadata"].pop(fixed, None)
            if fixed in old["metadata"]:
                fresh["metadata"][fixed] = old["metadata"][fixed]
        if kind is SERVICES:
            for fixed in ("clusterIP", "clusterIPs"):
                if fixed in old["spec"]:
                    fresh.setdefault("spec", {}).setdefault(fixed, old["spec"][fixed])


def _check_preconditions(kind: Kind, obj: Obj, wanted: Obj) -> None:
    for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        value, actual = wanted.get(field), obj["metadata"].get(field)
        if value and value != actual:
            why = f"Precondition failed: {label} in precondition: {value}, {label} in object meta: {actual}"
            raise errors.conflict(kind.group, kind.plural, name_of(obj), why)


def _job_identity(job: Obj) -> None:
    """A Job finds its pods by its own uid, unless it brings a selector of its own."""
    if job["spec"].get("manualSelector"):
        return
    uid = job["metadata"]["uid"]
    name = job["metadata"].get("name", "")
    job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = job["spec"]["template"]["metadata"].setdefault("labels", {})
    for key, value in (
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
        ("controller-uid", uid),
        ("job-name", name),
    ):
        labels[key] = value


def qos_class(pod: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, from requests and limits."""
    containers = pod["spec"].get("containers") or []
    resources = [container.get("resources") or {} for container in containers]
    if not any(item.get("requests") or item.get("limits") for item in resources):
        return "BestEffort"
    full = all(
        {"cpu", "memory"} <= set(item.get("limits") or {})
        and (item.get("requests") or item["limits"]) == item["limits"]
        for item in resources
    )
    return "Guaranteed" if full else "Burstable"
