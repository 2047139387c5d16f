"""Parsed DAGs into the database: dag, serialized_dag, dag_code, dag_version, tags and import errors.

In 2.x the scheduler does it, in 3.x the dag-processor. After a migration to 3.x these tables are empty and every DAG
is marked stale until it has been parsed once.
"""

from __future__ import annotations

import hashlib
import json
import struct
from datetime import datetime
from typing import TYPE_CHECKING, Any

from migration_cockpit.rehearsal.standin.components.serialized import dag_hash, serialize
from migration_cockpit.rehearsal.standin.components.tables import Tables, Values
from migration_cockpit.rehearsal.standin.components.timetable import next_run
from migration_cockpit.rehearsal.standin.database import Connection, sql
from migration_cockpit.rehearsal.standin.migrate.loops import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migration_cockpit.rehearsal.standin.components.dagfiles import ParsedDag

BUNDLE = "dags-folder"


class DagSync:
    """Writes DAGs for one generation of Airflow, into the schema as it was when this object was made."""

    def __init__(self, connection: Connection, *, is3: bool, catchup_default: bool, folder: str) -> None:
        self._connection = connection
        self._tables = Tables(connection)
        self._is3 = is3
        self._catchup = catchup_default
        self._folder = folder

    def write(self, dags: list[ParsedDag], now: datetime, *, paused: Iterable[str] = ()) -> None:
        """Upsert `dags`; those of `paused` that are new are paused at creation, like `is_paused_upon_creation`."""
        if not dags:
            return
        stopped = set(paused)
        last = self._last_runs([dag.dag_id for dag in dags])
        with self._connection.transaction():
            rows = [self._dag_row(dag, now, last.get(dag.dag_id), dag.dag_id in stopped) for dag in dags]
            if self._is3:
                self._tables.insert(self._connection, "dag_bundle", [{"name": BUNDLE}], tail="ON CONFLICT DO NOTHING")
            self._tables.upsert(self._connection, "dag", "dag_id", rows, keep=("is_paused",))
            self._write_tags(dags)
            if self._is3:
                self._write_versions(dags, now)
            else:
                self._write_source(dags, now)

    def mark_missing(self, present: list[str]) -> int:
        """Mark the DAGs that no file defines any more, and take the mark off those that one defines again."""
        column, gone = ("is_stale", True) if self._tables.has("dag", "is_stale") else ("is_active", False)
        statement = f"UPDATE dag SET {column} = %s WHERE {column} <> %s AND NOT (dag_id = ANY(%s))"  # noqa: S608  # names of ours, values as parameters
        return self._connection.execute(sql(statement), (gone, gone, present)).rowcount

    def unparsed(self) -> bool:
        """Whether there are DAGs and none of them is serialized: a 3.x schema that was migrated a moment ago."""
        query = "SELECT EXISTS (SELECT 1 FROM dag) AND NOT EXISTS (SELECT 1 FROM serialized_dag)"
        row = self._connection.execute(query).fetchone()
        return self._is3 and bool(row and row[0])

    def write_errors(self, errors: dict[str, str], now: datetime) -> None:
        """Replace the import errors by `errors` (path -> stack trace)."""
        with self._connection.transaction():
            self._connection.execute("DELETE FROM import_error")
            rows: list[Values] = [
                {
                    "timestamp": now,
                    "filename": path if not self._is3 else path.removeprefix(f"{self._folder}/"),
                    "stacktrace": trace,
                    "bundle_name": BUNDLE,
                    "processor_subdir": self._folder,
                }
                for path, trace in errors.items()
            ]
            self._tables.insert(self._connection, "import_error", rows)

    def _last_runs(self, dag_ids: list[str]) -> dict[str, datetime]:
        # A trigger goes on from the end of the last interval: after a 2.x run that is one tick later than its date.
        date = "coalesce(data_interval_end, logical_date)" if self._is3 else "execution_date"
        query = (
            f"SELECT dag_id, max({date}) FROM dag_run "  # noqa: S608 - a column name of our own
            "WHERE dag_id = ANY(%s) AND run_type = 'scheduled' GROUP BY dag_id"
        )
        return dict(self._connection.execute(sql(query), (dag_ids,)).fetchall())

    def _dag_row(self, dag: ParsedDag, now: datetime, last: datetime | None, paused: bool) -> Values:
        catchup = self._catchup if dag.catchup is None else dag.catchup
        due = next_run(dag.schedule, begin=dag.start, last=last, catchup=catchup, now=now, is3=self._is3)
        row: Values = {
            "dag_id": dag.dag_id,
            "is_paused": paused,
            "last_parsed_time": now,
            "fileloc": dag.path,
            "owners": dag.owner,
            "max_active_tasks": 16,
            "max_active_runs": dag.max_active_runs,
            "max_consecutive_failed_dag_runs": 0,
            "has_task_concurrency_limits": False,
            "has_import_errors": False,
            "timetable_description": dag.schedule or "Never, external triggers only",
            "next_dagrun": due.logical if due else None,
            "next_dagrun_data_interval_start": due.start if due else None,
            "next_dagrun_data_interval_end": due.end if due else None,
            "next_dagrun_create_after": due.after if due else None,
        }
        return row | (self._row3(dag) if self._is3 else self._row2(dag))

    def _row2(self, dag: ParsedDag) -> Values:
        return {
            "is_subdag": False,
            "is_active": True,
            "processor_subdir": self._folder,
            "default_view": "grid",
            "schedule_interval": json.dumps(dag.schedule),
            "dataset_expression": "null",
        }

    def _row3(self, dag: ParsedDag) -> Values:
        kind = "CronTriggerTimetable" if dag.schedule else "NullTimetable"
        return {
            "is_stale": False,
            "timetable_summary": dag.schedule,
            "timetable_type": kind,
            "asset_expression": "null",
            "bundle_name": BUNDLE,
            "relative_fileloc": dag.relative,
            "dag_display_name": dag.dag_id,
            "exceeds_max_non_backfill": False,
            "fail_fast": False,
            "timetable_partitioned": False,
            "last_parse_duration": 0.05,
        }

    def _write_tags(self, dags: list[ParsedDag]) -> None:
        rows: list[Values] = [{"name": tag, "dag_id": dag.dag_id} for dag in dags for tag in dag.tags]
        self._tables.insert(self._connection, "dag_tag", rows, tail="ON CONFLICT DO NOTHING")

    def _serialized(self, dag: ParsedDag) -> dict[str, Any]:
        return serialize(dag, is3=self._is3, catchup_default=self._catchup)

    def _write_source(self, dags: list[ParsedDag], now: datetime) -> None:
        bodies = [(dag, self._serialized(dag)) for dag in dags]
        rows: list[Values] = [
            {
                "dag_id": dag.dag_id,
                "fileloc": dag.path,
                "fileloc_hash": _location_hash(dag.path),
                "data": json.dumps(body),
                "last_updated": now,
                "dag_hash": dag_hash(body),
                "processor_subdir": self._folder,
            }
            for dag, body in bodies
        ]
        self._tables.upsert(self._connection, "serialized_dag", "dag_id", rows, keep=())
        code: list[Values] = [
            {
                "fileloc_hash": _location_hash(dag.path),
                "fileloc": dag.path,
                "last_updated": now,
                "source_code": dag.source,
            }
            for dag in dags
        ]
        self._tables.upsert(self._connection, "dag_code", "fileloc_hash", code, keep=())

    def _write_versions(self, dags: list[ParsedDag], now: datetime) -> None:
        """A new version for every DAG whose serialized form changed, or that has none."""
        query = "SELECT DISTINCT ON (dag_id) dag_id, dag_hash FROM serialized_dag ORDER BY dag_id, created_at DESC"
        known: dict[str, str] = dict(self._connection.execute(query).fetchall())
        newest = "SELECT dag_id, max(version_number) FROM dag_version GROUP BY dag_id"
        counts: dict[str, int] = dict(self._connection.execute(newest).fetchall())
        versions: list[Values] = []
        bodies: list[Values] = []
        codes: list[Values] = []
        for dag in dags:
            body = self._serialized(dag)
            if known.get(dag.dag_id) == dag_hash(body):
                continue
            version, times = uuid7(), {"created_at": now, "last_updated": now}
            number = int(counts.get(dag.dag_id, 0)) + 1
            owner: Values = {"dag_id": dag.dag_id, **times}
            versions.append({"id": version, "version_number": number, "bundle_name": BUNDLE, **owner})
            link: Values = {"id": uuid7(), "dag_version_id": version, **owner}
            bodies.append({**link, "data": json.dumps(body), "dag_hash": dag_hash(body)})
            digest = hashlib.md5(dag.source.encode(), usedforsecurity=False).hexdigest()
            codes.append({**link, "fileloc": dag.path, "source_code": dag.source, "source_code_hash": digest})
        for table, rows in (("dag_version", versions), ("serialized_dag", bodies), ("dag_code", codes)):
            self._tables.insert(self._connection, table, rows)


def _location_hash(path: str) -> int:
    digest = hashlib.sha1(path.encode(), usedforsecurity=False).digest()
    return int(struct.unpack(">Q", digest[-8:])[0]) >> 8
