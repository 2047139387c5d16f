"""Updates on time: due half an hour after the last word, with what is true then, sent by one key or by themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions.messages import Messenger
from migration_cockpit.advice.now import advise
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.cockpit.opening import opening
from migration_cockpit.cockpit.replay.controls import REPLAY_CONTROLS
from migration_cockpit.cockpit.watches.updates import UpdateWatch
from migration_cockpit.rehearsal import faults
from migration_cockpit.rehearsal.slack import FILE_NAME, SlackSink
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from tests.connections.support import cluster, eventually, make_settings
from tests.steps import file_steps

NINE = datetime(2026, 5, 16, 9, tzinfo=UTC)


class Told(SystemClock):
    """Wall time is what the test says it is."""

    def __init__(self) -> None:
        self.at = NINE

    def now(self) -> datetime:
        return self.at


class Channel:
    """A cockpit in the middle of the day, a Slack that can be looked at, and the watch that prepares updates."""

    def __init__(self, directory: Path, slack: SlackSink, **table: Any) -> None:
        self.clock, self.slack, self.directory = Told(), slack, directory
        given = {"webhook": {"value": slack.url}, **table}
        self.settings = make_settings(directory, slack=given, limits={"message_retry": 60})
        session = directory / "session"
        self.cockpit = Cockpit(self.settings, session, operator="ada", clock=self.clock, steps=file_steps(session))
        self.desk = Desk(self.cockpit)
        self.watch = UpdateWatch(self.cockpit.recorder, self.clock, self.settings, lambda: True)
        self.record(opening(self.settings, "s"))
        self.flown("announce")

    def record(self, *events: ev.Event) -> None:
        for event in events:
            self.cockpit.recorder.record(event)

    def flown(self, step: str) -> None:
        self.record(
            ev.StepStarted(step=step, operator="ada"), ev.StepEnded(step=step, operator="ada", outcome="verified")
        )

    def later(self, minutes: float) -> None:
        """Time passes, and the watch looks."""
        self.clock.at += timedelta(minutes=minutes)
        self.watch.look()

    @property
    def heard(self) -> list[str]:
        """What the channel was told, without the line of the journal's head."""
        file = self.directory / FILE_NAME
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line)["text"].partition("\n")[0] for line in lines]

    @property
    def prepared(self) -> list[ev.UpdatePrepared]:
        """What was prepared so far, the newest only."""
        ready = self.cockpit.state.updates
        return [ev.UpdatePrepared(number=ready.number, text=ready.text)] if ready.prepared else []


@asynccontextmanager
async def channel(directory: Path, **table: Any) -> AsyncIterator[Channel]:
    slack = SlackSink(directory)
    await slack.start()
    made = Channel(directory, slack, **table)
    messenger = asyncio.create_task(Messenger(made.cockpit.connections, made.cockpit.recorder).run())
    try:
        yield made
    finally:
        messenger.cancel()
        await asyncio.gather(messenger, return_exceptions=True)
        await made.cockpit.stop("test over")
        await slack.stop()


async def test_an_update_is_ready_after_half_an_hour_and_one_key_sends_what_is_true(tmp_path: Path) -> None:
    async with channel(tmp_path) as day:
        day.later(29)
        assert day.prepared == []
        await day.desk.press("u")
        assert "the next update is due at 09:30" in day.desk.notice
        day.record(ev.StepStarted(step="pause", operator="ada"))
        day.later(1)
        assert "u sends it to the channel" in day.desk.offer
        said = day.prepared[0].text
        assert said.startswith("Airflow migration of test, 09:30 UTC: step 2 of 11, pause all DAGs, for 1 min")
        assert "14 min behind plan" in said
        assert "All done about" in said
        assert "Users: no new DAG runs start" in said
        assert any(said in line.text for line in day.cockpit.state.log), "it is shown before it is sent"
        assert advise(day.cockpit.state, day.clock.at).details[-1] == f"Update of 09:30: {said}"
        await day.desk.press("u")
        assert await eventually(lambda: day.heard) == [said]
        assert await eventually(lambda: day.cockpit.state.updates.sent) == day.clock.at
        assert day.desk.offer == ""
        day.later(29)
        assert day.prepared == []
        day.later(1)
        assert day.prepared[0].number == 2


