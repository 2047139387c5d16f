"""The deployment that a rehearsal finds: the release of the source version, and the rights of the one who flies."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from migration_cockpit.rehearsal import airflow
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.rehearsal.pace import Pace

NAMESPACE = "airflow"
NAME = "airflow"
CONTEXT = "rehearsal"
CHART = "apache-airflow/airflow"
CHART_VERSION = "1.22.0"
READY_SECONDS = 300.0
WEB = ("airflow-api-server", "airflow-webserver")
COMPONENTS = ("scheduler", "webserver", "apiServer", "dagProcessor", "triggerer", "workers")


class ReleaseError(Exception):
    """The release of the source version does not come up; the message says what helm or the pods say."""


@dataclass(frozen=True)
class Deployed:
    """What the values of the release are made from."""

    directory: Path
    source: str
    target: str
    pace: Pace
    executor: str
    dags_folder: Path
    dsn: str


async def install(deployed: Deployed, cluster: Cluster) -> None:
    """Write kubeconfig, values and the helm wrapper, then install the source version. Raises ReleaseError."""
    directory = deployed.directory
    token = secrets.token_urlsafe(24)
    cluster.ensure_namespace(NAMESPACE)
    cluster.add_user("cockpit", token)
    for document in yaml.safe_load_all(Path(__file__).with_name("permissions.yaml").read_text(encoding="utf-8")):
        cluster.create(document, NAMESPACE)
    config = cluster.kubeconfig("cockpit", token, context=CONTEXT, namespace=NAMESPACE)
    _private(directory / "kubeconfig", yaml.safe_dump(config))
    keys = {name: secrets.token_urlsafe(24) for name in ("webserverSecretKey", "apiSecretKey", "jwtSecret")}
    keys["fernetKey"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
    for file, version in (("values-2x.yaml", deployed.source), ("values-3x.yaml", deployed.target)):
        _private(directory / file, yaml.safe_dump(values(deployed, version, keys), sort_keys=False))
    helm = directory / "helm"
    helm.write_text(
        f"#!/bin/sh\nexport REHEARSAL_DIR={shlex.quote(str(directory))}\n"
        f'exec {shlex.quote(sys.executable)} -m migration_cockpit.rehearsal.helm "$@"\n',
        encoding="utf-8",
    )
    helm.chmod(0o755)
    command = [
        *(str(helm), "install", NAME, CHART, "--version", CHART_VERSION),
        *("--kubeconfig", str(directory / "kubeconfig"), "--kube-context", CONTEXT, "--namespace", NAMESPACE),
        *("--values", str(directory / "values-2x.yaml"), "--timeout", "5m"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise ReleaseError(f"helm install failed: {output.decode(errors='replace').strip()}")


def values(deployed: Deployed, version: str, keys: dict[str, str]) -> dict[str, Any]:
    """The values file for a version: all that a careful team has pinned before the day (CHART 7b.5)."""
    dsn = urlsplit(deployed.dsn)
    celery = "Celery" in deployed.executor
    made: dict[str, Any] = {
        "airflowVersion": version,
        "defaultAirflowTag": version,
        "images": {"airflow": {"tag": version}, "migrationsWaitTimeout": deployed.pace.migrations_wait},
        "executor": deployed.executor,
        "data": {
            "metadataConnection": {
                "user": dsn.username,
                "pass": dsn.password,
                "host": dsn.hostname,
                "port": dsn.port,
                "db": dsn.path.lstrip("/"),
            },
        },
        **keys,
        "redis": {"enabled": False},
        "createUserJob": {"defaultUser": {"username": airflow.USER, "password": airflow.PASSWORD}},
        "config": {
            "core": {
                "dags_folder": str(deployed.dags_folder),
                "load_examples": "False",
                "auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            },
            # What 2.x does by default and 3.x no longer does: pinned, so that schedules mean what they meant.
            "scheduler": {"catchup_by_default": "True", "create_cron_data_intervals": "True"},
        },
    }
    if celery:
        made["data"]["brokerUrl"] = "redis://airflow-redis:6379/0"
        made["workers"] = {"replicas": 2, "terminationGracePeriodSeconds": 30}
    else:
        made["workers"] = {"persistence": {"enabled": False}}
    for component in COMPONENTS:
        _merge(made.setdefault(component, {}), _waits(component, deployed.pace))
    return made


def _waits(component: str, pace: Pace) -> dict[str, Any]:
    """No log groomer (its script is in the real image only), and probes as often as the pace wants."""
    made: dict[str, Any] = {}
    if component in {"scheduler", "dagProcessor", "triggerer", "workers"}:
        made["logGroomerSidecar"] = {"enabled": False}
    if pace.name == "fast":
        web = component in {"webserver", "apiServer"}
        # A job's liveness probe starts the whole Airflow CLI: not every second on two cores.
        probes = ["livenessProbe", "readinessProbe", "startupProbe"] if web else []
        if component == "scheduler":
            probes = ["startupProbe"]
        for probe in probes:
            made[probe] = {"periodSeconds": pace.probe, "initialDelaySeconds": 0, "failureThreshold": 120}
    return made


def _merge(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


def web_addresses(cluster: Cluster) -> list[tuple[str, int]]:
    """Where Airflow's web server or API server may be reached, by the Services that exist now."""
    return [
        cluster.service_address(NAMESPACE, name, 8080)
        for name in WEB
        if cluster.find("Service", NAMESPACE, name) is not None
    ]


async def wait_ready(cluster: Cluster) -> None:
    """Return when every component has the pods it wants. Raises ReleaseError naming those that do not come up."""
    deadline = time.monotonic() + READY_SECONDS
    while short := _short(cluster):
        if time.monotonic() > deadline:
            raise ReleaseError(f"not ready after {READY_SECONDS:.0f} s: {', '.join(short)}")
        await asyncio.sleep(0.1)


def _short(cluster: Cluster) -> list[str]:
    loads = [*cluster.list("Deployment", NAMESPACE), *cluster.list("StatefulSet", NAMESPACE)]
    short = []
    for load in loads:
        wanted, ready = load["spec"].get("replicas", 1), load.get("status", {}).get("readyReplicas", 0)
        if ready < wanted:
            short.append(f"{load['metadata']['name']} {ready}/{wanted}")
    return short


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
