"""What differs between the HTTP API of Airflow 2 and 3, side by side [run against 2.11.2 and 3.2.2]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """One generation of the API."""

    major: int
    base: str
    health: str
    token: str
    """Where a token is fetched; empty: basic auth."""
    pattern: str
    """Value of dag_id_pattern that matches every DAG."""
    pages: bool
    """Whether a bulk change reaches only the page that `limit` and `offset` cut out."""

    def run_body(self, run_id: str, conf: dict[str, Any]) -> dict[str, Any]:
        """Body of a trigger."""
        body: dict[str, Any] = {"dag_run_id": run_id, "conf": conf}
        if self.major >= 3:
            # Mandatory in 3.x; null lets the run have no logical date, so it never collides with another.
            body["logical_date"] = None
        return body

    def heartbeat_key(self, component: str) -> str:
        """Where the health endpoint keeps a component's heartbeat."""
        return f"latest_{component}_heartbeat"


V2 = Dialect(
    major=2,
    base="/api/v1",
    health="/api/v1/health",
    token="",
    # `~` and `%` both match all; without the parameter 2.x answers 400.
    pattern="%",
    pages=True,
)

V3 = Dialect(
    major=3,
    base="/api/v2",
    # /api/v2/health is 404; it answers 200 even while the scheduler is unhealthy: the body counts.
    health="/api/v2/monitor/health",
    token="/auth/token",  # noqa: S106  # a path
    # Without any filter 3.x answers 200 and changes nothing.
    pattern="~",
    pages=False,
)

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
"""The parts of the health answer, in both generations."""
PAGE = 100
"""The largest page that both generations give; `limit=1000` is cut to it without a word."""
