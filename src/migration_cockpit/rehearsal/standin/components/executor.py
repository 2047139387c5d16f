"""Running tasks: queued -> running -> success in the database, each for as long as its DAG file says.

LocalExecutor does it inside the scheduler, Celery in its workers. In 3.x a task must first reach the execution API with
a token the api-server accepts, or it fails: with a wrong address everything looks healthy and every task fails.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.seed.dags import CANARY
from migration_cockpit.rehearsal.standin.components.serialized import stored_tasks
from migration_cockpit.rehearsal.standin.database import Connection, sql
from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.logs import Log
    from migration_cockpit.rehearsal.standin.settings import Settings

Key = tuple[str, str, str, int]

_KEY = "dag_id = %s AND task_id = %s AND run_id = %s AND map_index = %s"
_STARTED = {False: "updated_at = now()", True: "updated_at = now(), last_heartbeat_at = now()"}
_TAKE = """
UPDATE task_instance SET state = 'running', start_date = now(), hostname = %s, pid = %s,
    try_number = greatest(coalesce(try_number, 0), 1), {more}
WHERE (dag_id, task_id, run_id, map_index) IN (
    SELECT dag_id, task_id, run_id, map_index FROM task_instance WHERE state = 'queued'
    ORDER BY priority_weight DESC LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING dag_id, task_id, run_id, map_index
"""


class Executor:
    """Tasks of one process; `everything` makes it adopt every running task, not only those of its own host."""

    def __init__(
        self, session: Connection, settings: Settings, log: Log, slots: int, *, is3: bool, everything: bool
    ) -> None:
        self.session = session
        self._settings = settings
        self._log = log
        self._slots = slots
        self._is3 = is3
        self._everything = everything
        self._ends: dict[Key, float] = {}
        self._zombie: Key | None = None

    @property
    def busy(self) -> bool:
        """Whether tasks are at work here."""
        return bool(self._ends)

    def step(self, *, take: bool = True) -> None:
        """Finish what is due and, with `take`, start what is queued as far as there are slots."""
        self._adopt()
        self._finish()
        if take:
            self._start()

    def _adopt(self) -> None:
        mine = "" if self._everything else "AND hostname = %s"
        query = sql(f"SELECT dag_id, task_id, run_id, map_index FROM task_instance WHERE state = 'running' {mine}")  # noqa: S608  # names of ours, values as parameters
        rows = self.session.execute(query, () if self._everything else (self._settings.hostname,)).fetchall()
        found: set[Key] = {(str(row[0]), str(row[1]), str(row[2]), int(row[3])) for row in rows}
        for gone in set(self._ends) - found:
            del self._ends[gone]
        for key in sorted(found - set(self._ends)):
            share = 0.3 + 0.7 * (zlib.crc32("/".join(map(str, key)).encode()) % 1000) / 1000
            self._ends[key] = time.monotonic() + self._settings.adopted * share

    def _finish(self) -> None:
        now = time.monotonic()
        for key in [key for key, end in self._ends.items() if end <= now]:
            if self._is_zombie(key):
                continue
            canary = key[0] == CANARY and fault(self._settings.world, "canary-fails") is not None
            self._end(key, "failed" if canary else "success")

    def _is_zombie(self, key: Key) -> bool:
        options = fault(self._settings.world, "zombie-task")
        if options is None:
            self._zombie = None
            return False
        wanted = options.get("dag_id")
        # One zombie in the whole world: with several workers it is the first one's, unless a DAG is named.
        here = self._everything or self._settings.hostname.endswith("-0")
        if self._zombie is None and key[0] != CANARY and (wanted == key[0] or (wanted is None and here)):
            self._zombie = key
        return self._zombie == key

    def _end(self, key: Key, state: str) -> None:
        self.session.execute(
            sql(
                "UPDATE task_instance SET state = %s, end_date = now(), "  # noqa: S608 - a constant
                "duration = extract(epoch FROM now() - start_date), updated_at = now() "
                f"WHERE {_KEY} AND state = 'running'"
            ),
            (state, *key),
        )
        self._ends.pop(key, None)
        text = f"TaskInstance Finished: dag_id={key[0]}, task_id={key[1]}, run_id={key[2]}, map_index={key[3]}, "
        self._log.info(f"{text}run_state={state}", "airflow.jobs.scheduler_job_runner", "scheduler_job_runner.py:811")

    def _start(self) -> None:
        room = self._slots - len(self._ends)
        if room <= 0:
            return
        query = sql(_TAKE.format(more=_STARTED[self._is3]))
        rows = self.session.execute(query, (self._settings.hostname, 4000 + len(self._ends), room)).fetchall()
        for row in rows:
            key: Key = (str(row[0]), str(row[1]), str(row[2]), int(row[3]))
            problem = self._refused(key) if self._is3 else None
            if problem:
                self._log.error(problem, "task", "client.py:880", dag_id=key[0], task_id=key[1], run_id=key[2])
                self._end(key, "failed")
            else:
                self._ends[key] = time.monotonic() + self._seconds(key)

    def _refused(self, key: Key) -> str | None:
        from migration_cockpit.rehearsal.standin.api.execution import report_start

        return report_start(self._settings.execution_api, self._settings.jwt_secret, key)

    def _seconds(self, key: Key) -> float:
        order = "ORDER BY created_at DESC LIMIT 1" if self._is3 else ""
        query = f"SELECT data FROM serialized_dag WHERE dag_id = %s {order}"  # noqa: S608 - one of two texts
        row = self.session.execute(sql(query), (key[0],)).fetchone()
        tasks = {task.task_id: task.seconds for task in stored_tasks(row[0])} if row and row[0] else {}
        return tasks.get(key[1], 0.5)
