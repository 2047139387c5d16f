"""What went wrong in a session, found in its events: from when to when, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from migration_cockpit.session import events as ev
from migration_cockpit.session.state import STEP_TITLES
from migration_cockpit.session.words import plural

CALM = frozenset({"", "WORKING", "DONE"})
"""Verdicts on the migration that are no incident."""
AWAY = timedelta(seconds=10)
"""A shorter absence of the cockpit is a restart, not an incident."""
STILL = frozenset({"health", "metrics", "tasks"})
"""Sources that have nothing to read while Airflow is down for the migration."""
AGAIN = timedelta(seconds=60)
"""A source that fails again sooner than this has one incident, not two."""
MOST = 200
"""Incidents that are told one by one; more are counted."""


@dataclass(frozen=True)
class Incident:
    """One thing that went wrong. `ended` None: it had not ended when the journal did."""

    what: str
    began: datetime
    cause: str
    ended: datetime | None = None
    times: int = 1
    """How often it came back, close together."""
    expected: bool = False
    """It began and ended while Airflow stood still on purpose, and is of what then cannot be read."""

    @property
    def label(self) -> str:
        """What it was, and how often where that was more than once."""
        return self.what + (f" ({plural(self.times, 'time')})" if self.times > 1 else "")


class Incidents:
    """Watches the events of a session for what went wrong."""

    def __init__(self) -> None:
        self.left_off = 0
        """Incidents beyond those that are kept."""
        self._over: list[Incident] = []
        self._open: dict[str, Incident] = {}
        self._last: datetime | None = None
        self._left = ""
        self._still = False
        """Whether Airflow stands still on purpose: from the Helm upgrade until its components are healthy again."""
        self._watch: dict[type[ev.Event], Callable[[ev.Event, datetime], None]] = {
            ev.SourceFailed: self._source_failed,
            ev.SourceRecovered: self._source_recovered,
            ev.StepStarted: self._step_started,
            ev.StepEnded: self._step_ended,
            ev.VerdictChanged: self._verdict,
            ev.MessageTried: self._message,
            ev.DriverChanged: self._driver,
            ev.SessionClosed: self._closed,
        }

    def see(self, event: ev.Event, t: datetime) -> None:
        """Take note of an event."""
        watch = self._watch.get(type(event))
        if watch is not None:
            watch(event, t)
        self._last = t

    def told(self) -> list[Incident]:
        """All of them, in the order in which they began."""
        return sorted([*self._over, *self._open.values()], key=lambda each: each.began)

    def _begin(self, key: str, what: str, t: datetime, cause: str, *, expected: bool = False) -> None:
        before = self._open.get(key)
        if before is not None:
            if cause not in before.cause and len(before.cause) < 400:
                self._open[key] = replace(before, cause=f"{before.cause}; then: {cause}")
            return
        recent = next((each for each in reversed(self._over[-20:]) if each.what == what), None)
        if recent is not None and recent.ended is not None and t - recent.ended < AGAIN and recent.expected == expected:
            self._over.remove(recent)
            same = recent.cause if cause in recent.cause else f"{recent.cause}; then: {cause}"
            self._open[key] = replace(recent, ended=None, times=recent.times + 1, cause=same[:600])
            return
        self._open[key] = Incident(what, t, cause, expected=expected)

    def _end(self, key: str, t: datetime) -> None:
        incident = self._open.pop(key, None)
        if incident is None:
            return
        if len(self._over) >= MOST:
            self.left_off += 1
            return
        self._over.append(replace(incident, ended=t, expected=incident.expected and self._still))

    def _source_failed(self, event: ev.Event, t: datetime) -> None:
        assert isinstance(event, ev.SourceFailed)
        still = self._still and event.source in STILL
        self._begin(f"source {event.source}", f"{event.source} could not be read", t, event.why, expected=still)

    def _source_recovered(self, event: ev.Event, t: datetime) -> None:
        assert isinstance(event, ev.SourceRecovered)
        self._end(f"source {event.source}", t)

    def _step_started(self, event: ev.Event, t: datetime) -> None:
        assert isinstance(event, ev.StepStarted)
        self._still = self._still or event.step == "helm"

    def _step_ended(self, event: ev.Event, t: datetime) -> None:
        assert isinstance(event, ev.StepEnded)
        key, title = f"step {event.step}", STEP_TITLES.get(event.step, event.step)
        if event.step == "migrate":
            self._end("verdict", t)
        if event.step == "healthy" and event.outcome not in {"failed", "aborted"}:
            self._still = False
        if event.outcome in {"failed", "aborted"}:
            self._begin(key, f"step {title} {event.outcome}", t, event.why)
        else:
            self._end(key, t)

    def _verdict(self, event: ev.Event, t: datetime) -> None:
        assert isinstance(event, ev.VerdictChanged)
        self._end("verdict", t)
        if event.verdict not in CALM:
            self._begin("verdict", f"the migration was {event.verdict}", t, event.evidence)

    def _message(self, event: ev.Event, t: datetime) -> None:
        assert isinstance(event, ev.MessageTried)
        key = f"message {event.message}"
        if event.sent:
            self._end(key, t)
        else:
            self._begin(key, f"message {event.message} did not go out", t, event.detail)

    def _driver(self, event: ev.Event, t: datetime) -> None:
        assert isinstance(event, ev.DriverChanged)
        if self._last is not None and t - self._last >= AWAY:
            cause = f"left: {self._left}" if self._left else "it ended without a word: killed, or the machine went down"
            self._begin("away", "no cockpit watched", self._last, cause)
            self._end("away", t)
        self._left = ""

    def _closed(self, event: ev.Event, t: datetime) -> None:
        assert isinstance(event, ev.SessionClosed)
        self._left = event.reason
