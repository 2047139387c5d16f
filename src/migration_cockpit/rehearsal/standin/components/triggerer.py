"""`airflow triggerer`: in the rehearsal no task is deferred, so it lives and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.components.process import Process
from migration_cockpit.rehearsal.standin.components.statsd import Statsd

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call

_LOGGER = "airflow.jobs.triggerer_job_runner.TriggererJobRunner"


class Triggerer(Process):
    """The triggerer process."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, "TriggererJob")
        self._statsd = Statsd(call.settings.statsd)

    def loop(self) -> None:
        """Look for triggers of this triggerer, as the real one does; the column is there in every release."""
        query = "SELECT count(*) FROM trigger WHERE triggerer_id = %s"
        row = self.session.execute(query, (self.job_id,)).fetchone()
        self._statsd.gauge(f"triggers.running.{self.settings.hostname}", int(row[0]) if row else 0)

    def on_heartbeat(self) -> None:
        """Count the heartbeat."""
        self._statsd.count("triggerer_heartbeat")


def main(call: Call) -> int:
    """Run the triggerer until it is told to stop."""
    triggerer = Triggerer(call)
    call.log.info("Starting the triggerer", _LOGGER, "triggerer_job_runner.py:308")
    return triggerer.run(triggerer.loop)
