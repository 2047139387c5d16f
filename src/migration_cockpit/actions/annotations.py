"""Steps as annotations on Grafana's dashboards: their start and their end, beside what they did to the metrics.

It never holds a step up: what cannot be written is said once in the log. Each has a tag of its own, made of session and
step, by which an earlier try is found: it stands on a dashboard once, however often it is tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from migration_cockpit.actions.operation import Observation, OperationError, Report, Silent, Status
from migration_cockpit.actions.outbox import Outbox
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import Connections, WorldError
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.events import Command
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import STEP_TITLES, State

TAG = "migration-cockpit"
PATH = "/api/annotations"


class Annotate:
    """An annotation at a moment: on each of grafana.dashboards, or on the organisation where none is named."""

    def __init__(self, site: Site, name: str, text: str, at: datetime) -> None:
        """`name` is unique in the session."""
        self._site = site
        self.name = f"annotate-{name}"
        self.key = f"{site.slug}-{name}"
        self._text = text
        self._at = int(at.timestamp() * 1000)

    @property
    def _dashboards(self) -> tuple[str, ...]:
        grafana = self._site.settings.grafana
        return (grafana.dashboards if grafana else ()) or ("",)

    def _body(self, dashboard: str) -> dict[str, object]:
        body: dict[str, object] = {"time": self._at, "text": self._text, "tags": [TAG, self.key]}
        return body | ({"dashboardUID": dashboard} if dashboard else {})

    def describe(self) -> tuple[Command, ...]:
        """The calls; the token is a secret."""
        grafana = self._site.settings.grafana
        if grafana is None:
            return ()
        commands = []
        for dashboard in self._dashboards:
            body = json.dumps(self._body(dashboard), ensure_ascii=False).replace("'", "'\\''")
            head = "-H \"Authorization: Bearer $GRAFANA_TOKEN\" -H 'Content-Type: application/json'"
            where = f"dashboard {dashboard}" if dashboard else "the organisation"
            text = f"curl -X POST {head} {grafana.url.rstrip('/')}{PATH} -d '{body}'"
            commands.append(Command(text=text, what=f"annotation on {where}, unless it is there"))
        return tuple(commands)

    async def run(self, report: Report) -> str:
        """Write it where it is missing. Raises OperationError."""
        try:
            missing = await self._missing()
            for dashboard in missing:
                await self._site.live.grafana_call("POST", PATH, body=self._body(dashboard))
        except WorldError as error:
            raise OperationError(str(error)) from error
        return "written" if missing else "found"

    async def observe(self) -> Observation:
        """Whether it is there, by its tag."""
        try:
            missing = await self._missing()
        except WorldError as error:
            return Observation(Status.NOT_STARTED, str(error))
        if not missing:
            return Observation(Status.DONE, f"tag {self.key}")
        return Observation(Status.NOT_STARTED, f"no annotation with the tag {self.key}")

    async def _missing(self) -> list[str]:
        left = []
        for dashboard in self._dashboards:
            asked = {"tags": self.key} | ({"dashboardUID": dashboard} if dashboard else {})
            found = await self._site.live.grafana_call("GET", PATH, params=asked)
            if not isinstance(found, list):
                raise WorldError("Grafana answered with something else than a list of annotations")
            if not found:
                left.append(dashboard)
        return left


class Annotator:
    """Writes them as steps begin and end. Its box runs as a task of its own."""

    def __init__(self, site: Site, recorder: Recorder, clock: Clock) -> None:
        self._site, self._recorder = site, recorder
        self.box: Outbox[Annotate] = Outbox(self._written, clock, pause=site.settings.limits.message_retry)
        """What is still to be written."""
        for name, text, at in _left(recorder.state):
            self._put(name, text, at)
        recorder.listeners.append(self._heard)

    @classmethod
    def wanted(cls, connections: Connections) -> bool:
        """Whether the config has a Grafana, and does not turn annotations off."""
        grafana = connections.settings.grafana
        return grafana is not None and grafana.annotate

    def _heard(self, entry: object, state: object) -> None:
        event, at = getattr(entry, "event", None), getattr(entry, "t", None)
        if at is None or not isinstance(state, State):
            return
        if isinstance(event, ev.StepStarted):
            self._put(*_begin(event.step, event.attempt, at))
        elif isinstance(event, ev.StepEnded):
            self._put(*_end(event.step, state.attempt(event.step), event.outcome, at))
        elif isinstance(event, ev.RollbackStarted):
            number = state.rollback.number if state.rollback else 1
            self._put(f"rollback-{number}-start", f"rollback begins: {event.reason}", at)
        elif isinstance(event, ev.RollbackEnded):
            number = state.rollback.number if state.rollback else 1
            self._put(f"rollback-{number}-end", f"rollback {event.outcome}", at)

    def _put(self, name: str, text: str, at: datetime) -> None:
        session = self._recorder.state.session
        where = f"{session.deployment} {session.source_version} → {session.target_version}: " if session else ""
        self.box.put(Annotate(self._site, name, f"{where}{text}", at))

    async def _written(self, annotation: Annotate) -> bool:
        made, detail = True, ""
        try:
            await annotation.run(Silent())
        except OperationError as error:
            made, detail = False, str(error)
        with suppress(JournalError):
            self._recorder.record(ev.AnnotationTried(annotation=annotation.key, made=made, detail=detail))
        return made


def _begin(step: str, attempt: int, at: datetime) -> tuple[str, str, datetime]:
    again = f", attempt {attempt}" if attempt > 1 else ""
    return f"{step}-{attempt}-start", f"{STEP_TITLES.get(step, step)} begins{again}", at


def _end(step: str, attempt: int, outcome: str, at: datetime) -> tuple[str, str, datetime]:
    return f"{step}-{attempt}-end", f"{STEP_TITLES.get(step, step)} {outcome}", at


def _left(state: State) -> Iterator[tuple[str, str, datetime]]:
    """What a cockpit that is gone, or one that did not annotate, has not written: starts and ends of steps."""
    done = [key for key, each in state.annotations.items() if each.made is not None]
    for step in state.steps.values():
        marks = []
        if step.started is not None:
            marks.append(_begin(step.id, step.attempt, step.started))
        if step.started is not None and step.ended is not None:
            marks.append(_end(step.id, step.attempt, step.outcome, step.ended))
        for mark in marks:
            if not any(key.endswith(f"-{mark[0]}") for key in done):
                yield mark
