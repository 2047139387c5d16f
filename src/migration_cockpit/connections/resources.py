"""Which API serves a Kubernetes resource, by the plural name that people type."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Resource:
    """Where a resource is served. An empty `version` stands for the one that the server prefers."""

    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True


_CORE = (
    "pods", "secrets", "configmaps", "events", "services", "endpoints", "persistentvolumeclaims", "serviceaccounts",
    "resourcequotas", "limitranges",
)  # fmt: skip

RESOURCES: dict[str, Resource] = {
    **{plural: Resource(plural) for plural in _CORE},
    "namespaces": Resource("namespaces", namespaced=False),
    "nodes": Resource("nodes", namespaced=False),
    "deployments": Resource("deployments", "apps"),
    "statefulsets": Resource("statefulsets", "apps"),
    "replicasets": Resource("replicasets", "apps"),
    "daemonsets": Resource("daemonsets", "apps"),
    "jobs": Resource("jobs", "batch"),
    "cronjobs": Resource("cronjobs", "batch"),
    "leases": Resource("leases", "coordination.k8s.io"),
    "ingresses": Resource("ingresses", "networking.k8s.io"),
    "poddisruptionbudgets": Resource("poddisruptionbudgets", "policy"),
    "horizontalpodautoscalers": Resource("horizontalpodautoscalers", "autoscaling", "v2"),
    "selfsubjectaccessreviews": Resource("selfsubjectaccessreviews", "authorization.k8s.io", namespaced=False),
    "roles": Resource("roles", "rbac.authorization.k8s.io"),
    "rolebindings": Resource("rolebindings", "rbac.authorization.k8s.io"),
    # Custom resources: the version depends on what is installed.
    "scaledobjects": Resource("scaledobjects", "keda.sh", ""),
    "externalsecrets": Resource("externalsecrets", "external-secrets.io", ""),
    "applications": Resource("applications", "argoproj.io", ""),
    "helmreleases": Resource("helmreleases", "helm.toolkit.fluxcd.io", ""),
    "kustomizations": Resource("kustomizations", "kustomize.toolkit.fluxcd.io", ""),
}
"""Every resource that the cockpit reads or writes."""


def path_of(resource: Resource, version: str, namespace: str, name: str = "", subresource: str = "") -> str:
    """The URL path of a collection, an object or its subresource; namespace "" reaches across all namespaces."""
    parts = ["apis", resource.group, version] if resource.group else ["api", version]
    if resource.namespaced and namespace:
        parts += ["namespaces", namespace]
    parts += [part for part in (resource.plural, name, subresource) if part]
    return "/" + "/".join(quote(part, safe="") for part in parts)
