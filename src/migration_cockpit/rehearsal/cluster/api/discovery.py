"""Discovery: what this server serves, in the forms that clients ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..kinds import REVIEWS

if TYPE_CHECKING:
    from ..kinds import Catalogue, Kind

Obj = dict[str, Any]

VERSION: Obj = {
    "major": "1",
    "minor": "34",
    "emulationMajor": "1",
    "emulationMinor": "34",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "33",
    "gitVersion": "v1.34.4",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.24.12",
    "compiler": "gc",
    "platform": "linux/amd64",
}

_PARENTS = {"scale": ("autoscaling", "v1", "Scale"), "eviction": ("policy", "v1", "Eviction")}
_SUB_VERBS = {
    "status": ["get", "patch", "update"],
    "scale": ["get", "patch", "update"],
    "log": ["get"],
    "exec": ["create", "get"],
    "portforward": ["create", "get"],
    "eviction": ["create"],
}
_SUB_KINDS = {"exec": "PodExecOptions", "portforward": "PodPortForwardOptions"}


def api_versions() -> Obj:
    """`GET /api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    }


def groups(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Every served (group, version) outside the core group."""
    found = {(kind.group, kind.version): None for kind in catalogue.kinds() if kind.group}
    found.update(dict.fromkeys(REVIEWS))
    return list(found)


def group_body(catalogue: Catalogue, name: str) -> Obj | None:
    """One `APIGroup`, or None."""
    versions = [
        {"groupVersion": f"{group}/{version}", "version": version}
        for group, version in groups(catalogue)
        if group == name
    ]
    if not versions:
        return None
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def group_list(catalogue: Catalogue) -> Obj:
    """`GET /apis`."""
    names = list(dict.fromkeys(group for group, _ in groups(catalogue)))
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group_body(catalogue, name) for name in names]}


def resource_list(catalogue: Catalogue, group: str, version: str) -> Obj | None:
    """`GET /apis/<group>/<version>`, or None when it is not served."""
    resources: list[Obj] = []
    for kind in catalogue.kinds():
        if (kind.group, kind.version) == (group, version):
            resources += _entries(kind)
    for plural, name in REVIEWS.get((group, version), {}).items():
        entry = {"name": plural, "singularName": name.lower(), "kind": name, "verbs": ["create"]}
        resources.append({**entry, "namespaced": plural.startswith("local")})
    if not resources:
        return None
    label = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": label, "resources": resources}


def _entries(kind: Kind) -> list[Obj]:
    entry: Obj = {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    entries = [entry]
    for sub in kind.subresources:
        group, version, name = _PARENTS.get(sub, ("", "", _SUB_KINDS.get(sub, kind.kind)))
        extra: Obj = {"group": group, "version": version} if group else {}
        entries.append(
            {
                "name": f"{kind.plural}/{sub}",
                "singularName": "",
                "namespaced": kind.namespaced,
                **extra,
                "kind": name,
                "verbs": _SUB_VERBS[sub],
            }
        )
    return entries
