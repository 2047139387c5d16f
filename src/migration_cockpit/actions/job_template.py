"""The migration Job's manifest: built from the Job that the chart renders, else from the scheduler's pod template.

Pure. What is kept and dropped follows what each part does to a migration: an init container that waits for this very
Job, a sidecar that never ends, a probe that kills after a minute, a label that a Service selects.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration_cockpit.actions.cluster import MIGRATION_COMPONENT, main_container
from migration_cockpit.actions.site import Site
from migration_cockpit.connections.postgres import MIGRATION_APPLICATION

CONTAINER = "run-airflow-migrations"
COMMAND = ["bash", "-c", "exec airflow db migrate"]
"""As the chart's own Job runs it: the image's entry point stays in front."""
FAB_AUTH_MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
GRACE = 60
"""Seconds that an evicted migration gets: Postgres undoes a revision faster than that."""
_KEPT_OF_POD = (
    "serviceAccountName",
    "securityContext",
    "imagePullSecrets",
    "nodeSelector",
    "tolerations",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "hostAliases",
    "dnsConfig",
    "dnsPolicy",
)
_KEPT_OF_CONTAINER = ("image", "imagePullPolicy", "securityContext", "env", "envFrom", "resources", "volumeMounts")
_DROPPED_VOLUMES = re.compile(r"^(logs|dags|git-sync.*|.*-token.*)$")
_CONFIDENTIAL = re.compile(r"PASS|SECRET|TOKEN|KEY|CONN|CREDENTIAL|DSN", re.IGNORECASE)

_UNDISTURBED = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
}
"""No autoscaler moves its pod, and no mesh puts a sidecar into it that would never end."""


@dataclass(frozen=True)
class Origin:
    """Where a manifest was made from."""

    words: str
    template: Mapping[str, Any]
    """A pod template: metadata and spec."""
    component: str
    """The component whose main container is taken."""


def manifest(
    site: Site,
    name: str,
    origin: Origin,
    *,
    image: str,
    service_account: str | None,
    auth_manager: bool = False,
    dsn_secret: tuple[str, str] | None = None,
    pooled: bool = False,
    command: str = "",
    application: str = MIGRATION_APPLICATION,
) -> dict[str, Any]:
    """The Job. `dsn_secret` is (name, key) of the Secret with the direct DSN; `image` is the target version's.

    `command` is run in the place of the migration.

    `service_account` None: the one the template names. `auth_manager`: the chart's airflow.cfg does not name the FAB
    auth manager, without which its tables are not migrated. `pooled`: PgBouncer stands between, which refuses a session
    that asks for settings of its own. `application` is what its sessions are called.
    """
    spec = origin.template.get("spec", {})
    pod = {key: copy.deepcopy(spec[key]) for key in _KEPT_OF_POD if spec.get(key)}
    if service_account is not None:
        pod["serviceAccountName"] = service_account
    affinity = copy.deepcopy(spec.get("affinity") or {})
    # Kept away from other pods it may find no node that can mount what it needs.
    affinity.pop("podAntiAffinity", None)
    if affinity:
        pod["affinity"] = affinity
    container = _container(origin, image, command)
    ours = _settings_of_session(site, pooled, application)
    container["env"] = _environment(container.get("env") or [], ours, auth_manager, dsn_secret)
    _volumes(spec, pod, container)
    pod |= {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": GRACE}
    labels = {
        "tier": "airflow",
        "release": site.release,
        "component": MIGRATION_COMPONENT,
        "migration-cockpit/session": site.slug,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels, "annotations": {"migration-cockpit/made-from": origin.words}},
        # One attempt: a Job that tries again starts the failed revision from zero, behind everyone's back.
        "spec": {
            "backoffLimit": 0,
            "template": {"metadata": {"labels": labels, "annotations": dict(_UNDISTURBED)}, "spec": pod},
        },
    }


def _container(origin: Origin, image: str, command: str) -> dict[str, Any]:
    """The one container, as the template's main one, but for what it runs."""
    source = main_container(origin.template.get("spec", {}), origin.component)
    container = {key: copy.deepcopy(source[key]) for key in _KEPT_OF_CONTAINER if source.get(key)}
    container |= {
        "name": CONTAINER,
        "image": image,
        "args": ["bash", "-c", f"exec {command}"] if command else _arguments(source),
    }
    if origin.component != "run-airflow-migrations":
        container.pop("resources", None)  # the scheduler's limits are not a migration's
    return container


def _arguments(source: Mapping[str, Any]) -> list[str]:
    """The chart's own arguments where they migrate, whatever else they do; else ours."""
    given = source.get("args") or []
    return list(given) if "db migrate" in " ".join(map(str, given)) else list(COMMAND)


def _settings_of_session(site: Site, pooled: bool, application: str) -> list[dict[str, Any]]:
    """The Job's sessions are told by their name, are not cut off, and wait for a lock as long as the config says."""
    lock_timeout = int(site.settings.limits.lock_timeout * 1000)
    options = f"-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout={lock_timeout}"
    ours = [{"name": "PGAPPNAME", "value": application}, {"name": "PYTHONUNBUFFERED", "value": "1"}]
    return ours if pooled else [*ours, {"name": "PGOPTIONS", "value": options}]


def _environment(
    given: list[dict[str, Any]],
    ours: list[dict[str, Any]],
    auth_manager: bool,
    dsn_secret: tuple[str, str] | None,
) -> list[dict[str, Any]]:
    if auth_manager and not any(each["name"] == "AIRFLOW__CORE__AUTH_MANAGER" for each in given):
        ours.append({"name": "AIRFLOW__CORE__AUTH_MANAGER", "value": FAB_AUTH_MANAGER})
    if dsn_secret:
        reference = {"secretKeyRef": {"name": dsn_secret[0], "key": dsn_secret[1]}}
        ours.append({"name": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "valueFrom": reference})
    names = {each["name"] for each in ours}
    return [each for each in given if each["name"] not in names] + ours


def _volumes(spec: Mapping[str, Any], pod: dict[str, Any], container: dict[str, Any]) -> None:
    """Keep what holds configuration and certificates; logs and DAGs may be on a disk that only one node can mount."""
    kept = [
        copy.deepcopy(volume)
        for volume in spec.get("volumes") or []
        if not _DROPPED_VOLUMES.match(volume["name"]) and "persistentVolumeClaim" not in volume
    ]
    names = {volume["name"] for volume in kept}
    mounts = [mount for mount in container.pop("volumeMounts", []) if mount["name"] in names]
    if kept:
        pod["volumes"] = kept
    if mounts:
        container["volumeMounts"] = mounts


def printable(job: Mapping[str, Any]) -> bytes:
    """The manifest as a file beside the journal: values that look confidential are masked."""
    shown = copy.deepcopy(dict(job))
    for container in shown["spec"]["template"]["spec"]["containers"]:
        for variable in container.get("env") or []:
            if "value" in variable and _CONFIDENTIAL.search(variable["name"]):
                variable["value"] = "«secret»"
    return json.dumps(shown, indent=2).encode()
