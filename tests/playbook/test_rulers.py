"""Who else rules the release, and rights on custom resources: against an embedded cluster that has them installed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.config import Settings
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight import permissions, rulers
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.rehearsal.cluster import Cluster
from tests.connections.support import NAMESPACE, cluster, connected, make_settings, write_kubeconfig

GROUPS = ("argoproj.io", "helm.toolkit.fluxcd.io", "keda.sh", "external-secrets.io")


@asynccontextmanager
async def placed(directory: Path, settings: Settings | None = None) -> AsyncIterator[Place]:
    settings = settings or make_settings(directory)
    async with connected(settings) as connections:
        yield Place(settings, connections, directory)


def application(**spec: Any) -> dict[str, Any]:
    """An Argo CD Application as people have it for the official chart."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "airflow", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://airflow.apache.org", "chart": "airflow", "targetRevision": "1.22.0"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": NAMESPACE},
            **spec,
        },
    }


def helmrelease(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": "5m", "chart": {"spec": {"chart": "airflow"}}, **spec},
    }


def deployment(**meta: Any) -> dict[str, Any]:
    labels = {"tier": "airflow", "release": "airflow", "component": "scheduler"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "scheduler", "image": "none:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "airflow-scheduler", "labels": labels, **meta},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod},
    }


def named(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def installed(world: Cluster) -> None:
    for group in GROUPS:
        world.install_group(group)
    world.ensure_namespace("argocd")
    world.ensure_namespace("flux-system")


async def test_argo_cd_that_syncs_the_release_is_red_until_its_sync_is_suspended(tmp_path: Path) -> None:
    async with cluster(tmp_path) as world, placed(tmp_path) as place:
        assert named(await rulers.look(place), "Argo CD").found == "not installed"
        installed(world)
        world.create(application(syncPolicy={"automated": {}}), "argocd")
        found = named(await rulers.look(place), "Argo CD")
        assert (found.ok, found.found) == (False, "argocd/airflow syncs the release")
        assert "argocd app set airflow --sync-policy none" in found.mend
        world.patch("Application", "argocd", "airflow", {"spec": {"syncPolicy": {"automated": None}}})
        found = named(await rulers.look(place), "Argo CD")
        assert (found.ok, found.found) == (True, "airflow: its sync is suspended")
        world.patch("Application", "argocd", "airflow", {"spec": {"syncPolicy": {"automated": {"enabled": False}}}})
        assert named(await rulers.look(place), "Argo CD").ok


async def test_flux_that_reconciles_the_release_is_red_until_it_is_suspended(tmp_path: Path) -> None:
    async with cluster(tmp_path) as world, placed(tmp_path) as place:
        installed(world)
        world.create(helmrelease("af", "flux-system", targetNamespace=NAMESPACE, releaseName="airflow"), "flux-system")
        found = named(await rulers.look(place), "Flux")
        assert (found.ok, found.found) == (False, "flux-system/af syncs the release")
        assert found.mend == "for the window: flux suspend helmrelease af -n flux-system"
        world.patch("HelmRelease", "flux-system", "af", {"spec": {"suspend": True}})
        assert named(await rulers.look(place), "Flux").ok


@pytest.mark.parametrize(
    ("obj", "rules"),
    [
        (application(), True),
        (application(destination={"namespace": "elsewhere"}), False),
        (application(source={"helm": {"releaseName": "other"}}), False),
        (application(sources=[{"ref": "values"}, {"chart": "airflow", "helm": {"releaseName": "airflow"}}]), True),
        (helmrelease("airflow", NAMESPACE), True),
        (helmrelease("airflow", "flux-system"), False),
        (helmrelease("airflow", "flux-system", targetNamespace=NAMESPACE), False),  # its release is airflow-airflow
        (helmrelease("airflow", NAMESPACE, releaseName="other"), False),
    ],
)
def test_which_of_them_install_this_release(obj: dict[str, Any], rules: bool) -> None:
    assert rulers.rules(obj, "airflow", NAMESPACE) is rules


async def test_where_they_may_not_be_listed_the_marks_on_the_objects_tell(tmp_path: Path) -> None:
    async with cluster(tmp_path) as world:
        installed(world)
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "reader", "namespace": NAMESPACE},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list", "get"]}],
        }
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
        subject = {"kind": "User", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"}
        binding = {**role, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]}
        del binding["rules"]
        world.create(role, NAMESPACE)
        world.create(binding, NAMESPACE)
        world.add_user("reader", "token-of-the-reader")
        write_kubeconfig(world, tmp_path, "reader", "token-of-the-reader")
        world.create(deployment(), NAMESPACE)
        async with placed(tmp_path) as place:
            found = named(await rulers.look(place), "Argo CD")
            assert found.ok
            assert "no object of the release carries its mark" in found.found
            mark = {"argocd.argoproj.io/tracking-id": "airflow:apps/Deployment:airflow/airflow-scheduler"}
            world.patch("Deployment", NAMESPACE, "airflow-scheduler", {"metadata": {"annotations": mark}})
            found = named(await rulers.look(place), "Argo CD")
            assert not found.ok
            assert "ClusterRole" in found.mend
            assert named(await rulers.look(place), "Flux").ok
            # A reader may change nothing: what it needs where these are installed is among what is asked for.
            missing = {one.found.partition(":")[0] for one in await permissions.look(place) if not one.ok}
            assert "may not patch scaledobjects" in missing
            assert "may not list externalsecrets" not in missing


async def test_autoscalers_are_named(tmp_path: Path) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "airflow-scheduler"}
    meta = {"labels": {"release": "airflow"}, "namespace": NAMESPACE}
    async with cluster(tmp_path) as world, placed(tmp_path) as place:
        installed(world)
        world.create(deployment(), NAMESPACE)
        world.create(
            {
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "metadata": {"name": "airflow-keda", **meta},
                "spec": {"scaleTargetRef": {"name": "airflow-scheduler"}, "triggers": []},
            },
            NAMESPACE,
        )
        world.create(
            {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": "airflow-hpa", **meta},
                "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3},
            },
            NAMESPACE,
        )
        found = await rulers.look(place)
        assert named(found, "KEDA").found == "airflow-keda on airflow-scheduler: held still in step 4"
        assert named(found, "HPA").found == "airflow-hpa on airflow-scheduler: held still in step 4"
        assert all(one.ok for one in found)
