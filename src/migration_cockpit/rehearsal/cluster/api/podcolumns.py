"""A pod's row in `kubectl get pods`: the one word that sums up its state, as the server's printer finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..objects import is_true, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

Obj = dict[str, Any]


def pod_row(pod: Obj, age: Callable[[str | None], str]) -> list[Any]:
    """The cells of the pod table."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    inits = status.get("initContainerStatuses") or []
    ready = sum(bool(item["ready"] and item["state"].get("running")) for item in containers)
    word, initializing = _init_word(pod, inits)
    if not initializing:
        word = _main_word(pod, containers, word)
    counted = inits if initializing else containers
    restarts = sum(int(item["restartCount"]) for item in counted)
    ended = [
        item["lastState"]["terminated"]["finishedAt"]
        for item in counted
        if (item.get("lastState") or {}).get("terminated")
    ]
    shown = f"{restarts} ({age(max(ended))} ago)" if restarts and ended else str(restarts)
    if pod["metadata"].get("deletionTimestamp"):
        word = "Terminating"
    wide = [status.get("podIP") or "<none>", pod["spec"].get("nodeName") or "<none>", "<none>", "<none>"]
    total = len(pod["spec"]["containers"])
    return [name_of(pod), f"{ready}/{total}", word, shown, age(pod["metadata"].get("creationTimestamp")), *wide]


def _init_word(pod: Obj, inits: list[Obj]) -> tuple[str, bool]:
    """The word while init containers are at work, and whether they are."""
    status = pod.get("status") or {}
    word = str(status.get("reason") or status.get("phase") or "Unknown")
    for index, item in enumerate(inits):
        state = item["state"]
        ended = state.get("terminated")
        if ended is not None and ended["exitCode"] == 0:
            continue
        if ended is not None:
            return f"Init:{ended.get('reason') or 'ExitCode:' + str(ended['exitCode'])}", True
        waiting = (state.get("waiting") or {}).get("reason", "")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}", True
        return f"Init:{index}/{len(pod['spec'].get('initContainers') or [])}", True
    return word, False


def _main_word(pod: Obj, containers: list[Obj], word: str) -> str:
    running = False
    for item in reversed(containers):
        state = item["state"]
        if (waiting := state.get("waiting")) is not None and waiting.get("reason"):
            word = str(waiting["reason"])
        elif (ended := state.get("terminated")) is not None:
            word = str(ended.get("reason") or f"ExitCode:{ended['exitCode']}")
        elif item["ready"] and state.get("running"):
            running = True
    if word == "Completed" and running:
        word = "Running" if is_true(pod, "Ready") else "NotReady"
    return word
