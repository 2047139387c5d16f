"""An embedded cluster with a toy Airflow, and ways to run the rehearsal's helm in it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from migration_cockpit.rehearsal.cluster.cluster import Cluster
from tests.pace import PATIENCE

NAMESPACE = "airflow"
CHARTS = Path(__file__).parents[3] / "src" / "migration_cockpit" / "rehearsal" / "chart"
# What an "image" holds: a program that knows its version, migrates by writing it into a file, and then just runs.
_AIRFLOW = """#!{python}
import os, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
VERSION = {version!r}
schema = Path(os.environ["REHEARSAL_DIR"]) / "schema"
args = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if args[:2] == ["db", "migrate"]:
    if (schema.parent / "migration-fails").exists():
        sys.exit("migration failed")
    schema.write_text(VERSION)
elif args[:2] == ["db", "check-migrations"]:
    deadline = time.monotonic() + float(args[2].partition("=")[2])
    while not schema.exists() or schema.read_text() != VERSION:
        if time.monotonic() > deadline:
            sys.exit(1)
        time.sleep(0.05)
elif args[0] in ("webserver", "api-server"):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
    HTTPServer(("127.0.0.1", int(os.environ["REHEARSAL_PORT_8080"])), Handler).serve_forever()
elif args[0] in ("scheduler", "dag-processor", "triggerer", "celery"):
    signal.pause()
"""
# A small release: few components, short waits. Every test adds what it is about.
VALUES = {
    "executor": "CeleryExecutor",
    "airflowHome": "",
    "fernetKeySecretName": "airflow-fernet-key",
    "webserverSecretKeySecretName": "airflow-webserver-secret-key",
    "apiSecretKeySecretName": "airflow-api-secret-key",
    "jwtSecretName": "airflow-jwt-secret",
    "images": {"migrationsWaitTimeout": 1},
    "data": {"brokerUrlSecretName": "airflow-broker-url", "metadataConnection": {"host": "old-db"}},
    "scheduler": {"startupProbe": {"periodSeconds": 1}, "logGroomerSidecar": {"enabled": False}},
    "dagProcessor": {"logGroomerSidecar": {"enabled": False}},
    "webserver": {
        "startupProbe": {"periodSeconds": 1},
        "readinessProbe": {"initialDelaySeconds": 0, "periodSeconds": 1},
    },
    "apiServer": {
        "startupProbe": {"periodSeconds": 1},
        "readinessProbe": {"initialDelaySeconds": 0, "periodSeconds": 1},
    },
    "triggerer": {"logGroomerSidecar": {"enabled": False}},
    "workers": {"livenessProbe": {"enabled": False}, "logGroomerSidecar": {"enabled": False}},
    "redis": {"enabled": False},
    "statsd": {"enabled": False},
}
_SECRETS = {
    "airflow-fernet-key": "fernet-key",
    "airflow-webserver-secret-key": "webserver-secret-key",
    "airflow-api-secret-key": "api-secret-key",
    "airflow-jwt-secret": "jwt-secret",
    "airflow-broker-url": "connection",
}


@dataclass
class Answer:
    """What a helm command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class World:
    """The cluster, and helm in it."""

    directory: Path
    cluster: Cluster
    environment: dict[str, str] = field(default_factory=dict)

    async def start_helm(self, *args: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "migration_cockpit.rehearsal.helm",
            *args,
            "-n",
            NAMESPACE,
            "--kubeconfig",
            str(self.directory / "kubeconfig"),
            env={**os.environ, "REHEARSAL_DIR": str(self.directory), **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def helm(self, *args: str) -> Answer:
        return await answer(await self.start_helm(*args))

    async def ok(self, *args: str) -> Answer:
        """Run helm where it must succeed."""
        result = await self.helm(*args)
        assert result.code == 0, result.err
        return result

    def values(self, version: str, **changes: Any) -> list[str]:
        """The flags that choose chart 1.22.0, the base values, a version and changes to them."""
        merged = json.loads(json.dumps(VALUES)) | {"airflowVersion": version}
        merged["images"]["airflow"] = {"tag": version}
        for key, value in changes.items():
            section = merged.setdefault(key, {})
            merged[key] = {**section, **value} if isinstance(value, dict) else value
        path = self.directory / f"values-{len(list(self.directory.glob('values-*')))}.yaml"
        path.write_text(yaml.safe_dump(merged), encoding="utf-8")
        return ["apache-airflow/airflow", "--version", "1.22.0", "-f", str(path)]

    async def install(self, version: str = "2.11.2", **changes: Any) -> None:
        """Install with its migration Job; the toy database then holds the version's schema."""
        changes.setdefault("createUserJob", {"enabled": False})
        await self.ok("install", "airflow", *self.values(version, **changes))

    async def until(self, check: Any, what: str, seconds: float = PATIENCE) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(seconds):
            while not check():
                await asyncio.sleep(0.05)
        assert check(), what

    def ready(self, kind: str, name: str) -> int:
        found = self.cluster.find(kind, NAMESPACE, name)
        return int((found or {}).get("status", {}).get("readyReplicas") or 0)


async def answer(process: asyncio.subprocess.Process) -> Answer:
    out, err = await process.communicate()
    assert process.returncode is not None
    return Answer(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    for version in ("2.11.2", "3.2.2"):
        program = tmp_path / "images" / f"apache-airflow-{version}" / "bin" / "airflow"
        program.parent.mkdir(parents=True)
        program.write_text(_AIRFLOW.format(python=sys.executable, version=version), encoding="utf-8")
        program.chmod(0o755)
    cluster = Cluster(tmp_path)
    cluster.add_user("deployer", "secret", ["system:masters"])
    await cluster.start()
    cluster.ensure_namespace(NAMESPACE)
    for name, key in _SECRETS.items():
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: "x"}}
        cluster.create(secret, NAMESPACE)
    kubeconfig = cluster.kubeconfig("deployer", "secret", namespace=NAMESPACE)
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig), encoding="utf-8")
    yield World(tmp_path, cluster)
    await cluster.stop()
