"""A light cockpit for the screen's tests: a real journal, real runner and real desk, small steps."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from migration_cockpit.app.app import CockpitApp

if TYPE_CHECKING:
    from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.config import STEP_IDS, Settings, parse
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.state import State
from tests.app.fixtures import PLANNED, at


def settings() -> Settings:
    """Settings of the sample deployment."""
    times: dict[str, Any] = {step: at(PLANNED[step]) for step in STEP_IDS} | {"window_end": at("16:00")}
    return parse(
        {
            "deployment": {
                "name": "airflow-prod",
                "production": True,
                "source_version": "2.11.2",
                "target_version": "3.2.2",
                "on_call": "sre-1",
            },
            "kubernetes": {"context": "prod-eu", "namespace": "airflow", "release": "airflow"},
            "helm": {"chart": "apache-airflow/airflow", "chart_version": "1.22.0", "values": ["values.yaml"]},
            "postgres": {"dsn": {"env": "DSN"}},
            "airflow": {"url": "http://localhost:8080", "username": "cockpit", "password": {"env": "PASSWORD"}},
            "dags": {"canary": "canary"},
            "slack": {"webhook": {"env": "WEBHOOK"}},
            "schedule": times,
        },
        Path("/etc/cockpit/config.toml"),
    )


class HeldClock(SystemClock):
    """Wall time stands still at a moment; durations pass."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The held moment."""
        return self.moment


class Still:
    """A cockpit that holds one State and does nothing."""

    def __init__(self, state: State, now: datetime) -> None:
        self.settings = settings()
        self.operator = "sre-1"
        self.state = state
        self.clock = HeldClock(now)
        self.recorder = SimpleNamespace(listeners=[], write_error="", record=lambda _event: None)

    async def start(self) -> None:
        """Nothing starts."""

    async def stop(self, reason: str) -> None:
        """Nothing stops."""


def still_app(state: State, now: datetime, **options: Any) -> CockpitApp:
    """The app over a State that stands still."""
    cockpit = cast("Cockpit", Still(state, now))
    return CockpitApp(cockpit, Desk(cockpit), **options)
