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
from urllib.parse import urlsplit

import yaml

from migration_cockpit.rehearsal import external_secrets, pgbouncer
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.rehearsal.cluster.backoff import Backoff
from migration_cockpit.rehearsal.metrics import MetricsServer
from migration_cockpit.rehearsal.pace import Pace

NAMESPACE = "airflow"
NAME = "airflow"
CONTEXT = "rehearsal"
CHART = "apache-airflow/airflow"
CHART_VERSION = "1.22.0"
READY_SECONDS = 300.0
STATSD_IMAGE = "quay.io/prometheus/statsd-exporter"
BEFORE, AFTER = "values-2x.yaml", "values-3x.yaml"
"""The values of the source version, and of the target version."""
FERNET = "airflow-fernet-key"
"""The Secret with the key of stored passwords."""
WEB = ("airflow-api-server", "airflow-webserver")
CHARTS, EXTERNAL, POOLED = CONNECTIONS = ("chart", "external-secrets", "pgbouncer")
"""The chart's own Secret, a Secret that External Secrets own, or PgBouncer between the pods and the server."""
RBAC = Path(__file__).parents[1] / "permissions" / "rbac.yaml"
"""The rights that the documentation tells people to give: a rehearsal flies with these and no others."""


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
    connection: str = CHARTS
    """How the connection to the database reaches the pods: one of CONNECTIONS."""
    most_workers: int = 2
    """Celery workers; with another executor there are none."""


def cluster_of(deployed: Deployed, dns: dict[str, str]) -> Cluster:
    """A cluster for it; `dns` as the cluster takes it, to be filled in any time."""
    back_off = deployed.pace.back_off
    return Cluster(
        deployed.directory,
        dns=dns,
        backoff=Backoff(initial=back_off, job=back_off),
        programs={STATSD_IMAGE: [sys.executable, "-m", "migration_cockpit.rehearsal.statsd_pod"]},
    )


def statsd_name(metrics: MetricsServer) -> dict[str, str]:
    """The name by which pods find what takes their metrics, for a cluster's `dns`."""
    host, port = metrics.statsd_address
    return {"airflow-statsd:9125": f"{host}:{port}"}


async def install(deployed: Deployed, cluster: Cluster, file: str = BEFORE, *, context: str = CONTEXT) -> None:
    """Write kubeconfig, values and the helm wrapper, then install by one of the two. Raises ReleaseError."""
    directory = deployed.directory
    token = secrets.token_urlsafe(24)
    cluster.ensure_namespace(NAMESPACE)
    cluster.add_user("cockpit", token)
    for document in yaml.safe_load_all(RBAC.read_text(encoding="utf-8")):
        cluster.create(document, NAMESPACE)
    config = cluster.kubeconfig("cockpit", token, context=context, namespace=NAMESPACE)
    _private(directory / "kubeconfig", yaml.safe_dump(config))
    # Not for the cockpit: for whoever wants to disturb the world from outside.
    master = secrets.token_urlsafe(24)
    cluster.add_user("admin", master, ["system:masters"])
    config = cluster.kubeconfig("admin", master, context=context, namespace=NAMESPACE)
    _private(directory / "kubeconfig-admin", yaml.safe_dump(config))
    for secret_name, (key, value) in _keys().items():
        data = {key: base64.b64encode(value.encode()).decode()}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": secret_name},
            "data": data,
        }
        cluster.create(secret, NAMESPACE)
    if deployed.connection == EXTERNAL:
        external_secrets.ExternalSecret(directory, cluster, NAMESPACE).create(deployed.dsn)
    elif deployed.connection == POOLED:
        pgbouncer.install_image(directory)
    for name, version in ((BEFORE, deployed.source), (AFTER, deployed.target)):
        _private(directory / name, values(deployed, name, version))
    helm = directory / "helm"
    helm.write_text(
        f"#!/bin/sh\nexport REHEARSAL_DIR={shlex.quote(str(directory))}\n"
        f'exec {shlex.quote(sys.executable)} -m migration_cockpit.rehearsal.helm "$@"\n',
        encoding="utf-8",
    )
    helm.chmod(0o755)
    command = [
        *(str(helm), "install", NAME, CHART, "--version", CHART_VERSION),
        *("--kubeconfig", str(directory / "kubeconfig"), "--kube-context", context, "--namespace", NAMESPACE),
        *("--values", str(directory / file), "--timeout", "5m"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise ReleaseError(f"helm install failed: {output.decode(errors='replace').strip()}")


def _keys() -> dict[str, tuple[str, str]]:
    """The Secrets that a careful team has pinned before the day: name, key and value of each."""
    return {
        FERNET: ("fernet-key", base64.urlsafe_b64encode(os.urandom(32)).decode()),
        "airflow-webserver-secret-key": ("webserver-secret-key", secrets.token_urlsafe(24)),
        "airflow-api-secret-key": ("api-secret-key", secrets.token_urlsafe(24)),
        "airflow-jwt-secret": ("jwt-secret", secrets.token_urlsafe(24)),
        "airflow-broker-url": ("connection", "redis://airflow-redis:6379/0"),
    }


def values(deployed: Deployed, file: str, version: str) -> str:
    """A values file of the chart, its places filled in for this world."""
    dsn, pace = urlsplit(deployed.dsn), deployed.pace
    celery = "Celery" in deployed.executor
    places = {
        "VERSION": version,
        "EXECUTOR": deployed.executor,
        "WORKERS": str(deployed.most_workers if celery else 0),
        "WORKERS_PERSISTENCE": str(celery).lower(),
        "DB_HOST": dsn.hostname or "",
        "DB_PORT": str(dsn.port),
        "DB_USER": dsn.username or "",
        "DB_PASSWORD": dsn.password or "",
        "DB_NAME": dsn.path.lstrip("/"),
        "DAGS_FOLDER": str(deployed.dags_folder),
        "PARALLELISM": "4",
        "PROBE_PERIOD": str(pace.probe),
        # A liveness probe starts a whole Airflow process: on two cores not more often than the chart does it.
        "LIVENESS_PERIOD": "60",
        "MIGRATIONS_WAIT": str(pace.migrations_wait),
        "GRACE": "30",
        "EXTRA_ENV": '""',
    }
    text = Path(__file__).with_name("chart").joinpath(file).read_text(encoding="utf-8")
    body = text[text.index("\nairflowVersion:") :]
    for place, value in places.items():
        body = body.replace(f"@{place}@", value)
    if deployed.connection == EXTERNAL:
        body = body.replace("\ndata:\n", f"\ndata:\n  metadataSecretName: {external_secrets.SECRET}\n")
    return body + OWN_VALUES[deployed.connection]


OWN_VALUES = {CHARTS: "", EXTERNAL: "", POOLED: "pgbouncer:\n  enabled: true\n"}
"""What the values of each kind of connection have at their end."""


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
