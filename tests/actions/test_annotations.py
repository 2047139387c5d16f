"""Steps on Grafana's dashboards, against the embedded Grafana: once each, and never in a step's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from migration_cockpit.actions.annotations import Annotate, Annotator
from migration_cockpit.actions.operation import OperationError, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Grafana, Limits, SecretRef, Settings
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.preflight import services
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.rehearsal.metrics.server import MetricsServer
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.app.fixtures import at, opened
from tests.app.light import settings as light_settings
from tests.connections.support import eventually


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MetricsServer]:
    running = MetricsServer(tmp_path)
    await running.start()
    yield running
    await running.stop()


@dataclass
class World:
    """A journal and connections to the embedded Grafana."""

    server: MetricsServer
    connections: Connections
    recorder: Recorder
    clock: SystemClock

    @property
    def site(self) -> Site:
        """Where operations act."""
        session = self.recorder.state.session
        return Site(self.connections.settings, session.session if session else "s", self.connections)

    def texts(self) -> list[str]:
        """What stands on the dashboards, the oldest first."""
        return [each["text"].partition(": ")[2] for each in self.server.grafana.annotations]

    def log(self) -> list[str]:
        """What the log says of it."""
        return [each.text for each in self.recorder.state.log if "annotation" in each.text]


def settings(server: MetricsServer, **more: Any) -> Settings:
    grafana = Grafana(url=server.grafana_url, datasource_uid=server.uid, token=SecretRef(value=server.token), **more)
    limits = msgspec.structs.replace(Limits(), message_retry=0.1)
    return msgspec.structs.replace(light_settings(), grafana=grafana, limits=limits)


@pytest.fixture
async def world(server: MetricsServer, tmp_path: Path) -> AsyncIterator[World]:
    clock = SystemClock()
    recorder = Recorder(tmp_path / "session", clock, Redactor())
    recorder.record(opened())
    connections = Connections(settings(server), Redactor(), clock)
    yield World(server, connections, recorder, clock)
    await connections.close()
    recorder.close()


async def test_each_steps_start_and_end_stand_on_the_dashboards_once(world: World) -> None:
    task = asyncio.create_task(Annotator(world.site, world.recorder, world.clock).box.run())
    world.recorder.record(ev.StepStarted(step="announce", operator="sre-1"))
    world.recorder.record(ev.StepEnded(step="announce", outcome="verified", operator="sre-1"))
    await eventually(lambda: len(world.texts()) == 2)
    assert world.texts() == ["announce begins", "announce verified"]
    first = world.server.grafana.annotations[0]
    started = world.recorder.state.steps["announce"].started
    assert started is not None
    assert first["time"] == int(started.timestamp() * 1000)
    assert "migration-cockpit" in first["tags"]
    await eventually(lambda: len(world.recorder.state.annotations) == 2)
    task.cancel()
    # A cockpit that goes on looks for what is missing, and finds it all.
    again = asyncio.create_task(Annotator(world.site, world.recorder, world.clock).box.run())
    world.recorder.record(ev.StepStarted(step="pause", operator="sre-1"))
    await eventually(lambda: len(world.texts()) == 3)
    assert world.texts()[-1] == "pause all DAGs begins"
    again.cancel()


async def test_one_that_arrived_without_its_answer_is_found_and_not_written_again(world: World) -> None:
    one = Annotate(world.site, "drain-1-start", "drain tasks begins", at("09:15"))
    assert (await one.observe()).status is Status.NOT_STARTED
    assert await one.run(None) == "written"  # type: ignore[arg-type]  # it has nothing to report
    assert (await one.observe()).status is Status.DONE
    assert await one.run(None) == "found"  # type: ignore[arg-type]  # as above
    assert len(world.texts()) == 1


async def test_each_dashboard_that_is_named_gets_its_own(world: World) -> None:
    named = settings(world.server, dashboards=("scheduler", "database"))
    site = msgspec.structs.replace(named)
    both = Annotate(Site(site, "s", world.connections), "helm-1-start", "helm upgrade begins", at("09:45"))
    await both.run(None)  # type: ignore[arg-type]  # it has nothing to report
    await both.run(None)  # type: ignore[arg-type]  # as above
    assert [each["dashboardUID"] for each in world.server.grafana.annotations] == ["scheduler", "database"]
    commands = both.describe()
    assert [each.what for each in commands] == [
        "annotation on dashboard scheduler, unless it is there",
        "annotation on dashboard database, unless it is there",
    ]
    assert world.server.token not in "".join(each.text for each in commands)


async def test_a_refusal_is_said_once_with_its_mend_and_holds_nothing_up(world: World) -> None:
    world.server.grafana.rights.discard("annotations:create")
    task = asyncio.create_task(Annotator(world.site, world.recorder, world.clock).box.run())
    for step in ("announce", "pause"):
        world.recorder.record(ev.StepStarted(step=step, operator="sre-1"))
        world.recorder.record(ev.StepEnded(step=step, outcome="verified", operator="sre-1"))
    await eventually(lambda: sum(each.tries for each in world.recorder.state.annotations.values()) == 12)
    assert world.recorder.state.steps["pause"].outcome == "verified"
    assert world.texts() == []
    assert world.log() == [
        "Grafana has no annotation of this step: Grafana: answered 403: You'll need additional permissions to perform "
        "this action. Permissions needed: annotations:create; give the service account annotations:create, or set "
        "grafana.annotate = false"
    ]
    # It is given the right: the next step stands there.
    world.server.grafana.rights.add("annotations:create")
    world.recorder.record(ev.StepStarted(step="drain", operator="sre-1"))
    await eventually(lambda: world.texts() == ["drain tasks begins"])
    task.cancel()


async def test_a_grafana_that_is_away_is_tried_again(world: World) -> None:
    await world.server.pause()
    task = asyncio.create_task(Annotator(world.site, world.recorder, world.clock).box.run())
    world.recorder.record(ev.StepStarted(step="announce", operator="sre-1"))
    await eventually(lambda: world.log() != [])
    assert "Grafana" in world.log()[0]
    await world.server.resume()
    world.recorder.record(ev.StepEnded(step="announce", outcome="verified", operator="sre-1"))
    await eventually(lambda: "announce verified" in world.texts())
    task.cancel()


async def test_a_token_that_is_refused_is_named(world: World, server: MetricsServer) -> None:
    wrong = msgspec.structs.replace(
        settings(server), grafana=Grafana(url=server.grafana_url, datasource_uid="x", token=SecretRef(value="other"))
    )
    connections = Connections(wrong, Redactor(), SystemClock())
    with pytest.raises(OperationError, match=r"answered 401: Invalid API key; check grafana\.token"):
        await Annotate(Site(wrong, "s", connections), "a", "b", at("09:15")).run(None)  # type: ignore[arg-type]  # as above
    await connections.close()


@pytest.mark.parametrize("missing", ["", "annotations:create", "annotations:read"])
async def test_check_names_the_right_that_is_missing(server: MetricsServer, missing: str) -> None:
    server.grafana.rights.discard(missing)
    connections = Connections(settings(server), Redactor(), SystemClock())
    try:
        found = await services.grafana(Place(connections.settings, connections, Path("/")))
    finally:
        await connections.close()
    told = [(each.ok, each.found) for each in found if each.name == "annotations"]
    if missing:
        assert told == [(False, f"the token has not {missing}: needed for steps on the dashboards")]
    else:
        assert told == [(True, "the token has annotations:create and annotations:read")]


async def test_the_config_turns_them_off(server: MetricsServer) -> None:
    off = Connections(settings(server, annotate=False), Redactor(), SystemClock())
    on = Connections(settings(server), Redactor(), SystemClock())
    assert (Annotator.wanted(on), Annotator.wanted(off)) == (True, False)
    found = await services.grafana(Place(off.settings, off, Path("/")))
    assert "annotations" not in {each.name for each in found}
    for each in (on, off):
        await each.close()


async def test_the_embedded_grafana_refuses_as_the_real_one_does(server: MetricsServer) -> None:
    server.grafana.rights.discard("annotations:create")
    headers = {"Authorization": f"Bearer {server.token}"}
    async with httpx.AsyncClient(headers=headers, base_url=server.grafana_url) as web:
        answer = await web.post("/api/annotations", json={"text": "step 5"})
        assert answer.status_code == 403
        told = answer.json()
        assert set(told) == {"accessErrorId", "message", "title"}
        assert told["title"] == "Access denied"
        assert told["message"].endswith("Permissions needed: annotations:create")
