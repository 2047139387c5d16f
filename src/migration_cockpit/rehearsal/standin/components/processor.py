"""`airflow dag-processor`: parses the dags folder; in 3.x the only process that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.components.folder import Folder
from migration_cockpit.rehearsal.standin.components.process import Process
from migration_cockpit.rehearsal.standin.components.statsd import Statsd
from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call

_LOGGER = "airflow.dag_processing.manager.DagFileProcessorManager"


class DagProcessor(Process):
    """The dag-processor process."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, "DagProcessorJob")
        self._statsd = Statsd(call.settings.statsd)
        self._folder: Folder | None = None

    def loop(self) -> None:
        """One look at the folder, if it is time (and nothing holds it, fault dagprocessor-stale)."""
        if self._folder is None:
            self.call.log.info("Processing files using up to 2 processes at a time", _LOGGER, "manager.py:241")
            self._folder = Folder(self.session, self.settings, self._statsd, is3=self.call.release.is3)
        if fault(self.settings.world, "dagprocessor-stale") is None:
            self._folder.step()

    def on_heartbeat(self) -> None:
        """Count the heartbeat."""
        self._statsd.count("dag_processor_heartbeat")

    def on_reconnect(self) -> None:
        """Start anew with the new session."""
        self._folder = None


def main(call: Call) -> int:
    """Run the dag-processor until it is told to stop."""
    processor = DagProcessor(call)
    return processor.run(processor.loop)
