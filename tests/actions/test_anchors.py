"""The journal's head hash leaves the house at each step's end, and never holds a step up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions.anchors import REASON, Anchors
from migration_cockpit.cli import main
from migration_cockpit.connections import Connections
from migration_cockpit.rehearsal.cluster import Cluster
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.events import Note, StepEnded
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.app.fixtures import opened
from tests.connections.support import cluster, connected, eventually, make_settings


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with cluster(tmp_path) as running:
        yield running


@pytest.fixture
async def connections(world: Cluster, tmp_path: Path) -> AsyncIterator[Connections]:
    async with connected(make_settings(tmp_path, limits={"message_retry": 0.1})) as reached:
        yield reached


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    recorder = Recorder(tmp_path / "session", SystemClock(), Redactor())
    recorder.record(opened())
    return recorder


async def anchored(connections: Connections) -> list[dict[str, Any]]:
    return [each for each in await connections.kube.list("events") if each["reason"] == REASON]


async def test_a_steps_end_leaves_an_event_whose_hash_verify_finds(
    connections: Connections, recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anchors = Anchors(connections, recorder, SystemClock())
    task = asyncio.create_task(anchors.box.run())
    recorder.record(StepEnded(step="announce", outcome="verified", operator="sre-1"))
    recorder.record(Note(operator="sre-1", text="goes on at once"))
    await eventually(lambda: anchors.box.empty)
    assert [entry.text for entry in recorder.state.log if "house" in entry.text] == []
    found = await anchored(connections)
    assert len(found) == 1
    message = found[0]["message"]
    assert "step announce verified: journal event 2, head " in message
    recorder.close()
    head = message.rsplit(" ", 1)[-1]
    assert await asyncio.to_thread(main, ["verify", str(tmp_path / "session"), "--anchor", head]) == 0
    assert "event 2 at" in capsys.readouterr().out
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_where_it_cannot_be_written_that_is_said_once_and_nothing_waits(
    world: Cluster, connections: Connections, recorder: Recorder
) -> None:
    await world.stop()
    anchors = Anchors(connections, recorder, SystemClock())
    task = asyncio.create_task(anchors.box.run())
    for step in ("announce", "pause"):
        recorder.record(StepEnded(step=step, outcome="verified", operator="sre-1"))
    said = "did not leave the house"
    await eventually(lambda: any(said in entry.text for entry in recorder.state.log))
    await eventually(lambda: anchors.box.empty)
    assert sum(said in entry.text for entry in recorder.state.log) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    recorder.close()
