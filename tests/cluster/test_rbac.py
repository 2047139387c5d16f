"""The Roles of the documentation on a real server: enough for a flight, and each right missed when it is gone.

That helm's Role gives no more than helm uses comes from the server's own audit log of flights with helm 3 and 4.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from migration_cockpit.actions import cluster as seen
from migration_cockpit.actions.helm import HelmUpgrade
from migration_cockpit.actions.helm_rollback import HelmRollback
from migration_cockpit.actions.stopping import ScaleToZero
from migration_cockpit.connections.kube_lease import KubeLease
from migration_cockpit.connections.resources import RESOURCES, Resource
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight import permissions
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.session.lease import Lease
from tests.actions.test_cluster_operations import Heard
from tests.conformance.worlds import World, eventually
from tests.rehearsal.helm.conftest import CHARTS

from . import everything
from .real import RealCluster
from .releases import Installed

Obj = dict[str, Any]
RIGHTS = Path(__file__).parents[2] / "src" / "migration_cockpit" / "permissions" / "rbac.yaml"
GROUP = "rbac.authorization.k8s.io/v1"
ONLY_WITH = {"portforward", "services", "scaledobjects", "externalsecrets", "applications", "helmreleases"}
"""Rights that are asked for only with `postgres.port_forward`, or where the custom resource is installed."""

Right = tuple[str, str, str]
"""Verb, API group and resource, such as `get`, ``, `pods/log`."""
ELSEWHERE: dict[Right, str] = {
    ("list", "", "configmaps"): "helm 4 lists what it watches on servers before 1.34, which streams the list",
}
"""Rights that no flight on this server uses, and why they are given all the same."""


def _documents(namespace: str) -> list[Obj]:
    """The documentation's objects, in this namespace; the cluster's own under a name of the test's."""
    text = RIGHTS.read_text(encoding="utf-8").replace("namespace: airflow", f"namespace: {namespace}")
    return list(yaml.safe_load_all(text.replace("migration-cockpit-rulers", f"rulers-{namespace}")))


def _path(world: World, document: Obj) -> str:
    kind = document["kind"].lower() + "s"
    if kind.startswith("cluster"):
        return f"/apis/{GROUP}/{kind}"
    return world.path(f"{GROUP}/{kind}")


def _apply(world: World) -> dict[str, Obj]:
    """Creates them all; the Roles by name."""
    documents = _documents(world.namespace)
    for document in documents:
        world.ok("POST", _path(world, document), document)
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == "Role"}


def _as_cockpit(world: World, release: Installed) -> None:
    config = world.kubeconfig("cockpit").read_text(encoding="utf-8")
    (release.directory / "kubeconfig").write_text(config, encoding="utf-8")


def _without_each(role: Obj) -> Iterator[tuple[str, str, Obj]]:
    """The Role without one verb on one resource, for each of them."""
    for index, rule in enumerate(role["rules"]):
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                less = copy.deepcopy(role)
                others = [each for each in rule["resources"] if each != resource]
                verbs = [each for each in rule["verbs"] if each != verb]
                parts = [{**rule, "resources": others}, {**rule, "resources": [resource], "verbs": verbs}]
                less["rules"][index : index + 1] = [each for each in parts if each["resources"] and each["verbs"]]
                yield verb, resource, less


