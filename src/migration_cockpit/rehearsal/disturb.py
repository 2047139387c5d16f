"""The faults that are the cluster's, switched at any time: a pod that survives, a Secret that is late or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
    let_go: Callable[[], None] | None = None
    held = False
    while True:
        survives = faults.active(directory, "old-pod-survives") is not None
        if survives and let_go is None:
            let_go = cluster.keep_pod(SURVIVOR)
        elif not survives and let_go is not None:
            let_go()
            let_go = None
        late = faults.active(directory, "secret-late") is not None
        # From when the migration's own container runs: the pods that wait for it start their containers after it.
        if late and not held and _migration_ran(cluster):
            cluster.hold_secret(LATE, namespace=release.NAMESPACE)
            held = True
        elif held and not late:
            cluster.release_secret(LATE, namespace=release.NAMESPACE)
            held = False
        refused = faults.active(directory, "secret-refused") is not None
        cluster.deny("secrets", "migration-cockpit", denied=refused)
        await asyncio.sleep(LOOK)


def _migration_ran(cluster: Cluster) -> bool:
    return any(
        pod.get("status", {}).get("phase") in {"Running", "Succeeded"}
        for pod in cluster.list("Pod", release.NAMESPACE)
        if pod["metadata"]["name"].startswith("airflow-db-migrate")
    )
