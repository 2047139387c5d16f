"""`airflow scheduler`: decides, in 2.x also parses the dags folder, with LocalExecutor also runs the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.components.engine import Engine
from migration_cockpit.rehearsal.standin.components.executor import Executor
from migration_cockpit.rehearsal.standin.components.folder import Folder
from migration_cockpit.rehearsal.standin.components.metrics import report_loop, report_tasks
from migration_cockpit.rehearsal.standin.components.process import Process
from migration_cockpit.rehearsal.standin.components.statsd import Statsd

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call

_LOGGER = "airflow.jobs.scheduler_job_runner.SchedulerJobRunner"


class Scheduler(Process):
    """The scheduler process."""

    def __init__(self, call: Call) -> None:
        super().__init__(call, "SchedulerJob")
        self._is3 = call.release.is3
        self._statsd = Statsd(call.settings.statsd)
        self._engine: Engine | None = None
        self._executor: Executor | None = None
        self._folder: Folder | None = None

    def loop(self) -> None:
        """One turn: parse (2.x), decide, run (LocalExecutor), report."""
        if self._engine is None:
            self._begin()
        if self._folder is not None:
            self._folder.step()
        if self._engine is not None:
            self._engine.step()
        if self._executor is not None:
            self._executor.step()
        report_loop(self._statsd, self.settings.world, is3=self._is3)
        report_tasks(self._statsd, self.session, self.settings.parallelism)

    def on_heartbeat(self) -> None:
        """Count the heartbeat."""
        self._statsd.count("scheduler_heartbeat")

    def on_reconnect(self) -> None:
        """Start anew with the new session."""
        self._engine = None

    def _begin(self) -> None:
        settings, is3 = self.settings, self._is3
        self.call.log.info("Starting the scheduler", _LOGGER, "scheduler_job_runner.py:1093")
        self._statsd.count("job_start")
        self._engine = Engine(self.session, settings, self.job_id, is3=is3)
        if not settings.celery:
            slots = settings.parallelism
            self._executor = Executor(self.session, settings, self.call.log, slots, is3=is3, everything=True)
        if not is3:
            self._folder = Folder(self.session, settings, self._statsd, is3=False)


def main(call: Call) -> int:
    """Run the scheduler until it is told to stop."""
    scheduler = Scheduler(call)
    return scheduler.run(scheduler.loop)
