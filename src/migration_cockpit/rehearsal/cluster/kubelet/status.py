"""Pod status as kubelet writes it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from ..objects import put_condition, stamp
from ..registry import qos_class

Obj = dict[str, Any]


@dataclass(slots=True)
class ContainerState:
    """What kubelet knows of one container: exactly one of `waiting`, `running`, `terminated` is set."""

    name: str
    image: str
    waiting: Obj | None = None
    running: Obj | None = None
    terminated: Obj | None = None
    last: Obj | None = None
    restarts: int = 0
    ready: bool = False
    started: bool = False
    container_id: str = ""
    mounts: list[Obj] = field(default_factory=list)

    def wait(self, reason: str, message: str = "") -> None:
        """Not running, for `reason`; a run that ended becomes the last state."""
        if self.terminated is not None:
            self.last = self.terminated
        self.waiting = {"reason": reason, **({"message": message} if message else {})}
        self.running = self.terminated = None
        self.ready = self.started = False

    def run(self) -> None:
        """Running from now on."""
        if self.terminated is not None:
            self.last = self.terminated
        self.running = {"startedAt": stamp()}
        self.waiting = self.terminated = None

    def end(self, code: int, reason: str, message: str = "") -> None:
        """Ended with exit code `code`."""
        started = (self.running or {}).get("startedAt") or stamp()
        self.terminated = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": stamp()}
        if message:
            self.terminated["message"] = message
        if self.container_id:
            self.terminated["containerID"] = self.container_id
        self.waiting = self.running = None
        self.ready = self.started = False

    def body(self) -> Obj:
        """The `ContainerStatus`."""
        state = next(
            {name: dict(value)}
            for name, value in (
                ("running", self.running),
                ("terminated", self.terminated),
                ("waiting", self.waiting or {"reason": "ContainerCreating"}),
            )
            if value is not None
        )
        body: Obj = {
            "name": self.name,
            "state": state,
            "lastState": {"terminated": self.last} if self.last else {},
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.image,
            "imageID": "",
            "started": self.started,
        }
        if self.container_id:
            body["containerID"] = self.container_id
            body["imageID"] = (
                f"{self.image.rpartition(':')[0]}@sha256:{hashlib.sha256(self.image.encode()).hexdigest()}"
            )
        return body


def phase_of(spec: Obj, inits: list[ContainerState], mains: list[ContainerState]) -> str:
    """The pod's phase, by kubelet's rules (getPhase)."""
    never = spec["restartPolicy"] == "Never"
    for state in inits:
        ended = state.terminated or (state.last if state.waiting else None)
        if state.terminated is not None and state.terminated["exitCode"] == 0:
            continue
        if ended is not None and ended["exitCode"] != 0 and never:
            return "Failed"
        return "Pending"
    if any(state.waiting is not None and state.last is None for state in mains):
        return "Pending"
    if any(state.running is not None for state in mains):
        return "Running"
    if spec["restartPolicy"] == "Always":
        return "Running"
    codes = [(state.terminated or state.last or {"exitCode": 1})["exitCode"] for state in mains]
    if all(code == 0 for code in codes):
        return "Succeeded"
    return "Failed" if never else "Running"


def compose(pod: Obj, inits: list[ContainerState], mains: list[ContainerState], phase: str, *, sandbox: bool) -> Obj:
    """The whole `PodStatus`, keeping the transition times of the conditions in `pod`."""
    old = pod.get("status") or {}
    status: Obj = {"phase": phase}
    conditions = list(old.get("conditions") or [])
    conditions = put_condition(
        conditions, "PodReadyToStartContainers", "True" if sandbox else "False", lastProbeTime=None
    )
    if phase == "Succeeded":
        done: tuple[str, str] = ("PodCompleted", "")
        conditions = put_condition(conditions, "Initialized", "True", *done, lastProbeTime=None)
        for kind in ("Ready", "ContainersReady"):
            conditions = put_condition(conditions, kind, "False", *done, lastProbeTime=None)
    else:
        pending = [s.name for s in inits if not (s.terminated is not None and s.terminated["exitCode"] == 0)]
        conditions = put_condition(
            conditions,
            "Initialized",
            "False" if pending else "True",
            "ContainersNotInitialized" if pending else "",
            f"containers with incomplete status: [{' '.join(pending)}]" if pending else "",
            lastProbeTime=None,
        )
        unready = [s.name for s in mains if not s.ready]
        text = f"containers with unready status: [{' '.join(unready)}]" if unready else ""
        reason = "PodFailed" if phase == "Failed" else "ContainersNotReady" if unready else ""
        for kind in ("Ready", "ContainersReady"):
            ok = "False" if unready or phase == "Failed" else "True"
            conditions = put_condition(
                conditions, kind, ok, reason, "" if phase == "Failed" else text, lastProbeTime=None
            )
    status["conditions"] = sorted(conditions, key=lambda c: _ORDER.index(c["type"]) if c["type"] in _ORDER else 9)
    status["hostIP"] = "127.0.0.1"
    status["hostIPs"] = [{"ip": "127.0.0.1"}]
    if sandbox:
        status["podIP"] = "127.0.0.1"
        status["podIPs"] = [{"ip": "127.0.0.1"}]
    status["startTime"] = old.get("startTime") or stamp()
    if inits:
        status["initContainerStatuses"] = [state.body() for state in inits]
    status["containerStatuses"] = [state.body() for state in mains]
    status["qosClass"] = old.get("qosClass") or qos_class(pod)
    return status


_ORDER = ("DisruptionTarget", "PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
