"""The Roles of the documentation on a real server: applied, cut by one right, and what was used by its audit log."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.worlds import World, eventually

from .real import RealCluster
from .releases import Installed

Obj = dict[str, Any]
Right = tuple[str, str, str]
"""Verb, API group and resource, such as `get`, ``, `pods/log`."""
RIGHTS = Path(__file__).parents[2] / "src" / "migration_cockpit" / "permissions" / "rbac.yaml"
GROUP = "rbac.authorization.k8s.io/v1"
COCKPIT, HELM = "migration-cockpit", "migration-cockpit-helm"
ELSEWHERE: dict[Right, str] = {
    ("create", "", "pods/exec"): "servers from 1.35 on ask for create",
    ("create", "", "pods/portforward"): "servers from 1.35 on ask for create",
    ("list", "", "configmaps"): "helm 4 lists what it watches on servers before 1.34, which streams the list",
}
"""Rights that no flight on this server uses, and why they are given all the same."""


def rulers(world: World) -> str:
    """Name of the ClusterRole and its binding for a test's namespace."""
    return f"rulers-{world.namespace}"


def _path(world: World, document: Obj) -> str:
    kind = document["kind"].lower() + "s"
    return f"/apis/{GROUP}/{kind}" if kind.startswith("cluster") else world.path(f"{GROUP}/{kind}")


@contextmanager
def applied(world: World) -> Iterator[dict[str, Obj]]:
    """All of them in a test's namespace, bound to `cockpit`; the Roles by name. The cluster's own go in the end."""
    text = RIGHTS.read_text(encoding="utf-8").replace("namespace: airflow", f"namespace: {world.namespace}")
    documents = list(yaml.safe_load_all(text.replace("migration-cockpit-rulers", rulers(world))))
    try:
        for document in documents:
            world.ok("POST", _path(world, document), document)
        eventually(lambda: world.ask("GET", world.path("batch/v1/cronjobs"), user="cockpit")[0] == 200)
        yield {each["metadata"]["name"]: each for each in documents if each["kind"] == "Role"}
    finally:
        for kind in ("clusterrolebindings", "clusterroles"):
            world.ask("DELETE", f"/apis/{GROUP}/{kind}/{rulers(world)}")


def fly_as_cockpit(world: World, release: Installed) -> None:
    """Let everything that is flown with this release be `cockpit`, not the admin who installed it."""
    config = world.kubeconfig("cockpit").read_text(encoding="utf-8")
    (release.directory / "kubeconfig").write_text(config, encoding="utf-8")


def without_each(role: Obj) -> Iterator[tuple[Right, Obj]]:
    """The Role without one verb on one resource, for each of them."""
    for index, rule in enumerate(role["rules"]):
        (group,) = rule["apiGroups"]
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                less = copy.deepcopy(role)
                others = [each for each in rule["resources"] if each != resource]
                verbs = [each for each in rule["verbs"] if each != verb]
                parts = [{**rule, "resources": others}, {**rule, "resources": [resource], "verbs": verbs}]
                less["rules"][index : index + 1] = [each for each in parts if each["resources"] and each["verbs"]]
                yield (verb, group, resource), less


def given(*roles: Obj) -> set[Right]:
    """Every right of some Roles."""
    return {
        (verb, group, resource)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def audited(world: World, agent: str) -> tuple[set[Right], set[Right]]:
    """What the cockpit's user asked for in this namespace and got, and what it was denied. `agent` helm or cockpit."""
    got: set[Right] = set()
    denied: set[Right] = set()
    assert isinstance(world.backend, RealCluster)
    for line in world.backend.audit_log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        target = event.get("objectRef") or {}
        whose = "helm" if event.get("userAgent", "").startswith("Helm/") else "cockpit"
        if (event["user"]["username"], target.get("namespace"), whose) != ("cockpit", world.namespace, agent):
            continue
        sub = f"/{target['subresource']}" if target.get("subresource") else ""
        right = (event["verb"], target.get("apiGroup", ""), target["resource"] + sub)
        (denied if event["responseStatus"].get("code") == 403 else got).add(right)
    return got, denied
