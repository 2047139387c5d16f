"""The Roles of the documentation on a real server: enough for a flight, and each right missed when it is gone."""

from __future__ import annotations

import copy
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
from migration_cockpit.connections.resources import KINDS, RESOURCES
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight import permissions
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.session.lease import Lease
from tests.actions.test_cluster_operations import Heard
from tests.conformance.worlds import World, eventually

from .releases import Installed

Obj = dict[str, Any]
RIGHTS = Path(__file__).parents[2] / "src" / "migration_cockpit" / "permissions" / "rbac.yaml"
GROUP = "rbac.authorization.k8s.io/v1"
ONLY_WITH = {"portforward", "services", "scaledobjects", "externalsecrets", "applications", "helmreleases"}
"""Rights that are asked for only with `postgres.port_forward`, or where the custom resource is installed."""


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


@pytest.mark.parametrize("which", ["helm3", "helm4"])
async def test_the_roles_are_enough_for_helm_and_the_cockpit(world: World, tmp_path: Path, which: str) -> None:
    release = Installed(world, which, tmp_path)
    _apply(world)
    _as_cockpit(world, release)
    eventually(lambda: world.ask("GET", world.path("batch/v1/cronjobs"), user="cockpit")[0] == 200)
    async with release.site() as site:
        place = Place(site.settings, site.live, tmp_path)
        findings = await permissions.look(place)
        assert [each.mend for each in findings if not each.ok] == []
        await KubeLease(lambda: site.live.kube, "airflow").write(Lease(holder=None, offered="", version=""))
        before = await seen.workloads(site)
        await ScaleToZero(site, before).run(Heard())
        await HelmUpgrade(site).run(Heard())
        await HelmRollback(site, 1, after=2).run(Heard())


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


NOT_ASKED = {"list", "watch", "update", "escalate", "bind"}
"""Verbs of helm's Role that `check` does not ask for on every kind."""


async def test_check_names_each_right_that_helm_needs_for_the_release(world: World, tmp_path: Path) -> None:
    release = Installed(world, "helm3", tmp_path)
    roles = _apply(world)
    _as_cockpit(world, release)
    # The cockpit's own Role has some of the same rights: what stays is what its look at the release needs.
    own = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}
    world.ok("PUT", world.path(f"{GROUP}/roles", "migration-cockpit"), {**roles["migration-cockpit"], "rules": [own]})
    _, record = release.record(1)
    kinds = {each["kind"] for each in yaml.safe_load_all(record["manifest"]) if each}
    plurals = {"secrets", *(KINDS[kind] for kind in kinds if kind in KINDS)}
    unnamed = []
    async with release.site() as site:
        place = Place(site.settings, site.live, tmp_path)
        for verb, resource, less in _without_each(roles["migration-cockpit-helm"]):
            if resource not in plurals or verb in NOT_ASKED:
                continue
            world.ok("PUT", world.path(f"{GROUP}/roles", "migration-cockpit-helm"), less)
            while await site.live.kube.can(verb, resource):
                pass
            if not _names(await permissions.look(place), verb, resource):
                unnamed.append((verb, resource))
    assert unnamed == []
