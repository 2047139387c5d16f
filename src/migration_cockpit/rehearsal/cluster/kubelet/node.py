"""The node: schedules pods onto itself and runs a worker for each."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..errors import ApiError
from ..events import Recorder
from ..kinds import NODES, PODS, Kind
from ..objects import (
    is_terminating,
    labels_of,
    name_of,
    namespace_of,
    parse_time,
    pod_finished,
    put_condition,
    stamp,
    uid_of,
    utc_now,
)
from .pod import PodWorker

if TYPE_CHECKING:
    from pathlib import Path

    from ..backoff import Backoff
    from ..registry import Registry
    from ..store import Change
    from .environment import Names
    from .images import Images

Obj = dict[str, Any]

NODE_NAME = "rehearsal-node"


class Kubelet:
    """Scheduler and kubelet of the one node."""

    def __init__(self, registry: Registry, directory: Path, images: Images, names: Names, backoff: Backoff) -> None:
        self.registry = registry
        self.store = registry.store
        self.directory = directory
        self.images = images
        self.names = names
        self.backoff = backoff
        self.events = Recorder(registry, "kubelet", NODE_NAME)
        self._scheduling = Recorder(registry, "default-scheduler")
        self.workers: dict[str, PodWorker] = {}
        self._kept: list[Callable[[Obj], bool]] = []
        self._waiters: dict[tuple[Kind, str, str], set[asyncio.Event]] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Registers the node and begins to follow pods."""
        if self.store.find(NODES, "", NODE_NAME) is None:
            self.store.create(NODES, _node())
        self._unsubscribe = self.store.subscribe(self._seen)

    async def stop(self) -> None:
        """Kills every container and waits for them."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        workers = list(self.workers.values())
        for worker in workers:
            worker.kill()
        await asyncio.gather(*(worker.closed() for worker in workers), *self._closing, return_exceptions=True)
        self.workers.clear()

    def worker(self, pod: Obj) -> PodWorker | None:
        """The worker that runs `pod`."""
        return self.workers.get(uid_of(pod))

    def directory_for(self, pod: Obj) -> Path:
        """Where a pod's logs and files are: `pods/<name>`, unless a pod of another namespace or a kept one has that."""
        taken = {worker.directory for worker in self.workers.values()}
        names = (name_of(pod), f"{namespace_of(pod)}_{name_of(pod)}", f"{name_of(pod)}_{uid_of(pod)}")
        return next(path for name in names if (path := self.directory / "pods" / name) not in taken)

    def port(self, pod: Obj, container_port: int) -> int | None:
        """The loopback port behind a container's port, or None."""
        worker = self.worker(pod)
        return worker.ports.get(container_port) if worker else None

    def keep(self, test: Callable[[Obj], bool]) -> Callable[[], None]:
        """Pods that `test` takes do not die when they are deleted; returns what lets them go."""
        self._kept.append(test)

        def let_go() -> None:
            self._kept.remove(test)
            for worker in self.workers.values():
                if not self.is_kept(worker.pod):
                    worker.release()

        return let_go

    def is_kept(self, pod: Obj) -> bool:
        """Whether the deletion of `pod` hangs."""
        return any(test(pod) for test in self._kept)

    async def changed(self, kind: Kind, namespace: str, name: str) -> None:
        """Returns when the named object is next created or changed."""
        event = asyncio.Event()
        waiting = self._waiters.setdefault((kind, namespace, name), set())
        waiting.add(event)
        try:
            await event.wait()
        finally:
            waiting.discard(event)

    def _seen(self, change: Change) -> None:
        key = (change.kind, namespace_of(change.object), name_of(change.object))
        if change.type != "DELETED":
            for event in self._waiters.get(key, ()):
                event.set()
        if change.kind is PODS:
            # Not inside the writer's call: a worker's own write must have returned before the next step.
            asyncio.get_running_loop().call_soon(self._pod, change)
        elif change.kind is NODES and change.type == "MODIFIED":
            for pod in self.store.list(PODS):
                self._schedule(pod)

    def _pod(self, change: Change) -> None:
        pod = change.object
        worker = self.workers.get(uid_of(pod))
        if change.type == "DELETED":
            if worker is not None:
                worker.removed()
                if not self.is_kept(pod):
                    self._forget(worker)
            return
        current = self.store.find(PODS, namespace_of(pod), name_of(pod))
        if current is None or uid_of(current) != uid_of(pod):
            return
        if not current["spec"].get("nodeName"):
            self._schedule(current)
        elif worker is None and not pod_finished(current) and not is_terminating(current):
            self.workers[uid_of(current)] = PodWorker(self, current)
        elif worker is not None and is_terminating(current):
            left = parse_time(current["metadata"]["deletionTimestamp"]) - utc_now()
            grace = float(current["metadata"].get("deletionGracePeriodSeconds") or 0)
            worker.terminate(min(grace, left.total_seconds() + 1.0))

    def _forget(self, worker: PodWorker) -> None:
        self.workers.pop(worker.uid, None)
        task = asyncio.create_task(worker.closed())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _schedule(self, pod: Obj) -> None:
        if pod["spec"].get("nodeName") or is_terminating(pod):
            return
        node = self.store.get(NODES, "", NODE_NAME)
        why = _unfit(pod, node)
        fresh = copy.deepcopy(pod)
        conditions = (fresh.get("status") or {}).get("conditions") or []
        if why:
            fresh["status"]["conditions"] = put_condition(
                conditions, "PodScheduled", "False", "Unschedulable", why, lastProbeTime=None
            )
            if fresh["status"] != pod.get("status"):
                self._scheduling.warning(pod, "FailedScheduling", why)
        else:
            fresh["spec"]["nodeName"] = NODE_NAME
            fresh["status"]["conditions"] = put_condition(conditions, "PodScheduled", "True", lastProbeTime=None)
            self._scheduling.normal(
                pod, "Scheduled", f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {NODE_NAME}"
            )
        with contextlib.suppress(ApiError):
            self.store.replace(PODS, fresh)


def _unfit(pod: Obj, node: Obj) -> str:
    """Why the node cannot take the pod, in the scheduler's words; empty when it can."""
    tail = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    if node["spec"].get("unschedulable"):
        return f"0/1 nodes are available: 1 node(s) were unschedulable. {tail}"
    labels = labels_of(node)
    wanted = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return f"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. {tail}"
    return ""


def _node() -> Obj:
    now = stamp(utc_now() - timedelta(days=30))
    healthy = (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    )
    resources = {"cpu": "16", "memory": "65536000Ki", "pods": "110", "ephemeral-storage": "100Gi"}
    return {
        "metadata": {
            "name": NODE_NAME,
            "labels": {
                "kubernetes.io/hostname": NODE_NAME,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node-role.kubernetes.io/control-plane": "",
            },
        },
        "spec": {},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": NODE_NAME},
            ],
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
                for kind, status, reason, message in healthy
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeletVersion": "v1.34.4",
                "kubeProxyVersion": "v1.34.4",
                "containerRuntimeVersion": "containerd://2.0.5",
                "osImage": "rehearsal",
                "kernelVersion": "6.1.0",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }
