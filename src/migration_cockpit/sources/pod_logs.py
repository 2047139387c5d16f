"""A pod's events and the end of its log, read once and on request: of the container that failed, before it is started
anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from migration_cockpit.connections import Connections, Unreachable
from migration_cockpit.session.events import PodLooked
from migration_cockpit.session.readings import ClusterEvent
from migration_cockpit.sources import pod_phase
from migration_cockpit.sources.loop import explain

LINES = 200
"""How many lines of a log are looked at."""
WIDEST = 500
"""Characters of a line that are kept."""
EVENTS = 30
"""How many events of a pod are kept, the newest."""
LOOK_SECONDS = 8.0
"""What takes longer has failed: the rest is shown, and says so."""
T = TypeVar("T")


async def last_words(connections: Connections, pod: str) -> list[str]:
    """The last lines of the container that keeps the pod from being well, else of its main one; none when it is gone.

    Raises KubeError.
    """
    label = f"release={connections.settings.kubernetes.release}"  # to list is a right that the pods pane has already
    found = [each for each in await connections.kube.list("pods", label=label) if each["metadata"]["name"] == pod]
    if not found:
        return []
    container, previous = _container(found[0])
    return await _tail(connections, pod, container, previous=previous)


async def look(connections: Connections, pod: str) -> PodLooked:
    """A pod's events and the end of its log. Each is read in its own time; what cannot be read says why. Raises nothing
    but its cancellation."""
    (log, log_why), (events, events_why) = await asyncio.gather(
        _within(_log(connections, pod)), _within(_events(connections, pod))
    )
    container, previous, lines = log or ("", False, ())
    return PodLooked(
        pod=pod,
        container=container,
        previous=previous,
        log=lines,
        log_why=log_why,
        events=events or (),
        events_why=events_why,
    )


async def _within(reading: Awaitable[T]) -> tuple[T | None, str]:
    """What was read in time, or None and why not."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await reading, ""
    except TimeoutError:
        return None, f"no answer within {LOOK_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001  # the boundary at which failures become words
        return None, explain(error)


async def _log(connections: Connections, pod: str) -> tuple[str, bool, tuple[str, ...]]:
    label = f"release={connections.settings.kubernetes.release}"
    found = [each for each in await connections.kube.list("pods", label=label) if each["metadata"]["name"] == pod]
    if not found:
        raise Unreachable("Kubernetes", f"there is no pod {pod} any more")
    container, previous = _container(found[0])
    lines = await _tail(connections, pod, container, previous=previous)
    return container, previous, tuple(each[:WIDEST] for each in lines)


async def _events(connections: Connections, pod: str) -> tuple[ClusterEvent, ...]:
    found = await connections.kube.list("events", field=f"involvedObject.name={pod}")
    newest = sorted((pod_phase.event(each) for each in found), key=lambda one: one.last, reverse=True)
    return tuple(newest[:EVENTS])


async def _tail(connections: Connections, pod: str, container: str, *, previous: bool) -> list[str]:
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
