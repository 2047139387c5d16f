"""StatefulSets: numbered pods, one after the other (OrderedReady) or all at once (Parallel).

The order of decisions follows the real controller, its known trap included: a pod that never becomes Ready is not
replaced when the template is put back, because the update waits for it to become Ready first.
"""

from __future__ import annotations

import copy
from typing import Any

from ..errors import ApiError
from ..kinds import PODS, PVCS, REVISIONS, STATEFULSETS
from ..objects import (
    is_terminating,
    is_true,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    pod_finished,
    short_hash,
)
from .base import Controller, pod_from
from .replicasets import available_in, put_counts

Obj = dict[str, Any]

HASH = "controller-revision-hash"


class StatefulSets(Controller):
    """The StatefulSet controller."""

    kind = STATEFULSETS
    name = "statefulset-controller"

    def sync(self, obj: Obj) -> float | None:
        """One step: create, wait, delete or update one pod (all of them when Parallel), then the report."""
        if is_terminating(obj):
            return None
        update = self._revision(obj)
        failed = ""
        try:
            self._step(obj, update)
        except ApiError as error:
            failed = error.message
        wait = self._report(obj, update)
        return 1.0 if failed else wait

    def _step(self, obj: Obj, update: str) -> None:
        spec = obj["spec"]
        ordered = spec["podManagementPolicy"] == "OrderedReady"
        pods = self._pods(obj)
        count = int(spec["replicas"])
        for ordinal in range(count):
            if self._grow(obj, pods.get(ordinal), ordinal, update) and ordered:
                return
        if self._shrink(pods, count, ordered=ordered, obj=obj):
            return
        if spec["updateStrategy"]["type"] == "RollingUpdate":
            partition = int((spec["updateStrategy"].get("rollingUpdate") or {}).get("partition") or 0)
            self._update(obj, self._pods(obj), count, partition, update)

    def _grow(self, obj: Obj, pod: Obj | None, ordinal: int, update: str) -> bool:
        """Makes one replica what it should be; True while it is not there, Running, Ready and available yet."""
        if pod is not None and pod_finished(pod) and not is_terminating(pod):
            name = name_of(pod)
            self.events.warning(
                obj,
                "RecreatingFailedPod",
                f"StatefulSet {namespace_of(obj)}/{name_of(obj)} is recreating failed Pod {name}",
            )
            self.registry.delete(PODS, namespace_of(pod), name)
            pod = self.store.find(PODS, namespace_of(obj), name)
        if pod is None:
            self._create(obj, ordinal, update)
            return True
        return not healthy(pod) or available_in(pod, int(obj["spec"].get("minReadySeconds") or 0)) > 0

    def _shrink(self, pods: dict[int, Obj], count: int, *, ordered: bool, obj: Obj) -> bool:
        """Deletes pods beyond `count`, the highest first; True while one is going (or waits for another)."""
        condemned = [pods[ordinal] for ordinal in sorted(pods, reverse=True) if ordinal >= count]
        sick = [pods[ordinal] for ordinal in sorted(pods) if not healthy(pods[ordinal])]
        first_sick = name_of(sick[0]) if sick else ""
        for pod in condemned:
            if is_terminating(pod):
                if ordered:
                    return True
                continue
            if ordered and not _running_and_ready(pod) and name_of(pod) != first_sick:
                return True
            self._delete(obj, pod)
            if ordered:
                return True
        return bool(condemned)

    def _update(self, obj: Obj, pods: dict[int, Obj], count: int, partition: int, update: str) -> None:
        for ordinal in range(count - 1, partition - 1, -1):
            pod = pods.get(ordinal)
            if pod is None:
                return
            if labels_of(pod).get(HASH) != update and not is_terminating(pod):
                self._delete(obj, pod)
                return
            if not healthy(pod):
                return

    def _pods(self, obj: Obj) -> dict[int, Obj]:
        found = {}
        for pod in self.owned(PODS, obj):
            base, _, ordinal = name_of(pod).rpartition("-")
            if base == name_of(obj) and ordinal.isdigit():
                found[int(ordinal)] = pod
        return found

    def _create(self, obj: Obj, ordinal: int, update: str) -> None:
        name = f"{name_of(obj)}-{ordinal}"
        template = obj["spec"]["template"]
        partition = int((obj["spec"]["updateStrategy"].get("rollingUpdate") or {}).get("partition") or 0)
        revision = update
        if ordinal < partition and (current := (obj.get("status") or {}).get("currentRevision")):
            stored = self.store.find(REVISIONS, namespace_of(obj), current)
            if stored is not None:
                template, revision = stored["data"]["spec"]["template"], current
        pod = pod_from(template, obj, name=name)
        pod["metadata"]["labels"].update(
            {
                HASH: revision,
                "statefulset.kubernetes.io/pod-name": name,
                "apps.kubernetes.io/pod-index": str(ordinal),
            }
        )
        pod["spec"]["hostname"] = name
        if obj["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = obj["spec"]["serviceName"]
        self._claims(obj, pod, name)
        try:
            self.registry.create(PODS, pod, namespace_of(obj))
        except ApiError as error:
            text = f"create Pod {name} in StatefulSet {name_of(obj)} failed error: {error.message}"
            self.events.warning(obj, "FailedCreate", text)
            raise
        text = f"create Pod {name} in StatefulSet {name_of(obj)} successful"
        self.events.normal(obj, "SuccessfulCreate", text)

    def _claims(self, obj: Obj, pod: Obj, name: str) -> None:
        """The pod's own claims, made once and kept when the pod goes."""
        for template in obj["spec"].get("volumeClaimTemplates") or []:
            volume = template["metadata"]["name"]
            claim = f"{volume}-{name}"
            if self.store.find(PVCS, namespace_of(obj), claim) is None:
                body = {"metadata": {"name": claim, "labels": dict(obj["spec"]["selector"].get("matchLabels") or {})}}
                self.registry.create(PVCS, {**body, "spec": copy.deepcopy(template["spec"])}, namespace_of(obj))
                text = f"create Claim {claim} Pod {name} in StatefulSet {name_of(obj)} success"
                self.events.normal(obj, "SuccessfulCreate", text)
            others = [item for item in pod["spec"].get("volumes") or [] if item["name"] != volume]
            pod["spec"]["volumes"] = [*others, {"name": volume, "persistentVolumeClaim": {"claimName": claim}}]

    def _delete(self, obj: Obj, pod: Obj) -> None:
        self.registry.delete(PODS, namespace_of(pod), name_of(pod))
        text = f"delete Pod {name_of(pod)} in StatefulSet {name_of(obj)} successful"
        self.events.normal(obj, "SuccessfulDelete", text)

    def _revision(self, obj: Obj) -> str:
        """The revision of the present template, written down on first sight; an old one used again becomes newest."""
        template = copy.deepcopy(obj["spec"]["template"])
        name = f"{name_of(obj)}-{short_hash(template, 10)}"
        known = self.owned(REVISIONS, obj)
        newest = max((int(item["revision"]) for item in known), default=0)
        stored = next((item for item in known if name_of(item) == name), None)
        if stored is None:
            body = {
                "metadata": {
                    "name": name,
                    "labels": {**(template["metadata"].get("labels") or {}), HASH: name},
                    "ownerReferences": [owner_reference(obj)],
                },
                "data": {"spec": {"template": {**template, "$patch": "replace"}}},
                "revision": newest + 1,
            }
            self.registry.create(REVISIONS, body, namespace_of(obj))
        elif int(stored["revision"]) < newest:

            def renumber(fresh: Obj) -> None:
                fresh["revision"] = newest + 1

            self.change(REVISIONS, stored, renumber)
        limit = int(obj["spec"].get("revisionHistoryLimit") or 10)
        used = {labels_of(pod).get(HASH) for pod in self.owned(PODS, obj)} | {name}
        used.add((obj.get("status") or {}).get("currentRevision"))
        idle = sorted((item for item in known if name_of(item) not in used), key=lambda item: int(item["revision"]))
        for item in idle[: max(len(idle) - limit, 0)]:
            self.registry.delete(REVISIONS, namespace_of(item), name_of(item))
        return name

    def _report(self, obj: Obj, update: str) -> float | None:
        count = int(obj["spec"]["replicas"])
        pods = list(self._pods(obj).values())
        status = copy.deepcopy(obj.get("status") or {})
        current = status.get("currentRevision") or update
        ready = [pod for pod in pods if healthy(pod)]
        waits = [available_in(pod, int(obj["spec"].get("minReadySeconds") or 0)) for pod in ready]
        fresh = [pod for pod in pods if labels_of(pod).get(HASH) == update and not is_terminating(pod)]
        old = [pod for pod in pods if labels_of(pod).get(HASH) == current and not is_terminating(pod)]
        rolling = obj["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        if rolling and len(fresh) == len(pods) == len(ready) == count:
            current, old = update, fresh
        put_counts(status, {"readyReplicas": len(ready), "currentReplicas": len(old), "updatedReplicas": len(fresh)})
        status.update(
            replicas=len(pods),
            availableReplicas=sum(wait <= 0 for wait in waits),
            currentRevision=current,
            updateRevision=update,
            observedGeneration=obj["metadata"]["generation"],
            collisionCount=0,
        )
        self.set_status(obj, status)
        return min((wait for wait in waits if wait > 0), default=None)


def _running_and_ready(pod: Obj) -> bool:
    return pod.get("status", {}).get("phase") == "Running" and is_true(pod, "Ready")


def healthy(pod: Obj) -> bool:
    """Running, Ready and not going."""
    return _running_and_ready(pod) and not is_terminating(pod)
