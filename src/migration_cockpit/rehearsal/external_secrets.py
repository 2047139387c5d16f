"""External Secrets in a rehearsal: a vault outside the cluster, and the operator that keeps a Secret as the vault says.

The vault is a directory of the world with one file a secret: whoever changes the file changes the source. The operator
looks at it again and again, writes the Secret that is its own, and undoes what anybody else writes into it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migration_cockpit.rehearsal.cluster import Cluster

GROUP = "external-secrets.io"
VAULT = "vault"
"""Directory in the world."""
SECRET, KEY = "airflow-metadata", "connection"
LOOK = 0.5
"""Seconds between two looks; a real one looks once an hour unless told otherwise."""


class ExternalSecret:
    """The ExternalSecret of Airflow's connection, in the part of the operator."""

    def __init__(self, directory: Path, cluster: Cluster, namespace: str) -> None:
        self._source = directory / VAULT / SECRET
        self._cluster = cluster
        self._namespace = namespace

    def create(self, connection: str) -> None:
        """Write the source and the ExternalSecret that points to it, and sync it once."""
        self._source.parent.mkdir(mode=0o700, exist_ok=True)
        self._source.touch(mode=0o600)
        self._source.write_text(connection, encoding="utf-8")
        self._cluster.install_group(GROUP)
        spec = {
            "refreshInterval": f"{LOOK}s",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": VAULT},
            "target": {"name": SECRET, "creationPolicy": "Owner"},
            "data": [{"secretKey": KEY, "remoteRef": {"key": SECRET}}],
        }
        meta = {"name": SECRET}
        body = {"apiVersion": f"{GROUP}/v1", "kind": "ExternalSecret", "metadata": meta, "spec": spec}
        self._cluster.create(body, self._namespace)
        self.sync()

    async def run(self) -> None:
        """Keep the Secret as the source is, for as long as the world runs."""
        while True:
            self.sync()
            await asyncio.sleep(LOOK)

    def sync(self) -> None:
        """Make the Secret what the source says, where it is anything else."""
        value = self._source.read_bytes().strip()
        data = {KEY: base64.b64encode(value).decode()}
        found = self._cluster.find("Secret", self._namespace, SECRET)
        if found is not None and found.get("data") == data:
            return
        mark = {"annotations": {"reconcile.external-secrets.io/data-hash": hashlib.sha256(value).hexdigest()}}
        if found is None:
            meta = {"name": SECRET, "ownerReferences": [self._owner()], **mark}
            body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta, "data": data}
            self._cluster.create(body, self._namespace)
        else:
            self._cluster.patch("Secret", self._namespace, SECRET, {"metadata": mark, "data": data})
        synced = {"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced"}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = {"status": {"refreshTime": now, "conditions": [synced]}}
        self._cluster.patch("ExternalSecret", self._namespace, SECRET, status, status=True)

    def _owner(self) -> dict[str, Any]:
        found = self._cluster.get("ExternalSecret", self._namespace, SECRET)
        meta = {"name": SECRET, "uid": found["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}
        return {"apiVersion": f"{GROUP}/v1", "kind": "ExternalSecret", **meta}
