"""One pod on the node: volumes, init containers in order, main containers side by side, graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import shutil
import signal
from typing import TYPE_CHECKING, Any

from ..errors import ApiError
from ..kinds import PODS
from ..objects import name_of, namespace_of, put_condition, uid_of
from . import volumes
from .container import Container
from .environment import ConfigError
from .ports import free_port
from .process import die_with_parent
from .status import compose, phase_of

if TYPE_CHECKING:
    from pathlib import Path

    from .node import Kubelet

Obj = dict[str, Any]


class PodWorker:
    """Runs one pod until it is done or deleted."""

    def __init__(self, node: Kubelet, pod: Obj) -> None:
        self.node = node
        self.pod = pod
        self.spec: Obj = pod["spec"]
        self.uid = uid_of(pod)
        self.directory: Path = node.directory_for(pod)
        # The log of an earlier pod of the same name (a StatefulSet's) is gone with that pod.
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.ports = {port: free_port() for port in _declared_ports(self.spec)}
        self.volumes: dict[str, Path] = {}
        self.inits = [Container(self, spec, init=True) for spec in self.spec.get("initContainers") or []]
        self.mains = [Container(self, spec, init=False) for spec in self.spec["containers"]]
        self._phase = "Pending"
        self._sandbox = False
        self._gone = False
        self._reason: tuple[str, str] | None = None
        self._release = asyncio.Event()
        self._deadline_moved = asyncio.Event()
        self._grace = 0.0
        self._main = asyncio.create_task(self._guarded())
        self._ending: asyncio.Task[None] | None = None

    @property
    def containers(self) -> list[Container]:
        """Init containers, then main ones."""
        return [*self.inits, *self.mains]

    def container(self, name: str) -> Container | None:
        """The container of this name."""
        return next((item for item in self.containers if item.name == name), None)

    def publish(self) -> None:
        """Writes the pod's status to the API, unless the pod is no longer there."""
        current = self.node.store.find(PODS, namespace_of(self.pod), name_of(self.pod))
        if current is None or uid_of(current) != self.uid:
            return
        if self._phase not in ("Succeeded", "Failed"):
            self._phase = phase_of(self.spec, [c.state for c in self.inits], [c.state for c in self.mains])
        status = compose(
            current, [c.state for c in self.inits], [c.state for c in self.mains], self._phase, sandbox=self._sandbox
        )
        if self._reason is not None:
            status["reason"], status["message"] = self._reason
        for extra in ("resize", "nominatedNodeName"):
            if extra in (current.get("status") or {}):
                status[extra] = current["status"][extra]
        fresh = copy.deepcopy(current)
        fresh["status"] = status
        with contextlib.suppress(ApiError):
            self.pod = self.node.registry.update(PODS, fresh, status=True)

    def terminate(self, grace: float) -> None:
        """Begins the graceful end, `grace` seconds from now at most; a second call can only shorten it."""
        self._grace = grace
        self._deadline_moved.set()
        if self._ending is None:
            self._ending = asyncio.create_task(self._terminate())

    def release(self) -> None:
        """Lets a pod that was kept alive end at last."""
        self._release.set()
        if self._gone:
            self.kill()

    def removed(self) -> None:
        """The pod is gone from the API: what still runs of it is killed, unless the pod is kept alive."""
        self._gone = True
        if not self.node.is_kept(self.pod):
            self.kill()

    def evict(self, message: str) -> None:
        """Fails the pod as kubelet does under node pressure: it stays as Failed, reason Evicted."""
        self._main.cancel()
        self.node.events.warning(self.pod, "Evicted", message)
        self._phase, self._reason = "Failed", ("Evicted", message)
        for item in self.containers:
            if item.state.running is not None:
                item.kill()
                item.finished(137)
        self.pod = copy.deepcopy(self.pod)
        conditions = self.pod["status"].get("conditions") or []
        self.pod["status"]["conditions"] = put_condition(
            conditions, "DisruptionTarget", "True", "TerminationByKubelet", message, lastProbeTime=None
        )
        with contextlib.suppress(ApiError):
            self.pod = self.node.registry.update(PODS, self.pod, status=True)
        self.publish()

    def kill(self) -> None:
        """Kills everything at once and ends the worker."""
        self._main.cancel()
        for item in self.containers:
            item.kill()

    async def closed(self) -> None:
        """Waits until the worker's tasks and processes have ended (after `kill`)."""
        tasks = [task for task in (self._main, self._ending) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for item in self.containers:
            if item.process is not None:
                await item.process.wait()
            await item.settled()

    async def _guarded(self) -> None:
        try:
            await self._run()
        except Exception as error:  # noqa: BLE001 - the boundary: a pod that breaks its worker says so, as kubelet does
            self.node.events.warning(
                self.pod, "FailedSync", f"error determining status: {type(error).__name__}: {error}"
            )

    async def _run(self) -> None:
        self.publish()
        await self._mount()
        self._sandbox = True
        for item in self.inits:
            item.state.wait("PodInitializing")
            if not await item.run():
                self.publish()
                return
            self.publish()
        await asyncio.gather(*(item.run() for item in self.mains))
        self.publish()

    async def _mount(self) -> None:
        while True:
            try:
                claims = self.node.directory / "volumes"
                self.volumes = volumes.materialise(self.node.store, self.pod, self.directory, claims)
            except ConfigError as error:
                volume = _volume_of(self.spec, error.name)
                self.node.events.warning(
                    self.pod, "FailedMount", f'MountVolume.SetUp failed for volume "{volume}" : {error.message}'
                )
                await self.node.changed(error.kind, namespace_of(self.pod), error.name)
            else:
                return

    async def _terminate(self) -> None:
        while self.node.is_kept(self.pod) and not self._release.is_set():
            await self._release.wait()
        self._main.cancel()
        live = [item for item in self.containers if item.process is not None and item.process.running]
        for item in live:
            item.stop_probes()
            item.tell("Killing", f"Stopping container {item.name}")
        ends = [asyncio.create_task(self._stop(item)) for item in live]
        if ends:
            await self._wait_or_kill(ends, live)
        if not self._gone:
            for item in self.containers:
                if item.state.waiting is not None and item.state.last is not None:
                    item.state.end(item.state.last["exitCode"], item.state.last["reason"])
            self.publish()
            self._last_word()

    async def _stop(self, item: Container) -> None:
        """preStop hook, SIGTERM, and the exit code written down as it comes."""
        process = item.process
        if process is None:
            return
        hook = ((item.spec.get("lifecycle") or {}).get("preStop") or {}).get("exec")
        if hook is not None:
            with contextlib.suppress(OSError):
                helper = await asyncio.create_subprocess_exec(
                    *hook["command"], env=item.env, cwd=item.cwd, preexec_fn=die_with_parent,
                    stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )  # fmt: skip
                await helper.wait()
        process.signal(signal.SIGTERM)
        code = await process.wait()
        item.finished(code)
        self.publish()

    async def _wait_or_kill(self, ends: list[asyncio.Task[None]], live: list[Container]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        done = asyncio.gather(*ends)
        while not done.done():
            self._deadline_moved.clear()
            left = began + max(self._grace, 0.0) - loop.time()
            if left <= 0:
                for item in live:
                    item.kill()
                await done
                return
            moved = asyncio.ensure_future(self._deadline_moved.wait())
            waiting: set[asyncio.Future[Any]] = {done, moved}
            try:
                await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                moved.cancel()

    def _last_word(self) -> None:
        current = self.node.store.find(PODS, namespace_of(self.pod), name_of(self.pod))
        if current is not None and uid_of(current) == self.uid:
            with contextlib.suppress(ApiError):
                self.node.registry.delete(PODS, namespace_of(self.pod), name_of(self.pod), grace=0)


def _declared_ports(spec: Obj) -> list[int]:
    """Every port of the pod that something may ask for: declared ones and those that probes name by number."""
    found: dict[int, None] = {}
    for container in spec["containers"]:
        for port in container.get("ports") or []:
            found[int(port["containerPort"])] = None
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            for action in ("httpGet", "tcpSocket"):
                port = ((container.get(probe) or {}).get(action) or {}).get("port")
                if isinstance(port, int) or (isinstance(port, str) and port.isdigit()):
                    found[int(port)] = None
    return list(found)


def _volume_of(spec: Obj, source: str) -> str:
    for volume in spec.get("volumes") or []:
        if source in str(volume):
            return str(volume["name"])
    return source
