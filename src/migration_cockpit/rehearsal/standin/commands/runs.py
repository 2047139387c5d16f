"""`airflow dags trigger` and `airflow dags test`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.api import runs
from migration_cockpit.rehearsal.standin.commands.dags import open_session
from migration_cockpit.rehearsal.standin.commands.output import show
from migration_cockpit.rehearsal.standin.components.folder import parse_folder
from migration_cockpit.rehearsal.standin.failures import AirflowFailure

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call


def trigger(call: Call) -> int:
    """Queue a run; of a paused DAG it stays queued."""
    session = open_session(call)
    args = call.args
    body = {"dag_run_id": args.run_id, "logical_date": args.date}
    make = runs.trigger3 if call.release.is3 else runs.trigger2
    answer = make(session, args.dag_id, body)
    if answer.status == 404:
        raise AirflowFailure(f"airflow.exceptions.DagNotFound: Dag id {args.dag_id} not found in DagModel")
    if answer.status == 409:
        text = f"A Dag Run already exists for dag_id {args.dag_id} with run_id '{args.run_id}'"
        raise AirflowFailure(f"airflow.exceptions.DagRunAlreadyExists: {text}")
    made = answer.content if isinstance(answer.content, dict) else {}
    names = ("dag_id", "dag_run_id", "logical_date" if call.release.is3 else "execution_date", "state")
    show(call.log, [{name: str(made.get(name)) for name in names}], args.output)
    return 0


def test(call: Call) -> int:
    """Run the tasks of a DAG in this very process, without scheduler or executor; it leaves a finished run behind."""
    session = open_session(call)
    args = call.args
    found, _ = parse_folder(call.settings.dags_folder, call.settings.world, is3=call.release.is3)
    dag = next((dag for dag in found if dag.dag_id == args.dag_id), None)
    if dag is None:
        raise AirflowFailure(f"airflow.exceptions.AirflowException: Dag '{args.dag_id}' could not be found")
    body = {"dag_run_id": None, "logical_date": args.date}
    answer = (runs.trigger3 if call.release.is3 else runs.trigger2)(session, args.dag_id, body)
    if answer.status == 404:
        raise AirflowFailure(f"airflow.exceptions.DagNotFound: Dag id {args.dag_id} not found in DagModel")
    made = answer.content if isinstance(answer.content, dict) else {}
    run_id = str(made.get("dag_run_id"))
    for task in dag.tasks:
        call.log.info(f"[DAG TEST] starting task_id={task.task_id} map_index=-1", "airflow.models.dag", "dag.py:1418")
        time.sleep(task.seconds)
        call.log.info(f"[DAG TEST] end task task_id={task.task_id} map_index=-1", "airflow.models.dag", "dag.py:1440")
    session.execute(
        "UPDATE dag_run SET state = 'success', start_date = queued_at, end_date = now() "
        "WHERE dag_id = %s AND run_id = %s",
        (args.dag_id, run_id),
    )
    return 0
