"""What a look of a guided page is given, and what the looks share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migration_cockpit.advice import failures
from migration_cockpit.config import Settings
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.prepare.shape import Seen
from migration_cockpit.session.state import State
from migration_cockpit.sources.pod_logs import last_words

PODS = 3
"""So many pods of a component have their logs read."""
SHOWN = 6


@dataclass(frozen=True)
class Scene:
    """Where it is looked, and what the session knows; an empty State where there is none."""

    connections: Connections
    state: State
    artifacts: Path | None = None
    """The session's artifacts, with its pause ledger; None where there is no session."""

    @property
    def settings(self) -> Settings:
        """The config."""
        return self.connections.settings

    async def pods(self, component: str) -> list[dict[str, Any]]:
        """The release's pods of a component. Raises KubeError."""
        release = self.settings.kubernetes.release
        return await self.connections.kube.list("pods", label=f"release={release},component={component}")

    async def lines(self, component: str) -> list[tuple[str, list[str]]]:
        """(pod, its last lines) of some pods of a component. Raises KubeError."""
        names = [each["metadata"]["name"] for each in (await self.pods(component))[:PODS]]
        return [(name, await last_words(self.connections, name)) for name in names]

    def told(self, lines: Iterable[str], kind: str, where: str) -> list[str]:
        """The known failures that lines show: each in a sentence with its first mend."""
        values = failures.known(self.state)
        return [_sentence(match, values) for match in failures.match_lines(list(lines), kind, where)]


Look = Callable[[Scene], Awaitable[Seen]]


def _sentence(match: failures.Match, values: dict[str, str]) -> str:
    mend = failures.filled(match.failure.entry.mend[0].do, {**values, **match.values})
    return f"{match.failure.title}: {match.evidence.strip()[:160]} → {mend} (failures {match.failure.id})"


def phase_of(pod: dict[str, Any]) -> str:
    """A pod in words: its phase, how many of its containers are ready, what one waits for."""
    status = pod.get("status") or {}
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waits = [
        str(waiting.get("reason", "waiting"))
        for each in every
        if (waiting := (each.get("state") or {}).get("waiting")) is not None
    ]
    ended = [
        f"exit {ended.get('exitCode')}"
        for each in every
        if (ended := (each.get("state") or {}).get("terminated")) is not None and ended.get("exitCode")
    ]
    restarts = sum(int(each.get("restartCount", 0)) for each in every)
    parts = [str(status.get("phase", "unknown")), *waits[:1], *ended[:1]]
    return " ".join([*parts, f"{restarts} restarts"] if restarts else parts)


def ready(pod: dict[str, Any]) -> bool:
    """Whether the pod says that it is ready."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def some(names: Iterable[str]) -> str:
    """The first few of them."""
    ordered = sorted(names)
    return ", ".join(ordered[:SHOWN]) + (f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else "")
