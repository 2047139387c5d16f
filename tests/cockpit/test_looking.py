"""A pod is looked at beside everything else: the key returns at once, what comes of it is in the record."""

from __future__ import annotations

from pathlib import Path

from migration_cockpit.cockpit.cockpit import STARTING, Cockpit
from migration_cockpit.cockpit.crew import Crew
from tests.app.fixtures import opened
from tests.app.light import settings
from tests.connections.support import eventually


async def test_a_look_is_recorded_when_it_is_asked_for_and_when_it_has_failed(tmp_path: Path) -> None:
    cockpit = Cockpit(settings(), tmp_path / "session", operator="sre-1")
    assert cockpit.look_at("airflow-scheduler-0") == STARTING
    cockpit.recorder.record(opened())
    cockpit._crew = Crew(cockpit.flight, drives=lambda: True, each_second=lambda: None)
    try:
        assert cockpit.look_at("airflow-scheduler-0") == ""
        assert cockpit.look_at("airflow-scheduler-0") == "", "asked twice is read once"
        assert cockpit.state.looks["airflow-scheduler-0"].asked is not None
        assert cockpit.looks.running == ("airflow-scheduler-0",)
        # There is no such cluster: that is told, the same way round.
        looked = await eventually(lambda: cockpit.state.looks["airflow-scheduler-0"].event)
        assert "prod-eu" in looked.log_why
        assert "prod-eu" in looked.events_why
        assert cockpit.state.looks["airflow-scheduler-0"].asked is None
    finally:
        await cockpit.end_tasks()
        cockpit.recorder.close()
        cockpit.logbook.release()
