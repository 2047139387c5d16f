"""The rehearsal's DAG files: plain Python that both generations of Airflow accept, and the stand-in reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from migration_cockpit.rehearsal.seed import CANARY, dag_specs, write_dags
from migration_cockpit.rehearsal.standin.components.dagfiles import DagImportError, parse

if TYPE_CHECKING:
    from pathlib import Path


def test_the_stand_in_reads_back_what_the_files_say(tmp_path: Path) -> None:
    specs = write_dags(tmp_path, 12, start=datetime(2026, 11, 1, tzinfo=UTC))
    for spec in specs:
        (dag,) = parse(tmp_path / spec.filename, tmp_path, is3=True)
        assert (dag.dag_id, dag.schedule, dag.catchup, dag.owner) == (
            spec.dag_id,
            spec.schedule,
            spec.catchup,
            spec.owner,
        )
        assert [task.task_id for task in dag.tasks] == list(spec.tasks)
        assert all(task.seconds == spec.seconds for task in dag.tasks)
        assert [task.upstream for task in dag.tasks] == [(), *((before,) for before in spec.tasks[:-1])]
        assert dag.start == datetime(2026, 11, 1, tzinfo=UTC)


def test_the_same_count_gives_the_same_dags_with_the_canary_among_them() -> None:
    assert dag_specs(40)[:30] == dag_specs(30)
    assert CANARY in {spec.dag_id for spec in dag_specs(1)}
    assert [spec.dag_id for spec in dag_specs(30) if spec.paused]


def test_a_file_that_airflow_3_refuses_is_an_import_error_there_and_fine_in_2(tmp_path: Path) -> None:
    path = tmp_path / "old.py"
    path.write_text("from airflow import DAG\nwith DAG('old', schedule_interval='@daily') as dag:\n    pass\n")
    assert parse(path, tmp_path, is3=False)[0].dag_id == "old"
    with pytest.raises(DagImportError, match="unexpected keyword argument 'schedule_interval'"):
        parse(path, tmp_path, is3=True)
