"""Messages to the people: sent beside the steps, tried again until they go out, never holding a step up."""

from __future__ import annotations

import asyncio
import json

from migration_cockpit.actions.anchors import head_words
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import Connections, WorldError
from migration_cockpit.session import events as ev
from migration_cockpit.session.events import Command
from migration_cockpit.session.events.updates import LASTS
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import MessageState


class SendMessage:
    """A message through Slack's incoming webhook, for a step's sheet and for the messenger that sends it."""

    def __init__(self, site: Site, name: str, text: str) -> None:
        """`name` is unique in the session."""
        self._site = site
        self.name = f"message-{name}"
        self._text = text
        self.key = f"{site.slug}-message-{name}"

    def describe(self) -> tuple[Command, ...]:
        """The webhook call; the address itself is a secret."""
        slack = self._site.settings.slack
        if slack is None:
            return (Command(text=f"# tell the people: {self._text}", what="there is no [slack] in the config"),)
        body = json.dumps({"text": self._text}, ensure_ascii=False).replace("'", "'\\''")
        text = f"curl -X POST -H 'Content-Type: application/json' \"$SLACK_WEBHOOK\" -d '{body}'"
        return (Command(text=text, what=f"message to {slack.channel}, with the journal's head hash"),)

    async def run(self, report: Report) -> str:
        """Send it once. Raises OperationError."""
        try:
            await self._site.live.slack_post(self._text)
        except WorldError as error:
            raise OperationError(str(error)) from error
        report.line("cockpit", f"{self.name} sent", level="good")
        return "sent"

    async def observe(self) -> Observation:
        """A webhook cannot be asked what it took; the journal knows what was acknowledged."""
        return Observation(Status.NOT_STARTED, "a webhook cannot be asked")


class Messenger:
    """Sends what State has queued, oldest first, and tries again what failed after limits.message_retry seconds."""

    def __init__(self, connections: Connections, recorder: Recorder) -> None:
        """Runs as a task of its own; the recorder's events wake it."""
        self._connections = connections
        self._recorder = recorder
        self._wake = asyncio.Event()
        self._taken: set[str] = set()
        """Messages that Slack took, some of which the journal may not have taken yet: they do not go out again."""
        recorder.listeners.append(self._heard)

    def _heard(self, entry: object, _: object) -> None:
        if isinstance(getattr(entry, "event", None), ev.MessageQueued):
            self._wake.set()

    async def run(self) -> None:
        """Send for ever; without a webhook there is nothing to do."""
        if self._connections.settings.slack is None:
            return
        retry = max(0.1, self._connections.settings.limits.message_retry)
        while True:
            self._wake.clear()
            failed = False
            for name, message in self._recorder.state.messages.items():
                if message.sent is not None or self._outdated(message):
                    continue
                gone = await self._sent(name, message.text)
                failed = failed or (not gone and message.step != ev.UPDATE)
            try:
                async with asyncio.timeout(retry if failed else None):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _outdated(self, message: MessageState) -> bool:
        """Whether an update was true once: it is not tried again by itself, another one is prepared."""
        if message.step != ev.UPDATE:
            return False
        return bool(message.tries) or self._recorder.clock.now() - message.queued >= LASTS

    async def _sent(self, name: str, text: str) -> bool:
        """Send it unless it is sent; False when that, or writing it down, is to be tried again."""
        try:
            return await self._send(name, text)
        except JournalError:
            return False

    async def _send(self, name: str, text: str) -> bool:
        if self._recorder.write_error and name not in self._taken:
            return False  # What cannot be written down would go out twice.
        try:
            if name not in self._taken:
                await self._connections.slack_post(f"{text}\n_{head_words(self._recorder)}_")
                self._taken.add(name)
        except WorldError as error:
            self._recorder.record(ev.MessageTried(message=name, sent=False, detail=str(error)))
            return False
        self._recorder.record(ev.MessageTried(message=name, sent=True))
        return True
