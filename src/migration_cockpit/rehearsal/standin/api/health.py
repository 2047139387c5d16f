"""The four statuses that both generations report, computed from the `job` table alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from migration_cockpit.rehearsal.standin.failures import AirflowFailure

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.api.http import Database
    from migration_cockpit.rehearsal.standin.database import Connection

_THRESHOLD = 30
"""`[scheduler] scheduler_health_check_threshold` and its two siblings, in seconds."""
_JOBS = (("scheduler", "SchedulerJob"), ("triggerer", "TriggererJob"), ("dag_processor", "DagProcessorJob"))
_NEWEST = """
SELECT job_type, latest_heartbeat, state = 'running' AND latest_heartbeat > now() - make_interval(secs => %s)
FROM (SELECT DISTINCT ON (job_type) job_type, latest_heartbeat, state FROM job WHERE job_type = ANY(%s)
      ORDER BY job_type, (state = 'running') DESC, latest_heartbeat DESC) AS newest
"""


def health(database: Database) -> dict[str, dict[str, Any]]:
    """The body of the health endpoints. `null` means never seen; HTTP is 200 whatever the statuses."""
    from migration_cockpit.rehearsal.standin.api.http import Response

    try:
        found = database.run(lambda session: Response(200, _newest(session))).content
        metadatabase = "healthy"
    except (psycopg.Error, AirflowFailure):
        found, metadatabase = {}, "unhealthy"
    jobs: dict[str, tuple[str, bool]] = found if isinstance(found, dict) else {}
    body: dict[str, dict[str, Any]] = {"metadatabase": {"status": metadatabase}}
    for name, kind in _JOBS:
        seen = jobs.get(kind)
        # A scheduler that nobody has seen is unhealthy; the other two may not be wanted at all.
        status = ("healthy" if seen[1] else "unhealthy") if seen else ("unhealthy" if name == "scheduler" else None)
        body[name] = {"status": status, f"latest_{name}_heartbeat": seen[0] if seen else None}
    return body


def _newest(session: Connection) -> dict[str, tuple[str, bool]]:
    rows = session.execute(_NEWEST, (_THRESHOLD, [kind for _, kind in _JOBS])).fetchall()
    return {str(kind): (beat.isoformat(), bool(alive)) for kind, beat, alive in rows}
