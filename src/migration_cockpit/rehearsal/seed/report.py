"""What a seeded database holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeedReport:
    """Row counts of a seeded database, and the DAGs with their pause flag as somebody left it before migration day."""

    version: str
    dags: int
    paused: tuple[str, ...]
    dag_runs: int
    task_instances: int
    running: int
    queued: int
    xcoms: int
    seconds: float