async def test_what_is_not_true_any_more_is_prepared_anew(tmp_path: Path) -> None:
    async with channel(tmp_path) as day:
        day.later(30)
        day.later(1)
        assert day.prepared[0].number == 1, "nothing has changed"
        day.flown("pause")
        day.watch.look()
        assert "drain tasks comes next" in day.prepared[0].text
        day.later(5)
        assert day.prepared[0].number == 3
        assert "09:36 UTC" in day.prepared[0].text


async def test_one_that_was_not_taken_says_so_and_is_sent_again_as_it_is_then(tmp_path: Path) -> None:
    async with channel(tmp_path) as day:
        faults.switch(tmp_path, "webhook-down", {})
        day.later(30)
        await day.desk.press("u")
        await eventually(lambda: day.cockpit.state.updates.failed)
        assert day.desk.offer.startswith("update not sent: Slack: answered")
        assert day.desk.offer.endswith("u sends it again")
        faults.switch(tmp_path, "webhook-down", None)
        day.flown("pause")
        day.watch.look()
        await day.desk.press("u")
        heard = await eventually(lambda: day.heard)
        assert len(heard) == 1
        assert "drain tasks comes next" in heard[0], "not what was true when it failed"
        await eventually(lambda: day.cockpit.state.updates.sent)


async def test_the_config_sends_it_by_itself_or_never(tmp_path: Path) -> None:
    async with channel(tmp_path, updates="send", updates_every=600) as day:
        faults.switch(tmp_path, "webhook-down", {})
        day.later(10)
        await eventually(lambda: day.cockpit.state.updates.failed)
        faults.switch(tmp_path, "webhook-down", None)
        day.later(0.5)
        assert day.cockpit.state.updates.queued is None, "not again before limits.message_retry"
        day.later(0.5)
        heard = await eventually(lambda: day.heard)
        assert "09:11 UTC" in heard[0]
        await eventually(lambda: day.cockpit.state.updates.sent)
    (tmp_path / "other").mkdir()
    async with channel(tmp_path / "other", updates="off") as day:
        day.later(300)
        assert day.prepared == []
        await day.desk.press("u")
        assert "switched off" in day.desk.notice


async def test_there_is_nothing_to_tell_before_the_announcement_and_when_all_is_over(tmp_path: Path) -> None:
    async with channel(tmp_path) as day:
        for step in list(day.cockpit.state.steps)[1:]:
            day.flown(step)
        day.later(60)
        assert day.prepared == []
        await day.desk.press("u")
        assert "nor once it is over" in day.desk.notice


async def test_an_observer_is_offered_nothing_and_may_not_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_cockpit.sources.all_sources", lambda *_: [])
    slack = {"webhook": {"value": "http://127.0.0.1:9"}}
    async with cluster(tmp_path):
        settings, session = make_settings(tmp_path, slack=slack), tmp_path / "session"
        clocks = [Told(), Told()]
        first, second = (
            Cockpit(settings, session, operator=f"sre-{n}", clock=clock, steps=file_steps(session), observe=True)
            for n, clock in enumerate(clocks)
        )
        try:
            await first.start()
            await eventually(lambda: not first.not_driving)
            await second.start()
            await eventually(lambda: "observes" in second.not_driving)
            first.recorder.record(ev.StepStarted(step="announce", operator="ada"))
            first.recorder.record(ev.StepEnded(step="announce", operator="ada", outcome="verified"))
            for clock in clocks:
                clock.at += timedelta(minutes=31)
            await eventually(lambda: Desk(first).offer)
            await eventually(lambda: second.state.updates.prepared)
            desk = Desk(second)
            assert desk.offer == ""
            await desk.press("u")
            assert "observes" in desk.notice
        finally:
            await second.stop("test over")
            await first.stop("test over")


def test_a_replay_has_no_such_key() -> None:
    ids = {control.id for control in REPLAY_CONTROLS if "u" in control.keys}
    assert ids == {"off-update"}