def _rights(rules: list[Obj]) -> set[Right]:
    return {
        (verb, group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _audited(world: World, agent: str) -> tuple[set[Right], set[Right]]:
    """What the cockpit's user asked for in this namespace and got, and what it was denied. `agent` helm or not."""
    got: set[Right] = set()
    denied: set[Right] = set()
    assert isinstance(world.backend, RealCluster)
    for line in world.backend.audit_log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        target = event.get("objectRef") or {}
        whose = "helm" if event["userAgent"].startswith("Helm/") else "cockpit"
        if (event["user"]["username"], target.get("namespace"), whose) != ("cockpit", world.namespace, agent):
            continue
        sub = f"/{target['subresource']}" if target.get("subresource") else ""
        right = (event["verb"], target.get("apiGroup", ""), target["resource"] + sub)
        (denied if event["responseStatus"].get("code") == 403 else got).add(right)
    return got, denied


def _charts(directory: Path) -> Path:
    """Both charts, with an object of every kind."""
    charts = directory / "charts"
    for name in ("airflow-1.20.0", "airflow-1.22.0"):
        everything.chart(CHARTS / name, charts)
    return charts


def _wait_for_rights(world: World) -> None:
    eventually(lambda: world.ask("GET", world.path("batch/v1/cronjobs"), user="cockpit")[0] == 200)


def _custom(world: World) -> None:
    everything.install_custom_resources(world)
    eventually(lambda: world.ask("GET", world.path("keda.sh/v1alpha1/scaledobjects"))[0] == 200)


@pytest.mark.timeout(400)
async def test_the_roles_are_enough_and_helms_gives_nothing_that_helm_does_not_use(
    world: World, other: World, tmp_path: Path
) -> None:
    _custom(world)
    charts, used = _charts(tmp_path), set[Right]()
    for here, which in ((world, "helm3"), (other, "helm4")):
        release = Installed(here, which, tmp_path / which, charts=charts)
        roles = _apply(here)
        _as_cockpit(here, release)
        verbs = ["get", "create", "patch", "delete"]
        here.grant("cockpit", [{"apiGroups": [""], "resources": ["limitranges", "resourcequotas"], "verbs": verbs}])
        _wait_for_rights(here)
        async with release.site() as site:
            findings = await permissions.look(Place(site.settings, site.live, tmp_path))
            assert [each.mend for each in findings if not each.ok] == []
            await KubeLease(lambda site=site: site.live.kube, "airflow").write(  # type: ignore[misc]  # of this round
                Lease(holder=None, offered="", version="")
            )
            await ScaleToZero(site, await seen.workloads(site)).run(Heard())
            await HelmUpgrade(site).run(Heard())
            await HelmRollback(site, 1, after=2).run(Heard())
        got, denied = _audited(here, "helm")
        assert denied <= {("get", "", "namespaces")}, "helm 3 looks at the namespace, and goes on without"
        assert _audited(here, "cockpit")[1] == set()
        used |= got
    given = _rights(roles["migration-cockpit-helm"]["rules"])
    extra = {each for each in used if each[2] in ("limitranges", "resourcequotas")}
    assert sorted(used - given - extra - {("get", "", "namespaces")}) == [], "used, not given"
    assert sorted(given - used - set(ELSEWHERE)) == [], "given, never used"
    assert set(ELSEWHERE) <= given


@pytest.mark.timeout(400)
async def test_check_names_each_right_of_the_cockpits_role_that_is_gone(world: World, tmp_path: Path) -> None:
    roles = _apply(world)
    release = Installed(world, "helm3", tmp_path)
    _as_cockpit(world, release)
    # Helm's Role has rights that the cockpit's own has too: only the cockpit's own is looked at here.
    world.ok("DELETE", world.path(f"{GROUP}/rolebindings", "migration-cockpit-helm"))
    unnamed = []
    async with release.site() as site:
        place = Place(site.settings, site.live, tmp_path)
        for verb, resource, less in _without_each(roles["migration-cockpit"]):
            world.ok("PUT", world.path(f"{GROUP}/roles", "migration-cockpit"), less)
            plural, _, sub = resource.partition("/")

            async def gone(verb: str = verb, plural: str = plural, sub: str = sub) -> bool:
                return not await site.live.kube.can(verb, plural, subresource=sub)

            while not await gone():
                pass
            missing = await permissions.look(place)
            if not _names(missing, verb, resource):
                unnamed.append((verb, resource))
    assert [each for each in unnamed if not ONLY_WITH & set(each[1].split("/"))] == []


def _names(findings: list[Finding], verb: str, resource: str) -> bool:
    group = RESOURCES[resource.partition("/")[0]].group
    name = f"{resource}.{group}" if group else resource
    return any(f"add {verb} on {name} in namespace" in each.mend for each in findings if not each.ok)


@pytest.mark.timeout(400)
async def test_check_names_each_right_of_helms_role_that_is_gone(world: World, tmp_path: Path) -> None:
    _custom(world)
    release = Installed(world, "helm3", tmp_path, charts=_charts(tmp_path))
    roles = _apply(world)
    _as_cockpit(world, release)
    # The cockpit's own Role has some of the same rights: what stays is what its look at the release needs.
    own = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}
    world.ok("PUT", world.path(f"{GROUP}/roles", "migration-cockpit"), {**roles["migration-cockpit"], "rules": [own]})
    wrong = []
    async with release.site() as site:
        place, where = Place(site.settings, site.live, tmp_path), world.path(f"{GROUP}/roles", "migration-cockpit-helm")
        before = {each.mend for each in await permissions.look(place)}
        for verb, resource, less in _without_each(roles["migration-cockpit-helm"]):
            if (verb, resource) == ("list", "secrets"):
                continue
            world.ok("PUT", where, less)
            (group,) = next(
                rule["apiGroups"] for rule in roles["migration-cockpit-helm"]["rules"] if resource in rule["resources"]
            )
            while await site.live.kube.can(verb, Resource(resource, group)):
                pass
            more = {each.mend for each in await permissions.look(place) if not each.ok} - before
            name = f"{resource}.{group}" if group else resource
            if not (len(more) == 1 and next(iter(more)).startswith(f"add {verb} on {name} in namespace")):
                wrong.append((verb, resource, more))
    assert wrong == []
