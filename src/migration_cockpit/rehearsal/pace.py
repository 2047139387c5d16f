"""How fast a rehearsal goes: the waits that are written into its config and its servers. No clock runs fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from migration_cockpit.config import STEP_IDS

MINUTES = dict(zip(STEP_IDS, (0, 5, 15, 45, 75, 105, 120, 150, 210, 240, 360), strict=True))
"""The source playbook's day: minutes from its 09:00 to each step."""
WINDOW_MINUTES = 420


@dataclass(frozen=True)
class Pace:
    """Waits in seconds: of the cockpit (`limits`, `dags`, `cadence` are tables of config.toml) and of the servers."""

    name: str
    minute: float
    """How many seconds a minute of the playbook's schedule takes."""
    window: timedelta
    limits: dict[str, float] = field(default_factory=dict)
    dags: dict[str, float] = field(default_factory=dict)
    cadence: dict[str, float] = field(default_factory=dict)
    snapshot: float = 240.0
    restore: float = 420.0
    back_off: float = 10.0
    scrape: float = 5.0
    summary: float = 600.0
    """Window of the statsd exporter's quantiles; its own default."""
    regression_percent: float = 20.0
    probe: int = 10
    migrations_wait: int = 60

    def hastened(self, limits: Mapping[str, float]) -> Pace:
        """The same with `limits` where waits are short anyway; the playbook's own waits stay what they are."""
        return self if self.name == "real" else replace(self, limits=self.limits | dict(limits))

    def planned(self, start: datetime) -> dict[str, datetime]:
        """When each step is planned for a flight that starts at `start`."""
        return {step: start + timedelta(seconds=minutes * self.minute) for step, minutes in MINUTES.items()}


REAL = Pace("real", 60.0, timedelta(minutes=WINDOW_MINUTES))

FAST = Pace(
    "fast",
    0.2,
    timedelta(hours=2),
    limits={
        "drain": 12,
        "stop_components": 30,
        "helm": 60,
        "healthy": 30,
        "external_secrets": 10,
        "smoke": 40,
        "canary": 20,
        "dags_settle": 1,
        "soak": 2,
        "heartbeat": 8,
        "message_retry": 1,
        "autoscaler_pause": 5,
    },
    dags={"critical_wait": 0.2, "normal_wait": 0.1, "observation": 1},
    cadence={"tasks": 0.5, "database": 1, "metrics": 1, "storage": 2, "health": 1, "cost": 1, "heartbeat": 10},
    snapshot=1.5,
    restore=3.0,
    back_off=0.5,
    scrape=1.0,
    summary=5.0,
    probe=1,
    migrations_wait=5,
)

FAST_WITH_AIRFLOW = Pace(
    "fast",
    0.8,
    timedelta(hours=2),
    limits={
        "drain": 60,
        "stop_components": 120,
        "helm": 120,
        "healthy": 240,
        "external_secrets": 10,
        "smoke": 180,
        "canary": 120,
        "dags_settle": 4,
        "soak": 10,
        "heartbeat": 45,
        "message_retry": 1,
        "autoscaler_pause": 5,
    },
    dags={"critical_wait": 0.5, "normal_wait": 0.3, "observation": 5},
    cadence={"tasks": 1, "database": 1, "metrics": 2, "storage": 2, "health": 2, "cost": 2, "heartbeat": 10},
    snapshot=2.0,
    restore=4.0,
    back_off=1.0,
    scrape=1.0,
    summary=5.0,
    # A cold 3.x on cores that the whole world shares, against an idle 2.x: only a scheduler that hangs shows.
    regression_percent=500.0,
    probe=5,
    migrations_wait=60,
)
"""Airflow itself takes seconds where the stand-in takes a tenth of one."""


def choose(name: str, *, airflow: str) -> Pace:
    """The pace of this name (`fast` or `real`) for the stand-in or for Airflow itself."""
    if name == "real":
        return REAL
    return FAST_WITH_AIRFLOW if airflow == "real" else FAST
