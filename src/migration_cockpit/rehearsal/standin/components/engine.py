"""The scheduler's decisions: which runs are made, started and finished, and which task instances go on.

A paused DAG gets no new runs, its running runs are not looked at and its scheduled tasks are not queued; what is
already queued or running is the executor's and goes on. That is why draining only empties `running` and `queued`, and
why half-done runs stay `running` until their DAG is unpaused, maybe under another version.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from migration_cockpit.rehearsal.standin.components.serialized import StoredTask, stored_tasks
from migration_cockpit.rehearsal.standin.components.tables import Tables, Values
from migration_cockpit.rehearsal.standin.components.timetable import NextRun, next_run
from migration_cockpit.rehearsal.standin.database import Connection, sql
from migration_cockpit.rehearsal.standin.migrate.loops import uuid7

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.settings import Settings

_RUNS_PER_LOOP = 20
_TERMINAL = {"success", "failed", "skipped", "upstream_failed", "removed"}
_BAD = {"failed", "upstream_failed"}


class Engine:
    """One scheduler's view of the database, in the schema as it was when the scheduler started."""

    def __init__(self, session: Connection, settings: Settings, job_id: int, *, is3: bool) -> None:
        self.session = session
        self._settings = settings
        self._job = job_id
        self._is3 = is3
        self._tables = Tables(session)
        self._date = "logical_date" if is3 else "execution_date"
        self._live = "NOT d.is_stale" if is3 else "d.is_active"
        self._tasks: dict[str, tuple[str, list[StoredTask], Any]] = {}

    def step(self) -> None:
        """One scheduling loop."""
        self._create_runs()
        self._start_runs()
        self._advance_runs()
        self._queue_tasks()

    def _create_runs(self) -> None:
        # 2.x asks this table in every loop; after a migration it has another name, and the loop ends here.
        events = "asset_dag_run_queue" if self._is3 else "dataset_dag_run_queue"
        self.session.execute(sql(f"SELECT target_dag_id FROM {events} LIMIT 1"))  # noqa: S608 - one of two names
        query = (
            "SELECT d.dag_id, d.next_dagrun, d.next_dagrun_data_interval_start, d.next_dagrun_data_interval_end, "  # noqa: S608 - names of our own
            "d.next_dagrun_create_after, d.max_active_runs - (SELECT count(*) FROM dag_run r WHERE r.dag_id = d.dag_id "
            "AND r.state IN ('queued', 'running')) AS room "
            f"FROM dag d WHERE NOT d.is_paused AND {self._live} AND NOT d.has_import_errors "
            "AND d.next_dagrun_create_after <= now() ORDER BY d.next_dagrun_create_after LIMIT 10"
        )
        for dag_id, logical, start, end, after, room in self.session.execute(sql(query)).fetchall():
            if room > 0 and self._stored(dag_id):
                with self.session.transaction():
                    self._create_run(dag_id, NextRun(logical, start, end, after))

    def _create_run(self, dag_id: str, due: NextRun) -> None:
        stamp = due.after if self._is3 else due.logical
        run_id = f"scheduled__{stamp.astimezone(UTC).isoformat()}"
        self.insert_run(dag_id, run_id, "scheduled", due, conf=None, triggered_by="timetable")
        following = self._following(dag_id, due.logical)
        values = (following.logical, following.start, following.end, following.after) if following else (None,) * 4
        self.session.execute(
            "UPDATE dag SET next_dagrun = %s, next_dagrun_data_interval_start = %s, next_dagrun_data_interval_end = %s,"
            " next_dagrun_create_after = %s WHERE dag_id = %s",
            (*values, dag_id),
        )

    def insert_run(self, dag_id: str, run_id: str, kind: str, due: NextRun, *, conf: object, triggered_by: str) -> None:
        """Insert one queued run, in whatever columns this schema has."""
        row: Values = {
            "dag_id": dag_id,
            "queued_at": datetime.now(UTC),
            "execution_date": due.logical,
            "logical_date": due.logical,
            "state": "queued",
            "run_id": run_id,
            "creating_job_id": self._job or None,
            "external_trigger": kind == "manual",
            "run_type": kind,
            "conf": conf if self._is3 else b"\x80\x05}\x94.",
            "data_interval_start": due.start,
            "data_interval_end": due.end,
            "updated_at": datetime.now(UTC),
            "run_after": due.after,
            "triggered_by": triggered_by,
            "clear_number": 0,
            "created_at": datetime.now(UTC),
        }
        self._tables.insert(self.session, "dag_run", [row], tail="ON CONFLICT DO NOTHING")

    def _start_runs(self) -> None:
        query = (
            "SELECT r.id, r.dag_id, r.run_id FROM dag_run r JOIN dag d USING (dag_id) "  # noqa: S608 - names of our own
            f"WHERE r.state = 'queued' AND NOT d.is_paused AND {self._live} AND coalesce(d.max_active_runs, 16) > "
            "(SELECT count(*) FROM dag_run o WHERE o.dag_id = r.dag_id AND o.state = 'running') "
            f"ORDER BY r.{self._date} LIMIT {_RUNS_PER_LOOP}"
        )
        for key, dag_id, run_id in self.session.execute(sql(query)).fetchall():
            tasks = self._stored(dag_id)
            if not tasks:
                continue
            with self.session.transaction():
                self._insert_tasks(dag_id, run_id, tasks)
                self.session.execute(
                    "UPDATE dag_run SET state = 'running', start_date = now(), updated_at = now() WHERE id = %s", (key,)
                )

    def _insert_tasks(self, dag_id: str, run_id: str, tasks: list[StoredTask]) -> None:
        version = self._version(dag_id) if self._is3 else None
        rows: list[Values] = [
            {
                "task_id": task.task_id,
                "dag_id": dag_id,
                "run_id": run_id,
                "map_index": -1,
                "state": None,
                "try_number": 0,
                "max_tries": 0,
                "unixname": self._settings.unixname,
                "hostname": "",
                "pool": "default_pool",
                "pool_slots": 1,
                "queue": "default",
                "priority_weight": len(tasks) - position,
                "operator": task.operator,
                "executor_config": b"\x80\x05}\x94.",
                "updated_at": datetime.now(UTC),
                "task_display_name": task.task_id,
                "id": uuid7(),
                "dag_version_id": version,
            }
            for position, task in enumerate(tasks)
        ]
        self._tables.insert(self.session, "task_instance", rows, tail="ON CONFLICT DO NOTHING")

    def _advance_runs(self) -> None:
        query = (
            "SELECT r.id, r.dag_id, r.run_id, ti.task_id, ti.state FROM (SELECT r.* FROM dag_run r JOIN dag d "  # noqa: S608 - names of our own
            f"USING (dag_id) WHERE r.state = 'running' AND NOT d.is_paused AND {self._live} "
            f"ORDER BY r.last_scheduling_decision NULLS FIRST LIMIT {_RUNS_PER_LOOP}) r "
            "JOIN task_instance ti USING (dag_id, run_id)"
        )
        runs: dict[tuple[int, str, str], dict[str, str | None]] = defaultdict(dict)
        for key, dag_id, run_id, task_id, state in self.session.execute(sql(query)).fetchall():
            runs[key, dag_id, run_id][task_id] = state
        for (key, dag_id, run_id), states in runs.items():
            with self.session.transaction():
                self._advance(key, dag_id, run_id, states)

    def _advance(self, key: int, dag_id: str, run_id: str, states: dict[str, str | None]) -> None:
        for task in self._stored(dag_id):
            if task.task_id not in states or states[task.task_id] is not None:
                continue
            before = {states.get(name) for name in task.upstream}
            if before & _BAD:
                states[task.task_id] = "upstream_failed"
            elif before <= {"success", "skipped"}:
                states[task.task_id] = "scheduled"
            else:
                continue
            self.session.execute(
                "UPDATE task_instance SET state = %s, updated_at = now() WHERE dag_id = %s AND run_id = %s "
                "AND task_id = %s AND state IS NULL",
                (states[task.task_id], dag_id, run_id, task.task_id),
            )
        decided = None
        if all(state in _TERMINAL for state in states.values()):
            decided = "failed" if _BAD & {state for state in states.values() if state} else "success"
        self.session.execute(
            "UPDATE dag_run SET last_scheduling_decision = now(), state = coalesce(%s, state), "
            "end_date = CASE WHEN %s::text IS NULL THEN end_date ELSE now() END, updated_at = now() WHERE id = %s",
            (decided, decided, key),
        )

    def _queue_tasks(self) -> None:
        with self.session.transaction():
            # The scheduler's critical section: one scheduler at a time may hand tasks to the executor.
            row = self.session.execute("SELECT pg_try_advisory_xact_lock(2)").fetchone()
            if not row or not row[0]:
                return
            self.session.execute(
                "UPDATE task_instance SET state = 'queued', queued_dttm = now(), queued_by_job_id = %s, updated_at = "
                "now() WHERE (dag_id, task_id, run_id, map_index) IN (SELECT ti.dag_id, ti.task_id, ti.run_id, "
                "ti.map_index FROM task_instance ti JOIN dag d ON d.dag_id = ti.dag_id AND NOT d.is_paused JOIN dag_run"
                " r ON r.dag_id = ti.dag_id AND r.run_id = ti.run_id AND r.state = 'running' WHERE ti.state = "
                "'scheduled' ORDER BY ti.priority_weight DESC LIMIT greatest(0, %s - (SELECT count(*) FROM "
                "task_instance WHERE state IN ('running', 'queued'))))",
                (self._job, self._settings.parallelism),
            )

    def _following(self, dag_id: str, last: datetime) -> NextRun | None:
        self._stored(dag_id)
        body = self._tasks[dag_id][2]["dag"]
        schedule = body.get("schedule_interval") or body.get("timetable", {}).get("__var", {}).get("expression")
        begin = datetime.fromtimestamp(float(body.get("start_date", 0)), UTC)
        catchup = bool(body.get("catchup", self._settings.catchup_by_default))
        now = datetime.now(UTC)
        return next_run(schedule, begin=begin, last=last, catchup=catchup, now=now, is3=self._is3)

    def _stored(self, dag_id: str) -> list[StoredTask]:
        """The tasks of a DAG as the database knows them; empty while it is not serialized."""
        order = "ORDER BY created_at DESC LIMIT 1" if self._is3 else ""
        row = self.session.execute(
            sql(f"SELECT dag_hash FROM serialized_dag WHERE dag_id = %s {order}"),  # noqa: S608 - one of two texts
            (dag_id,),
        ).fetchone()
        if row is None:
            return []
        if dag_id not in self._tasks or self._tasks[dag_id][0] != row[0]:
            query = f"SELECT data FROM serialized_dag WHERE dag_id = %s {order}"  # noqa: S608 - one of two texts
            found = self.session.execute(sql(query), (dag_id,)).fetchone()
            data = found[0] if found else {"dag": {"tasks": []}}
            self._tasks[dag_id] = (str(row[0]), stored_tasks(data), data)
        return self._tasks[dag_id][1]

    def _version(self, dag_id: str) -> object:
        row = self.session.execute(
            "SELECT id FROM dag_version WHERE dag_id = %s ORDER BY version_number DESC LIMIT 1", (dag_id,)
        ).fetchone()
        return row[0] if row else None
