"""A release of the rehearsal's chart in a real cluster, flown by any helm through the cockpit's own operations."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import subprocess
import sys
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from migration_cockpit.actions.site import Site
from tests.conformance.worlds import World
from tests.connections.support import connected, make_settings
from tests.rehearsal.helm.conftest import CHARTS, VALUES

from .programs import locate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Obj = dict[str, Any]
OWN_SECRETS = {
    "airflow-fernet-key": "fernet-key",
    "airflow-webserver-secret-key": "webserver-secret-key",
    "airflow-api-secret-key": "api-secret-key",
    "airflow-jwt-secret": "jwt-secret",
    "airflow-broker-url": "connection",
}
WITHOUT_JOBS: dict[str, Any] = {"migrateDatabaseJob": {"enabled": False}, "createUserJob": {"enabled": False}}
"""Values of an install that does not wait for the chart's two Jobs, where a test does not look at them."""
MOVED = {"metadataConnection": {"host": "new-db"}, "brokerUrlSecretName": "airflow-broker-url"}


def binary(which: str, directory: Path) -> Path:
    """`helm3`, `helm4`, or a script that starts the `rehearsal`'s own."""
    if which != "rehearsal":
        program = locate(which)
        assert program is not None
        return program
    script = directory / "helm"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m migration_cockpit.rehearsal.helm "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


class Installed:
    """Release `airflow` of chart 1.20.0 with Airflow 2.11.2, as one helm installed it; `site` upgrades it to 1.22.0."""

    def __init__(self, world: World, which: str, directory: Path, *, charts: Path = CHARTS, **changes: Any) -> None:
        """Installs it, hooks and all. `changes` go over the values; `charts` holds both charts."""
        self.world = world
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.helm = binary(which, directory)
        self._changes = changes
        self._charts = charts
        for name, key in OWN_SECRETS.items():
            world.make("secrets", name, {"stringData": {key: "x"}})
        (directory / "kubeconfig").write_text(world.kubeconfig().read_text(encoding="utf-8"), encoding="utf-8")
        values = self.values("2.11.2")
        self.ok("install", "airflow", str(charts / "airflow-1.20.0"), "-f", values, "--timeout", "120s")

    def values(self, version: str, **changes: Any) -> str:
        """A values file for a version of Airflow."""
        merged: dict[str, Any] = {**copy.deepcopy(VALUES), "airflowVersion": version}
        merged["images"]["airflow"] = {"tag": version}
        for key, value in {**self._changes, **changes}.items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
        path = self.directory / f"values-{version}.yaml"
        path.write_text(yaml.safe_dump(merged), encoding="utf-8")
        return str(path)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run this helm in the namespace of the release."""
        where = ("--kubeconfig", str(self.directory / "kubeconfig"), "-n", self.world.namespace)
        line = [str(self.helm), *words, *where]
        return subprocess.run(line, capture_output=True, text=True, timeout=180, check=False)

    def ok(self, *words: str) -> str:
        """What it prints; it must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def site(self, **tables: Any) -> AbstractAsyncContextManager[Site]:
        """A flight's site whose upgrade is to Airflow 3.2.2 on another database; `tables` go over the config."""
        settings = make_settings(
            self.directory,
            helm={
                "binary": str(self.helm),
                "chart": str(self._charts / "airflow-1.22.0"),
                "chart_version": "1.22.0",
                "values": [self.values("3.2.2", data=MOVED)],
            },
            kubernetes={"namespace": self.world.namespace},
            **tables,
        )

        @asynccontextmanager
        async def opened() -> AsyncIterator[Site]:
            async with connected(settings) as connections:
                yield Site(settings, "flight-1", connections)

        return opened()

    def record(self, revision: int) -> tuple[Obj, Obj]:
        """The Secret of a revision, and the release in it."""
        name = f"sh.helm.release.v1.airflow.v{revision}"
        secret = self.world.ok("GET", self.world.path("secrets", name))
        data = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        release: Obj = json.loads(gzip.decompress(data))
        return secret, release

    def mark(self, revision: int, status: str) -> None:
        """Write another status into a revision, as a helm that was killed leaves it."""
        secret, record = self.record(revision)
        record["info"]["status"] = status
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
        change = {"metadata": {"labels": {"status": status}}, "data": {"release": packed}}
        self.world.ok("PATCH", self.world.path("secrets", secret["metadata"]["name"]), change, patch="merge")

    def pods(self) -> dict[str, tuple[str, str]]:
        """Image and phase of each pod, by component."""
        found = self.world.ok("GET", self.world.path("pods"))["items"]
        return {
            pod["metadata"]["labels"]["component"]: (
                pod["spec"]["containers"][0]["image"].rpartition(":")[2],
                pod["status"]["phase"],
            )
            for pod in found
            if not pod["metadata"].get("deletionTimestamp")
        }
