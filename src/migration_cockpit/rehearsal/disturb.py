"""The faults that are the cluster's: a pod that survives its deletion, a Secret that is late."""

from __future__ import annotations

import asyncio
from pathlib import Path

from migration_cockpit.rehearsal import faults, release
from migration_cockpit.rehearsal.cluster import Cluster

SURVIVOR = "component=webserver"
"""Only 2.x has a webserver: the pods of 3.x are not meant."""
LATE = "airflow-jwt-secret"
"""Only containers of 3.x need it."""
LOOK = 0.1


async def disturb(directory: Path, cluster: Cluster) -> None:
    """Act on the cluster's faults for as long as the world runs."""
    if faults.active(directory, "old-pod-survives") is not None:
        cluster.keep_pod(SURVIVOR)
    if faults.active(directory, "secret-late") is not None:
        # From when the migration's own container runs: the pods that wait for it start their containers after it.
        while not _migration_runs(cluster):
            await asyncio.sleep(LOOK)
        cluster.hold_secret(LATE, namespace=release.NAMESPACE)


def _migration_runs(cluster: Cluster) -> bool:
    return any(
        pod.get("status", {}).get("phase") in {"Running", "Succeeded"}
        for pod in cluster.list("Pod", release.NAMESPACE)
        if pod["metadata"]["name"].startswith("airflow-db-migrate")
    )
