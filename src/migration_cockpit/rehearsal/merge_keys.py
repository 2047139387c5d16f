"""By which field the lists of Kubernetes' API types are merged element by element: `patchMergeKey` of the Go types.

Both sides go by it: the API server that applies a strategic merge patch, and helm that makes one.
"""

from __future__ import annotations

_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "conditions": "type",
    "ownerReferences": "uid",
    "secrets": "name",
    "podIPs": "ip",
    "hostIPs": "ip",
}


def merge_key(path: tuple[str, ...], field: str) -> str | None:
    """The key that the list `field` below `path` merges by, or None when the list is replaced as a whole."""
    if field == "ports":
        # Containers merge ports by containerPort, Services by port.
        return "containerPort" if "containers" in path or "initContainers" in path else "port"
    if field == "conditions" and "spec" in path:
        return None
    return _MERGE_KEYS.get(field)
