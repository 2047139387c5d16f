"""Prepares an update for the channel when one is due, and sends it where the config says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from migration_cockpit.advice import updates
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.times import clock as hour
from migration_cockpit.config import Settings
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import Clock
from migration_cockpit.session.events.updates import LASTS
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import State
from migration_cockpit.session.words import long

EVERY = 1.0


class UpdateWatch:
    """Works on State, the clock and the settings; the messenger sends what is queued here."""

    def __init__(
        self, recorder: Recorder, clock: Clock, settings: Settings, drives: Callable[[], bool], rates: Rates = BUILT_IN
    ) -> None:
        """`drives` says whether this cockpit flies: no other prepares anything."""
        self._recorder, self._clock, self._settings, self._drives = recorder, clock, settings, drives
        self._rates = rates
        self._place: tuple[str, str] = ("", "")

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            with suppress(JournalError):  # the recorder's write_error says it
                self.look()
            await self._clock.sleep(EVERY)

    def look(self) -> None:
        """Prepare what is due, or again what is not true any more; send it where that is the config's will.

        Raises JournalError.
        """
        slack = self._settings.slack
        if slack is None or slack.updates == "off" or not self._drives():
            return
        state, now = self._recorder.state, self._clock.now()
        due = updates.due_at(state, slack.updates_every)
        if due is None or now < due or updates.on_its_way(state, now):
            return
        made = state.updates.prepared
        place = updates.place(state)
        stale = made is None or now - made >= LASTS or place != self._place
        again = timedelta(seconds=self._settings.limits.message_retry)
        retry = slack.updates == "send" and made is not None and bool(state.updates.failed) and now - made >= again
        if stale or retry:
            self._place = place
            said = updates.text(state, now, self._settings.limits, self._rates)
            number = state.updates.number + 1
            state = self._recorder.record(ev.UpdatePrepared(number=number, text=said))
            if slack.updates == "send":
                queue(self._recorder)


def queue(recorder: Recorder) -> None:
    """Queue the update that is prepared. Raises JournalError."""
    ready = recorder.state.updates
    name = f"update-{ready.number}"
    if name in recorder.state.messages:  # it was tried and not taken: another attempt is another message
        name = f"{name}-{sum(each.startswith(f'{name}') for each in recorder.state.messages) + 1}"
    recorder.record(ev.MessageQueued(message=name, step=ev.UPDATE, text=ready.text))


def refusal(state: State, now: datetime, settings: Settings) -> str:
    """Why there is no update to send; empty when there is one."""
    slack = settings.slack
    if slack is None:
        return "there is no [slack] in the config: tell the people yourself"
    if slack.updates == "off":
        return "updates are switched off (slack.updates); m writes a message"
    if updates.on_its_way(state, now):
        return "the update is on its way"
    due, made = updates.due_at(state, slack.updates_every), state.updates.prepared
    if due is None:
        return "no update is due before the announcement, nor once it is over; m writes a message"
    if made is None:
        return f"the next update is due at {hour(due)}; m writes a message before"
    return ""


def offer(state: State, now: datetime) -> str:
    """What is said while an update waits to be sent; empty when none does."""
    ready = state.updates
    if ready.prepared is None or updates.over(state) or updates.on_its_way(state, now):
        return ""
    if ready.failed:
        return f"update not sent: {ready.failed} · u sends it again"
    since = long((now - ready.prepared).total_seconds())
    return f"update ready since {since}: u sends it to the channel, a shows it"
