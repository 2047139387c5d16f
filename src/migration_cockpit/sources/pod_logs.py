"""The last words of a pod's container, read once and on request: of the one that failed, before it is started anew."""

from __future__ import annotations

from typing import Any

from migration_cockpit.connections import Connections

LINES = 200
"""How many lines of a log are looked at."""


async def last_words(connections: Connections, pod: str) -> list[str]:
    """The last lines of the container that keeps the pod from being well, else of its main one; none when it is gone.

    Raises KubeError.
    """
    label = f"release={connections.settings.kubernetes.release}"  # to list is a right that the pods pane has already
    found = [each for each in await connections.kube.list("pods", label=label) if each["metadata"]["name"] == pod]
    if not found:
        return []
    container, previous = _container(found[0])
    lines = connections.kube.log(pod, container=container, tail=LINES, previous=previous, timestamps=False)
    return [line async for line in lines]


def _container(pod: Any) -> tuple[str, bool]:
    """Which container, and whether its last run is meant: one that waits out a back-off has no log of its own."""
    status = pod.get("status") or {}
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = each.get("state") or {}
        ended = state.get("terminated")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if state.get("waiting") is not None and (each.get("lastState") or {}).get("terminated"):
            return str(each["name"]), True
        if ended is not None:
            return str(each["name"]), False
    return str(((pod.get("spec") or {}).get("containers") or [{}])[0].get("name", "")), False
