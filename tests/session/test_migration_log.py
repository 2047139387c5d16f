"""What the lines of a migration say of its progress, and how State follows them."""

from __future__ import annotations

from datetime import timedelta

from migration_cockpit.session import events as ev
from migration_cockpit.session.fold.migration import stamp
from migration_cockpit.session.migration_log import Batch, Begun, Finished, read
from tests.app.fixtures import Fold, at, begin

STARTED = (
    "2026-11-22T17:42:19.293203Z [info     ] Running upgrade 05234396c6fc -> d59cbbef95eb, Add UUID primary key to "
    "``task_instance`` table. [alembic.runtime.migration] loc=migration.py:621"
)
OLDER = "[2026-11-22T17:42:19.293+0000] {migration.py:621} INFO - Running upgrade 29ce7909c52b -> fe199e1abd77, Delete."


def test_the_lines_of_both_formats() -> None:
    assert read(STARTED) == Begun("05234396c6fc", "d59cbbef95eb", "Add UUID primary key to task_instance table")
    assert read(OLDER) == Begun("29ce7909c52b", "fe199e1abd77", "Delete")
    assert read("Migrated 10000 task_instance rows in this batch...") == Batch(rows=10000)
    assert read("converting dag run conf. batch=3001") == Batch(at=3000)
    assert read("2026 [info     ] Database migration done! [airflow]") == Finished()
    assert read("Database migrating done!") == Finished()
    assert read("processing batch 1") is None


def test_a_position_is_a_time() -> None:
    assert stamp("2026-05-16T10:32:07.123456789Z#2") == at("10:32:07") + timedelta(microseconds=123456)
    assert stamp("2026-05-16T10:32:07Z") == at("10:32:07")
    assert stamp("") is None
    assert stamp("nonsense") is None


def _job() -> Fold:
    result = begin()
    result.add("10:20", ev.StepStarted(step="migrate", operator="sre-1"))
    names = {"step": "migrate", "operation": "migration-job", "key": "job-1"}
    result.add("10:21", ev.OperationIntended(**names, commands=()))  # type: ignore[arg-type]
    return result


def _line(result: Fold, clock: str, text: str, *, printed: str = "", source: str = "job") -> None:
    result.add(clock, ev.LogLine(source=source, text=text, at=f"2026-05-16T{printed or clock}:00Z"))


def test_a_revision_that_starts_commits_the_one_before_and_batches_add_up_in_theirs() -> None:
    result = _job()
    _line(result, "10:22", "Running upgrade a -> b, First.")
    _line(result, "10:23", "Running upgrade b -> c, Second.")
    for _ in range(2):
        _line(result, "10:24", "Migrated 10000 task_instance rows in this batch...")
    first, second = result.state.migration.revisions
    assert (first.revision, first.committed) == ("b", at("10:23"))
    assert (second.revision, second.rows, second.committed) == ("c", 20000, None)


def test_a_line_that_was_printed_earlier_counts_from_then_and_one_that_comes_twice_once() -> None:
    result = _job()
    _line(result, "10:30", "Running upgrade a -> b, First.", printed="10:22")
    _line(result, "10:30", "Running upgrade a -> b, First.", printed="10:22")
    (only,) = result.state.migration.revisions
    assert only.started == at("10:22")


def test_what_other_sources_print_is_no_sign_of_the_migration() -> None:
    result = _job()
    _line(result, "10:22", "Running upgrade a -> b, First.", source="helm")
    assert result.state.migration.revisions == ()
    assert result.state.migration.signs == {}


def test_a_cockpit_that_comes_later_goes_on_with_the_job_and_a_new_job_begins_anew() -> None:
    result = _job()
    _line(result, "10:22", "Running upgrade a -> b, First.")
    names = {"step": "migrate", "operation": "migration-job"}
    result.add("10:40", ev.OperationIntended(**names, key="job-1", commands=()))  # type: ignore[arg-type]
    assert result.state.migration.created == at("10:21")
    assert result.state.migration.revisions
    result.add("10:50", ev.OperationIntended(**names, key="job-1-a2", commands=(), attempt=2))
    assert result.state.migration.created == at("10:50")
    assert result.state.migration.revisions == ()
