"""One container of a pod, from its first start over its restarts to its end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

from ..backoff import spoken
from ..objects import name_of, namespace_of, uid_of
from . import environment, family, volumes
from .environment import ConfigError
from .images import canonical
from .logfile import LogFile
from .probes import ProbeTarget, watch_probe
from .process import ContainerProcess
from .status import ContainerState

if TYPE_CHECKING:
    from pathlib import Path

    from .images import Image
    from .pod import PodWorker

Obj = dict[str, Any]


class Container:
    """Starts, probes and restarts one container, and keeps its state."""

    def __init__(self, worker: PodWorker, spec: Obj, *, init: bool) -> None:
        self.spec = spec
        self.init = init
        self.state = ContainerState(spec["name"], spec["image"])
        self.state.wait("PodInitializing" if worker.spec.get("initContainers") else "ContainerCreating")
        self.process: ContainerProcess | None = None
        self.log: LogFile | None = None
        self.env: dict[str, str] = {}
        self.cwd: Path = worker.directory / spec["name"] / "home"
        self._worker = worker
        self._node = worker.node
        self.mounts: dict[str, str] = {}
        self.execs: set[int] = set()
        self._failures = 0
        self._probes: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[Any]] = set()
        """Probes that were cancelled and executed commands, until their processes are gone."""
        self._oom = False
        self._start_error = ""
        self._field = f"spec.{'initContainers' if init else 'containers'}{{{spec['name']}}}"

    @property
    def name(self) -> str:
        """The container's name."""
        return self.state.name

    def log_path(self, restart: int) -> Path:
        """Where the log of the run number `restart` is."""
        return self._worker.directory / self.name / f"{restart}.log"

    async def run(self) -> bool:
        """Runs until it need not run again: True when its last run succeeded."""
        while True:
            image = await self._pull()
            argv = await self._configure(image)
            began = asyncio.get_running_loop().time()
            code = await self._once(argv)
            self._worker.publish()
            if asyncio.get_running_loop().time() - began >= self._node.backoff.reset:
                self._failures = 0
            if not self._again(code):
                return code == 0
            self._failures += 1
            await self._back_off()
            self.state.restarts += 1

    def kill(self) -> None:
        """Ends it at once."""
        self.stop_probes()
        self._kill_execs()
        if self.process is not None:
            self.process.kill()

    def _kill_execs(self) -> None:
        """Commands that were executed in a container end with it."""
        for pid in tuple(self.execs):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def stop_probes(self) -> None:
        """No probe from now on."""
        for probe in self._probes:
            probe.cancel()
            self._await_end(probe)
        self._probes.clear()

    def adopt(self, process: asyncio.subprocess.Process) -> None:
        """A command that is executed in it lives until it ends or the container does, whatever its client does."""
        self.execs.add(process.pid)
        ended = asyncio.create_task(process.wait())
        ended.add_done_callback(lambda _: self.execs.discard(process.pid))
        self._await_end(ended)

    def _await_end(self, task: asyncio.Task[Any]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def settled(self) -> None:
        """Return when nothing that was started in it is left."""
        await asyncio.gather(*self._ending, return_exceptions=True)

    def oom_kill(self) -> None:
        """Kills it as the kernel does when it is out of memory."""
        self._oom = True
        self.kill()

    def warn(self, reason: str, message: str) -> None:
        """Records a Warning event about this container."""
        self._node.events.warning(self._worker.pod, reason, message, self._field)

    def tell(self, reason: str, message: str) -> None:
        """Records a Normal event about this container."""
        self._node.events.normal(self._worker.pod, reason, message, self._field)

    def finished(self, code: int) -> None:
        """Writes down how the run ended."""
        reason = (
            "OOMKilled" if self._oom else "StartError" if self._start_error else "Completed" if code == 0 else "Error"
        )
        self._oom = False
        self.state.end(code, reason, self._start_error)
        if self.init and code == 0:
            self.state.ready = True

    def _again(self, code: int) -> bool:
        policy = self._worker.spec["restartPolicy"]
        if self.init:
            return code != 0 and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    async def _back_off(self) -> None:
        delay = self._node.backoff.delay(self._failures)
        if delay <= 0:
            return
        pod = self._worker.pod
        full = f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"
        message = f"back-off {spoken(delay)} restarting failed container={self.name} pod={full}"
        self.warn("BackOff", f"Back-off restarting failed container {self.name} in pod {full}")
        self.state.wait("CrashLoopBackOff", message)
        self._worker.publish()
        await asyncio.sleep(delay)

    async def _pull(self) -> Image:
        """The image, waited for in ErrImagePull and ImagePullBackOff until it is there."""
        name = self.spec["image"]
        tries = 0
        while (image := self._node.images.find(name)) is None:
            tries += 1
            full = canonical(name)
            why = f'failed to resolve reference "{full}": {full}: not found'
            message = f'failed to pull and unpack image "{full}": {why}'
            self.tell("Pulling", f'Pulling image "{name}"')
            self.warn("Failed", f'Failed to pull image "{name}": rpc error: code = NotFound desc = {message}')
            self.warn("Failed", "Error: ErrImagePull")
            self.state.wait("ErrImagePull", f"rpc error: code = NotFound desc = {message}")
            self._worker.publish()
            delay = self._node.backoff.delay(tries + 1)
            # kubelet says ErrImagePull when the pull fails and ImagePullBackOff at its next look at the pod.
            await asyncio.sleep(min(1.0, delay / 4))
            self.tell("BackOff", f'Back-off pulling image "{name}"')
            self.warn("Failed", "Error: ImagePullBackOff")
            self.state.wait("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {message}')
            self._worker.publish()
            await asyncio.sleep(delay * 3 / 4)
        self.tell("Pulled", f'Container image "{name}" already present on machine')
        return image

    async def _configure(self, image: Image) -> list[str]:
        """The command line; waits in CreateContainerConfigError while a Secret or ConfigMap is missing."""
        while True:
            try:
                return self._prepare(image)
            except ConfigError as error:
                self.warn("Failed", f"Error: {error.message}")
                self.state.wait("CreateContainerConfigError", error.message)
                self._worker.publish()
                await self._node.changed(error.kind, namespace_of(self._worker.pod), error.name)

    def _prepare(self, image: Image) -> list[str]:
        worker, names = self._worker, self._node.names
        namespace = namespace_of(worker.pod)
        own = environment.resolve(self._node.store, worker.pod, self.spec)
        self.mounts = volumes.mount(self.spec, worker.volumes, self.cwd)
        ports = [port["containerPort"] for port in self.spec.get("ports") or []]
        base = {"PATH": image.path, "HOME": str(self.cwd), "AIRFLOW_HOME": str(self.cwd), "LANG": "C.UTF-8"}
        given = names.rewrite_env(own, namespace)
        given = {key: environment.rewrite_paths(value, self.mounts) for key, value in given.items()}
        who = environment.identity(worker.pod, str(self._node.directory), worker.ports, ports)
        given.pop("PATH", None)
        mark = f"{worker.uid}/{self.name}/{self.state.restarts}"
        self.env = {**base, **given, **who, family.MARK: mark}

        def shown(words: list[str] | None) -> list[str]:
            expanded = [environment.expand(str(word), own) for word in words or []]
            return [environment.rewrite_paths(names.rewrite(word, namespace), self.mounts) for word in expanded]

        command, args = shown(self.spec.get("command")), shown(self.spec.get("args"))
        if image.fixed:
            return [*image.entrypoint, *args]
        return [*(command or image.entrypoint), *args]

    async def _once(self, argv: list[str]) -> int:
        """One run of the process: its exit code."""
        state = self.state
        seed = f"{self._worker.uid}/{self.name}/{state.restarts}"
        state.container_id = f"containerd://{hashlib.sha256(seed.encode()).hexdigest()}"
        self.log = LogFile(self.log_path(state.restarts))
        self._start_error = ""
        self.tell("Created", f"Created container: {self.name}")
        try:
            self.process = await self._start(argv)
        except OSError as error:
            return self._not_started(argv, error)
        state.run()
        self.tell("Started", f"Started container {self.name}")
        self._begin_probes()
        self._worker.publish()
        code = await self.process.wait()
        self.stop_probes()
        self._kill_execs()
        self.finished(code)
        return code

    async def _start(self, argv: list[str]) -> ContainerProcess:
        if not argv:
            raise OSError(2, "no command specified")
        if self.log is None:
            raise RuntimeError("a container needs its log before it starts")
        if "/" not in argv[0] and shutil.which(argv[0], path=self.env["PATH"]) is None:
            raise FileNotFoundError(2, "executable file not found in $PATH", argv[0])
        pid_file = self._worker.directory / self.name / "pid"
        return await ContainerProcess.start(argv, self.env, self.cwd, self.log, pid_file)

    def _not_started(self, argv: list[str], error: OSError) -> int:
        program = argv[0] if argv else ""
        self._start_error = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            f'failed: unable to start container process: error during container init: exec: "{program}": '
            f"{(error.strerror or '').lower() if error.errno != 2 else error.strerror}: unknown"
        )
        self.warn("Failed", f"Error: {self._start_error}")
        if self.log is not None:
            self.log.close()
        self.finished(128)
        return 128

    def _begin_probes(self) -> None:
        """Probes of this run: the startup probe goes first and holds the others back."""
        state = self.state
        if self.init:
            return
        target = ProbeTarget(self._worker.ports, self._named_ports(), self.env, self.cwd)
        startup, readiness = self.spec.get("startupProbe"), self.spec.get("readinessProbe")
        if startup is None:
            state.started = True
            state.ready = readiness is None
            self._begin_steady(target)
            return

        def up() -> bool:
            state.started = True
            state.ready = readiness is None
            self._begin_steady(target)
            self._worker.publish()
            return True

        self._probe("Startup", startup, target, up, self._restart_for("startup"))

    def _begin_steady(self, target: ProbeTarget) -> None:
        if (liveness := self.spec.get("livenessProbe")) is not None:
            self._probe("Liveness", liveness, target, lambda: False, self._restart_for("liveness"))
        if (readiness := self.spec.get("readinessProbe")) is not None:
            self._probe("Readiness", readiness, target, lambda: self._ready(True), lambda: self._ready(False))

    def _probe(self, kind: str, probe: Obj, target: ProbeTarget, on_success: Any, on_threshold: Any) -> None:
        def failed(said: str) -> None:
            self.warn("Unhealthy", f"{kind} probe failed: {said}")

        task = asyncio.create_task(
            watch_probe(probe, target, on_success=on_success, on_failure=failed, on_threshold=on_threshold)
        )
        self._probes.append(task)

    def _ready(self, value: bool) -> bool:
        if self.state.ready != value:
            self.state.ready = value
            self._worker.publish()
        return False

    def _restart_for(self, kind: str) -> Any:
        def restart() -> bool:
            self.tell("Killing", f"Container {self.name} failed {kind} probe, will be restarted")
            process = self.process
            if process is not None:
                process.signal(signal.SIGTERM)
                grace = float(self._worker.spec.get("terminationGracePeriodSeconds", 30))
                asyncio.get_running_loop().call_later(grace, lambda: process.kill() if process.running else None)
            return True

        return restart

    def _named_ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for port in self.spec.get("ports") or [] if port.get("name")}
