"""What the cockpit needs to be allowed in the cluster: asked of the API server before a step is refused by it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from migration_cockpit.actions.cluster import labels
from migration_cockpit.connections import KubeError
from migration_cockpit.connections.kube import Obj
from migration_cockpit.connections.releases import Release, documents
from migration_cockpit.connections.resources import RESOURCES, Resource
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place

HELM_VERBS = ("get", "create", "patch", "delete")
"""What `helm upgrade` and `helm rollback` do to each object of a manifest."""
HOOK_VERBS = ("get", "list", "watch", "create", "patch", "delete")
"""What they do to an object of a hook: helm 4 watches it until it is there, and until the one before it is gone."""
UPGRADE_HOOKS = {"pre-upgrade", "post-upgrade"}
SWITCHED_OFF = {"run-airflow-migrations", "create-user-job"}
"""`component` of the chart's own hooks of an upgrade: the cockpit's upgrade runs neither."""


@dataclass(frozen=True)
class Need:
    """A verb on a resource in the release's namespace (`pods/log` with its subresource), and what it is for."""

    verb: str
    resource: str
    what: str
    served: Resource | None = None
    """Where the cluster serves it; None for a resource that the cockpit knows by itself."""

    @property
    def where(self) -> Resource:
        """Where it is served."""
        return self.served or RESOURCES[self.plural]

    @property
    def plural(self) -> str:
        """The resource without its subresource."""
        return self.resource.partition("/")[0]

    @property
    def subresource(self) -> str:
        """The subresource, or nothing."""
        return self.resource.partition("/")[2]


NEEDS: tuple[Need, ...] = (
    Need("list", "pods", "the pods pane"),
    Need("watch", "pods", "the pods pane"),
    Need("delete", "pods", "ending executor pods, and pods stuck in Init"),
    Need("get", "pods/log", "following the migration's log"),
    Need("list", "events", "warnings of the namespace"),
    Need("watch", "events", "warnings of the namespace"),
    Need("create", "events", "the journal's head hash at each step's end"),
    Need("list", "secrets", "reading the Helm release"),
    Need("get", "secrets", "whether the Secrets of the new pods are there, and secrets that the config names"),
    Need("get", "serviceaccounts", "the migration Job's account"),
    Need("list", "deployments", "components"),
    Need("watch", "deployments", "components"),
    Need("list", "statefulsets", "components"),
    Need("watch", "statefulsets", "components"),
    Need("patch", "deployments/scale", "stopping the components"),
    Need("patch", "statefulsets/scale", "stopping the components"),
    Need("get", "jobs", "the migration Job"),
    Need("create", "jobs", "the migration Job"),
    Need("list", "cronjobs", "CronJobs that touch the database"),
    Need("patch", "cronjobs", "suspending CronJobs that touch the database"),
    Need("get", "leases", "one driver at a time"),
    Need("create", "leases", "one driver at a time"),
    Need("update", "leases", "one driver at a time"),
    Need("list", "horizontalpodautoscalers", "autoscalers of the components"),
    Need("patch", "horizontalpodautoscalers", "holding autoscalers still"),
    Need("create", "secrets", "a Job's connection; the backup of the one that the way back changes"),
    Need("patch", "secrets", "a Job's connection; the one that leads to the restored database"),
    Need("delete", "secrets", "the way back: Helm's record of an upgrade that never ended"),
    Need("delete", "jobs", "the way back: ending a migration Job where that was chosen"),
    Need(
        "get",
        "pods/exec",
        "step 5: trying the way past PgBouncer; the way back: asking the pods for their database; the broker's queues",
    ),
    Need(
        "create",
        "pods/exec",
        "step 5: trying the way past PgBouncer; the way back: asking the pods for their database; the broker's queues",
    ),
)
"""What every flight and its way back do in the cluster by themselves."""

FORWARD = (
    Need("get", "services", "postgres.port_forward"),
    Need("get", "pods/portforward", "postgres.port_forward"),
    Need("create", "pods/portforward", "postgres.port_forward"),
)
"""Only with `postgres.port_forward`."""

CUSTOM = (
    Need("list", "scaledobjects", "KEDA's autoscalers of the components"),
    Need("patch", "scaledobjects", "holding KEDA's autoscalers still"),
    Need("list", "externalsecrets", "whether External Secrets are synced"),
)
"""Only where the custom resource is installed."""


