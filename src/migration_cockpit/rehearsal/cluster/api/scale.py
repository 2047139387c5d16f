"""The scale subresource (autoscaling/v1) of Deployments, ReplicaSets and StatefulSets."""

from __future__ import annotations

from typing import Any

from ..objects import name_of, namespace_of
from ..selectors import selector_text

Obj = dict[str, Any]


def scale_of(obj: Obj) -> Obj:
    """The Scale that stands for `obj`."""
    metadata = obj["metadata"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": name_of(obj),
            "namespace": namespace_of(obj),
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": int(obj["spec"].get("replicas", 1))} if obj["spec"].get("replicas", 1) else {},
        "status": {
            "replicas": int(obj.get("status", {}).get("replicas", 0)),
            "selector": selector_text(obj["spec"].get("selector")),
        },
    }
