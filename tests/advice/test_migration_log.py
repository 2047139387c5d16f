"""The progress of a migration as its log tells it."""

from __future__ import annotations

from migration_cockpit.advice.migration_log import MigrationLog

STARTED = (
    "2026-11-22T17:42:19.293203Z [info     ] Running upgrade 05234396c6fc -> d59cbbef95eb, Add UUID primary key to "
    "``task_instance`` table. [alembic.runtime.migration] loc=migration.py:621"
)


def test_a_revision_that_starts_is_not_counted_as_done() -> None:
    log = MigrationLog("2.11.2", "3.2.2")
    assert log.read(STARTED) == (
        "revision 15 of 82, d59cbbef95eb: Add UUID primary key to task_instance table",
        14,
        82,
    )


def test_batches_add_up_within_their_revision() -> None:
    log = MigrationLog("2.11.2", "3.2.2")
    log.read(STARTED)
    assert log.read("processing batch 1") is None
    log.read("Migrated 10000 task_instance rows in this batch...")
    told = log.read("Migrated 37 task_instance rows in this batch...")
    assert told is not None
    assert told[0].endswith("· 10037 task_instance rows")


def test_the_older_log_format_is_read_too_and_a_shorter_way_has_its_own_total() -> None:
    log = MigrationLog("2.11.2", "3.0.6")
    line = (
        "[2026-11-22T17:42:19.293+0000] {migration.py:621} INFO - Running upgrade 29ce7909c52b -> fe199e1abd77, Delete."
    )
    told = log.read(line)
    assert told is not None
    assert told[1:] == (41, 42)


def test_a_revision_that_nobody_knows_is_named_without_a_count() -> None:
    assert MigrationLog("2.11.2", "3.2.2").read("Running upgrade a -> ffffffffffff, New.") == (
        "ffffffffffff: New",
        0,
        0,
    )
