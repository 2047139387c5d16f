"""Who else rules the release: GitOps puts back what the cockpit changes, autoscalers undo scaling to zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migration_cockpit.actions import cluster
from migration_cockpit.connections import KubeError
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place

AREA = "Who else rules it"

GITOPS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "applications",
        "Argo CD",
        ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"),
        "argocd app set {name} --sync-policy none",
    ),
    ("helmreleases", "Flux", ("helm.toolkit.fluxcd.io/name",), "flux suspend helmrelease {name} -n {namespace}"),
)
"""Resource, name, what it marks its objects with (label or annotation), and how its sync is suspended."""


async def look(place: Place) -> list[Finding]:
    """GitOps controllers whose sync is on are wrong; autoscalers are named, step 4 holds them still."""
    found = [await _gitops(place, *each) for each in GITOPS]
    autoscalers = await cluster.autoscalers(place.database)
    for resource, name in (("scaledobjects", "KEDA"), ("horizontalpodautoscalers", "HPA")):
        ours = [f"{one.name} on {one.target}" for one in autoscalers if one.resource == resource]
        found.append(Finding(AREA, name, True, f"{', '.join(ours)}: held still in step 4" if ours else "none"))
    return found


async def _gitops(place: Place, resource: str, name: str, marks: Sequence[str], suspend: str) -> Finding:
    settings = place.settings.kubernetes
    try:
        objects = await place.connections.kube.list(resource, namespace="")
    except KubeError as error:
        if error.missing:
            return Finding(AREA, name, True, "not installed")
        if not error.denied:
            raise
        return await _by_marks(place, resource, name, marks)
    ruling = [obj for obj in objects if rules(obj, settings.release, settings.namespace)]
    active = [obj["metadata"] for obj in ruling if not suspended(obj)]
    if active:
        names = ", ".join(f"{meta.get('namespace', '')}/{meta['name']}" for meta in active)
        mend = "for the window: " + "; ".join(
            suspend.format(name=meta["name"], namespace=meta.get("namespace", "")) for meta in active
        )
        return Finding(AREA, name, False, f"{names} syncs the release", mend)
    held = ", ".join(obj["metadata"]["name"] for obj in ruling)
    return Finding(AREA, name, True, f"{held}: its sync is suspended" if held else "does not rule the release")


async def _by_marks(place: Place, resource: str, name: str, marks: Sequence[str]) -> Finding:
    """The objects that it syncs carry its mark; whether the sync is suspended they do not say."""
    marked = set()
    for kind in ("deployments", "statefulsets"):
        for obj in await place.connections.kube.list(kind, label=f"release={place.settings.kubernetes.release}"):
            told = {**(obj["metadata"].get("labels") or {}), **(obj["metadata"].get("annotations") or {})}
            marked |= {str(told[mark]) for mark in marks if mark in told}
    if not marked:
        return Finding(AREA, name, True, f"{resource} may not be listed; no object of the release carries its mark")
    text = f"{', '.join(sorted(marked))} rules the release; whether its sync is suspended may not be read"
    return Finding(AREA, name, False, text, f"allow list on {resource} in all namespaces (ClusterRole)")


def rules(obj: dict[str, Any], release: str, namespace: str) -> bool:
    """Whether an Argo CD Application or a Flux HelmRelease installs this release."""
    spec = obj.get("spec") or {}
    own = obj["metadata"]["name"]
    if "destination" in spec:
        # An Application's release is named like the Application, unless a source says otherwise.
        sources = spec.get("sources") or [spec.get("source") or {}]
        named = {(source.get("helm") or {}).get("releaseName") or own for source in sources}
        return spec["destination"].get("namespace") == namespace and release in named
    target = spec.get("targetNamespace")
    # helm-controller names a release `<targetNamespace>-<name>` where only a target namespace is given.
    name = spec.get("releaseName") or (f"{target}-{own}" if target else own)
    return bool((target or obj["metadata"].get("namespace")) == namespace and name == release)


def suspended(obj: dict[str, Any]) -> bool:
    """Whether it would leave alone what the cockpit changes."""
    spec = obj.get("spec") or {}
    if "destination" in spec:
        automated = (spec.get("syncPolicy") or {}).get("automated")
        # `automated: {}` is on: its keys only say how; `enabled: false` is the one that switches it off.
        return automated is None or automated.get("enabled") is False
    return bool(spec.get("suspend"))
