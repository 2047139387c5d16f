"""Events of what is read on demand: somebody opened a row of a pane and wants to know more of it."""

from __future__ import annotations

from typing import ClassVar

from migration_cockpit.session.events.base import Event
from migration_cockpit.session.readings import ClusterEvent


class PodLookAsked(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An operator opened a pod: its events and its log are being read."""

    kind: ClassVar[str] = "look.asked"
    durable: ClassVar[bool] = False
    pod: str


class PodLooked(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A pod's events and the end of its log, as they were when somebody looked; or why they could not be read."""

    kind: ClassVar[str] = "look.pod"
    durable: ClassVar[bool] = False
    pod: str
    container: str = ""
    """Whose log it is: that of the container that keeps the pod from being well, else of the main one."""
    previous: bool = False
    """Whether it is the log of the container's run before: one that waits out a back-off has no log of its own."""
    log: tuple[str, ...] = ()
    log_why: str = ""
    """Why the log could not be read; empty when it was."""
    events: tuple[ClusterEvent, ...] = ()
    """The newest first."""
    events_why: str = ""
    """Why the events could not be read; empty when they were."""