async def look(place: Place) -> list[Finding]:
    """The cluster answers in the named context, and allows what the playbook does there."""
    kube, where = place.connections.kube, place.settings.kubernetes
    found = [Finding("Kubernetes", "cluster", True, f"context {where.context}, {await kube.version()}")]
    own = await _needed(place)
    missing = await _missing(place, own)
    if len(missing) == len(own):
        mend = "is kubernetes.namespace right? If so, apply the Roles of docs/permissions.md there"
        return [*found, Finding("Kubernetes", "permissions", False, f"none in namespace {where.namespace}", mend)]
    found += [_finding(place, need, "cockpit") for need in missing]
    helm = [need for need in await _helm_needs(place) if (need.verb, need.resource) not in _asked(own)]
    refused = await _missing(place, helm)
    found += [_finding(place, need, "helm") for need in refused]
    if not missing and not refused:
        text = f"all {len(own)} of the cockpit, all {len(helm)} more of helm"
        found.append(Finding("Kubernetes", "permissions", True, text))
    return found


def _asked(needs: list[Need]) -> set[tuple[str, str]]:
    return {(need.verb, need.resource) for need in needs}


async def _needed(place: Place) -> list[Need]:
    """What this deployment needs, each verb on a resource once."""
    postgres = place.settings.postgres
    needs = list(NEEDS)
    if postgres.port_forward:
        needs += FORWARD
    installed = {need.plural: await is_installed(place, need.plural) for need in CUSTOM}
    return needs + [need for need in CUSTOM if installed[need.plural]]


async def is_installed(place: Place, resource: str) -> bool:
    """Whether the cluster serves a custom resource. Raises KubeError when that cannot be found out."""
    try:
        await place.connections.kube.list(resource)
    except KubeError as error:
        if error.missing:
            return False
        if not error.denied:
            raise
    return True


async def _helm_needs(place: Place) -> list[Need]:
    """What helm does to the kinds that the newest revision consists of; nothing where that cannot be read."""
    kube = place.connections.kube
    try:
        newest = await place.connections.releases.newest()
    except KubeError as error:
        if error.denied:
            return []
        raise
    record = RESOURCES["secrets"]
    verbs: dict[Resource, set[str]] = {record: {*HELM_VERBS, "list"}}
    for objects, wanted in ((newest.objects(), HELM_VERBS), (_hooked(newest), HOOK_VERBS)) if newest else ():
        for api_version, kind in sorted({(each.get("apiVersion", ""), each.get("kind", "")) for each in objects}):
            if (served := await kube.served(api_version, kind)) is not None:
                verbs.setdefault(served, set()).update(wanted)
    needs = [
        Need(verb, where.plural, "helm upgrade and rollback", where)
        for where, wanted in sorted(verbs.items(), key=lambda each: (each[0].group, each[0].plural))
        for verb in sorted(wanted, key=HOOK_VERBS.index)
    ]
    return [*needs, Need("update", "secrets", "helm's own record of the release", record)]


def _hooked(release: Release) -> list[Obj]:
    """The objects of hooks that run in the cockpit's upgrade: extraSecrets, extraConfigMaps and the user's own."""
    found = []
    for hook in release.hooks:
        if UPGRADE_HOOKS & set(hook.events):
            found += [obj for obj in documents(hook.manifest) if labels(obj).get("component") not in SWITCHED_OFF]
    return found


async def _missing(place: Place, needs: list[Need]) -> list[Need]:
    kube = place.connections.kube
    allowed = await asyncio.gather(*(kube.can(need.verb, need.where, subresource=need.subresource) for need in needs))
    return [need for need, ok in zip(needs, allowed, strict=True) if not ok]


def _finding(place: Place, need: Need, whose: str) -> Finding:
    group, namespaced = need.where.group, need.where.namespaced
    name = f"{need.resource}.{group}" if group else need.resource
    inside = f"in namespace {place.settings.kubernetes.namespace} to {whose}'s Role"
    mend = f"add {need.verb} on {name} " + (inside if namespaced else f"to a ClusterRole of {whose}")
    return Finding(
        "Kubernetes", "permission", False, f"may not {need.verb} {need.resource}: needed for {need.what}", mend
    )
