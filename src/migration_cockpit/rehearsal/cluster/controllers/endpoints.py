"""Endpoints of Services: which Ready pods stand behind each port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..kinds import ENDPOINTS, PODS, SERVICES
from ..objects import is_true, labels_of, name_of, namespace_of, pod_finished, uid_of
from .base import Controller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..store import Change
    from .base import Key

Obj = dict[str, Any]


class EndpointsController(Controller):
    """Writes an Endpoints object for each Service with a selector."""

    kind = SERVICES
    name = "endpoint-controller"

    def keys(self, change: Change) -> Iterable[Key]:
        """A pod concerns every Service that selects it, before or after the change."""
        obj = change.object
        if change.kind is SERVICES:
            return [(namespace_of(obj), name_of(obj))]
        if change.kind is not PODS:
            return []
        return [
            (namespace_of(service), name_of(service))
            for service in self.store.list(SERVICES, namespace_of(obj))
            if selects(service, obj) or (change.previous is not None and selects(service, change.previous))
        ]

    def gone(self, namespace: str, name: str) -> None:
        """The Service's Endpoints go with it."""
        if self.store.find(ENDPOINTS, namespace, name) is not None:
            self.registry.delete(ENDPOINTS, namespace, name)

    def sync(self, obj: Obj) -> float | None:
        """Writes the addresses of pods, ready and not."""
        if not obj["spec"].get("selector"):
            return None
        namespace, name = namespace_of(obj), name_of(obj)
        pods = [pod for pod in self.store.list(PODS, namespace) if selects(obj, pod) and not pod_finished(pod)]
        pods = [pod for pod in pods if pod.get("status", {}).get("podIP")]
        ready = [_address(pod) for pod in pods if is_ready(pod)]
        waiting = [_address(pod) for pod in pods if not is_ready(pod)]
        subset: Obj = {"ports": [_port(port, pods) for port in obj["spec"].get("ports") or []]}
        if ready:
            subset["addresses"] = ready
        if waiting:
            subset["notReadyAddresses"] = waiting
        body: Obj = {"metadata": {"name": name, "namespace": namespace, "labels": dict(labels_of(obj))}}
        if ready or waiting:
            body["subsets"] = [subset]
        if self.store.find(ENDPOINTS, namespace, name) is None:
            self.registry.create(ENDPOINTS, body, namespace)
            return None

        def edit(fresh: Obj) -> None:
            fresh.pop("subsets", None)
            if "subsets" in body:
                fresh["subsets"] = body["subsets"]

        self.change(ENDPOINTS, {"metadata": {"name": name, "namespace": namespace}}, edit)
        return None


def selects(service: Obj, pod: Obj) -> bool:
    """Whether a Service's selector takes a pod."""
    selector = service["spec"].get("selector") or {}
    labels = labels_of(pod)
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def is_ready(pod: Obj) -> bool:
    """Ready and not going: it gets traffic."""
    return is_true(pod, "Ready") and not pod["metadata"].get("deletionTimestamp")


def target_port(port: Obj, pod: Obj) -> int | None:
    """The container port that a Service port leads to in `pod`; None when a named one is not there."""
    target: Any = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for item in container.get("ports") or []:
            if item.get("name") == target:
                return int(item["containerPort"])
    return int(target) if str(target).isdigit() else None


def _address(pod: Obj) -> Obj:
    reference = {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName"), "targetRef": reference}


def _port(port: Obj, pods: list[Obj]) -> Obj:
    number = next((found for pod in pods if (found := target_port(port, pod)) is not None), port["port"])
    body = {"port": number, "protocol": port.get("protocol", "TCP")}
    return {"name": port["name"], **body} if port.get("name") else body
