"""The journal's head hash leaves the house at each step's end, so that nobody can write the journal anew unnoticed.

It goes into an Event of the namespace; messages to the people carry it too. It never holds a step up: what cannot be
written is said once in the log, and the next step's end carries everything before it as well.
"""

from __future__ import annotations

from migration_cockpit.actions.outbox import Outbox
from migration_cockpit.actions.site import slug
from migration_cockpit.connections import Connections, WorldError
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.recorder import Recorder

REASON = "JournalAnchored"


def head_words(recorder: Recorder) -> str:
    """The head of the journal as it goes out, to be given to `verify --anchor`."""
    seq, head = recorder.head
    return f"journal event {seq}, head {head}"


class Anchors:
    """Writes an Event for each step's end. Its box runs as a task of its own."""

    def __init__(self, connections: Connections, recorder: Recorder, clock: Clock) -> None:
        self._connections, self._recorder, self._clock = connections, recorder, clock
        self._failing = ""
        pause = connections.settings.limits.message_retry
        self.box: Outbox[tuple[str, str]] = Outbox(self._written, clock, pause=pause)
        """What is still to be written."""
        recorder.listeners.append(self._heard)

    def _heard(self, entry: object, _: object) -> None:
        event = getattr(entry, "event", None)
        if isinstance(event, ev.StepEnded):
            self._put(f"step {event.step} {event.outcome}")
        elif isinstance(event, ev.RollbackEnded):
            self._put(f"rollback {event.outcome}")

    def _put(self, what: str) -> None:
        # Now, not when it is sent: the hash of the line that ends the step.
        self.box.put((what, head_words(self._recorder)))

    async def _written(self, anchor: tuple[str, str]) -> bool:
        what, head = anchor
        try:
            await self._connections.kube.create("events", self._event(what, head))
        except WorldError as error:
            if error_exists(error):
                return True
            if str(error) != self._failing:
                self._failing = str(error)
                said = f"the journal's head hash did not leave the house: {error}"
                self._recorder.record(ev.LogLine(source="cockpit", text=said, level="careful"))
            return False
        self._failing = ""
        return True

    def _event(self, what: str, head: str) -> dict[str, object]:
        """The Event; its name is of the hash, so that a second try finds the first one."""
        namespace = self._connections.settings.kubernetes.namespace
        session = self._recorder.state.session
        name = session.session if session else "session"
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{slug(name)}.{head.rsplit(' ', 1)[-1][:16]}", "namespace": namespace},
            "involvedObject": {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "namespace": namespace},
            "reason": REASON,
            "message": f"migration {name}, {what}: {head}",
            "type": "Normal",
            "source": {"component": "migration-cockpit"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def error_exists(error: WorldError) -> bool:
    """Whether the Event is there already: an earlier try arrived although its answer did not."""
    return bool(getattr(error, "conflict", False))
