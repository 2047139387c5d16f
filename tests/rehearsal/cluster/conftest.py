"""A running embedded cluster in a thread of its own, and the official client on it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from kubernetes import client, config

from migration_cockpit.rehearsal.cluster import Backoff, Cluster
from tests.pace import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

Obj = dict[str, Any]
T = TypeVar("T")

IMAGE = "busybox:1"
TOKEN = "admin-token"
_numbers = itertools.count(1)


def eventually(probe: Callable[[], T], seconds: float = PATIENCE) -> T:
    """The first true answer of `probe`; fails with its last answer after `seconds`."""
    end = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > end:
            pytest.fail(f"not so after {seconds} s: {answer!r}")
        time.sleep(0.02)
    return answer


def lives(pid: int) -> bool:
    """Whether a process runs: a zombie that waits for its parent does not."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )
    except (FileNotFoundError, ProcessLookupError):
        return False


def in_group(group: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(int(entry.name)) == group and lives(int(entry.name)):
                    found.append(int(entry.name))
    return found


class Harness:
    """A cluster whose event loop runs beside the test."""

    def __init__(self, directory: Path, **options: Any) -> None:
        (directory / "images" / "busybox-1" / "bin").mkdir(parents=True)
        self.directory = directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cluster", daemon=True)
        self._thread.start()
        options.setdefault("backoff", Backoff(initial=0.3, maximum=0.6, job=0.1))
        self.cluster: Cluster = self.call(lambda: Cluster(directory, **options))
        self.run(self.cluster.start())
        self.call(lambda: self.cluster.add_user("admin", TOKEN, ["system:masters"]))
        self.api = self.client("admin", TOKEN)
        self.core = client.CoreV1Api(self.api)
        self.apps = client.AppsV1Api(self.api)
        self.batch = client.BatchV1Api(self.api)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the cluster's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def call(self, work: Callable[[], T]) -> T:
        """Calls something on the cluster's loop."""

        async def wrapped() -> T:
            return work()

        return self.run(wrapped())

    def client(self, user: str, token: str) -> Any:
        """An API client of the official library for this user."""
        return config.new_client_from_config_dict(self.cluster.kubeconfig(user, token))

    def find(self, kind: str, namespace: str, name: str) -> Obj | None:
        """An object straight from the store."""
        return self.call(lambda: self.cluster.find(kind, namespace, name))

    def list(self, kind: str, namespace: str, selector: str = "") -> list[Obj]:
        """Objects straight from the store."""
        return self.call(lambda: self.cluster.list(kind, namespace, selector))

    def close(self) -> None:
        """Stops cluster and loop."""
        self.run(self.cluster.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("cluster"), custom_groups={"external-secrets.io"})
    with contextlib.closing(harness):
        yield harness


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Harness]:
    """A cluster for tests that disturb it as a whole."""
    with contextlib.closing(Harness(tmp_path)) as harness:
        yield harness


@pytest.fixture
def ns(shared: Harness) -> Iterator[str]:
    """A namespace of the test's own, removed with everything in it."""
    name = f"test-{next(_numbers)}"
    shared.call(lambda: shared.cluster.ensure_namespace(name))
    yield name

    def clear(kind: str, grace: int | None = None) -> None:
        for item in shared.cluster.list(kind, name):
            shared.cluster.delete(kind, name, item["metadata"]["name"], grace=grace)

    for kind in ("CronJob", "Job", "Deployment", "StatefulSet", "ReplicaSet"):
        shared.call(functools.partial(clear, kind))
    shared.call(functools.partial(clear, "Pod", 0))
    shared.call(lambda: shared.cluster.delete("Namespace", "", name))


def container(command: str, name: str = "main", **more: Any) -> Obj:
    """A container that runs a shell line."""
    return {"name": name, "image": IMAGE, "command": ["/bin/sh", "-c", command], **more}


def pod(name: str, *containers: Obj, **spec: Any) -> Obj:
    """A pod; without containers one that waits to be ended."""
    body = {"terminationGracePeriodSeconds": 2, "containers": list(containers) or [container("exec sleep 600")], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": body}


def workload(
    kind: str, name: str, *containers: Obj, replicas: int = 1, pod_spec: Obj | None = None, **spec: Any
) -> Obj:
    """A Deployment or StatefulSet of pods labelled `app=<name>`."""
    template = pod(name, *containers, **(pod_spec or {}))
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]},
            **spec,
        },
    }


def job(name: str, command: str, *, restart: str = "Never", **spec: Any) -> Obj:
    """A Job of one container."""
    template = {
        "spec": {"restartPolicy": restart, "terminationGracePeriodSeconds": 1, "containers": [container(command)]}
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **spec}}
