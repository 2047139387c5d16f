"""A chart with every kind of object that the official one can have: what helm may need a right for.

Of each kind one object is in both versions and changes, one is in the older only and one in the newer only: so an
upgrade and a rollback each patch, create and delete one of every kind.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.worlds import World, eventually

from .real import USERS

Obj = dict[str, Any]
ADMIN = USERS["admin"][0]
_POD = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}
_STAYS = {**_POD, "restartPolicy": "Always"}


def _workload(name: str) -> Obj:
    labels = {"app": name}
    return {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": _STAYS},
    }


def _bodies(name: str) -> dict[tuple[str, str], Obj]:
    """A small valid body for every kind."""
    rbac = "rbac.authorization.k8s.io"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    job = {"template": {"spec": _POD}}
    port = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}}
    return {
        ("v1", "Secret"): {"stringData": {"a": "1"}},
        ("v1", "ConfigMap"): {"data": {"a": "1"}},
        ("v1", "Service"): {"spec": {"ports": [{"port": 80}]}},
        ("v1", "ServiceAccount"): {},
        ("v1", "PersistentVolumeClaim"): {"spec": {**claim, "storageClassName": "none"}},
        ("v1", "LimitRange"): {"spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "1Ti"}}]}},
        ("v1", "ResourceQuota"): {"spec": {"hard": {"configmaps": "1000"}}},
        ("apps/v1", "Deployment"): {"spec": _workload(name)},
        ("apps/v1", "StatefulSet"): {"spec": {**_workload(name), "serviceName": name}},
        ("batch/v1", "Job"): {"spec": {**job, "suspend": True}},
        ("batch/v1", "CronJob"): {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}},
        ("autoscaling/v2", "HorizontalPodAutoscaler"): {"spec": {"scaleTargetRef": target, "maxReplicas": 2}},
        ("keda.sh/v1alpha1", "ScaledObject"): {"spec": {"scaleTargetRef": {"name": name}, "triggers": []}},
        ("policy/v1", "PodDisruptionBudget"): {
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": name}}}
        },
        ("networking.k8s.io/v1", "Ingress"): {"spec": {"rules": [{"http": {"paths": [port]}}]}},
        ("networking.k8s.io/v1", "NetworkPolicy"): {"spec": {"podSelector": {"matchLabels": {"app": name}}}},
        (f"{rbac}/v1", "Role"): {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]},
        (f"{rbac}/v1", "RoleBinding"): {
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name}],
        },
    }


def _objects(version: str) -> list[Obj]:
    found = []
    for name in ("both", f"only-{version.replace('.', '-')}"):
        for (api, kind), body in _bodies(name).items():
            metadata: Obj = {"name": name, "labels": {"chart-version": version}}
            found.append({"apiVersion": api, "kind": kind, "metadata": metadata, **body})
    for kind in ("Secret", "ConfigMap"):  # what the official chart makes of extraSecrets and extraConfigMaps
        marks = {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation"}
        found.append({"apiVersion": "v1", "kind": kind, "metadata": {"name": "extra", "annotations": marks}})
    return found


def chart(source: Path, directory: Path) -> Path:
    """A copy of a chart in `directory` with all of it added."""
    copy = directory / source.name
    shutil.copytree(source, copy)
    text = yaml.safe_dump_all(_objects(source.name.rpartition("-")[2]))
    (copy / "templates" / "everything.yaml").write_text(text, encoding="utf-8")
    return copy


CUSTOM = (
    ("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
    ("external-secrets.io", "v1", "ExternalSecret", "externalsecrets"),
    ("argoproj.io", "v1alpha1", "Application", "applications"),
    ("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"),
)


def install_custom_resources(world: World) -> None:
    """KEDA's, External Secrets', Argo CD's and Flux's kinds: with any body, and nobody who acts on them.

    Returns when the server serves them: for a moment after they are made it does not.
    """
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    for group, version, kind, plural in CUSTOM:
        names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
        served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
        spec = {"group": group, "names": names, "scope": "Namespaced", "versions": [served]}
        body = {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}
        code, answer = world.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body)
        assert code in (201, 409), answer
    paths = [world.path(f"{group}/{version}/{plural}") for group, version, _, plural in CUSTOM]
    eventually(lambda: all(world.client(ADMIN).get(path).status_code == 200 for path in paths))
