"""DAGs as Airflow serializes them into JSON, and what the scheduler reads back out of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.components.dagfiles import ParsedDag, ParsedTask

_MODULES = {"BashOperator": "bash", "PythonOperator": "python"}


@dataclass(frozen=True, slots=True)
class StoredTask:
    """A task as the scheduler knows it: `seconds` of work after all of `upstream`."""

    task_id: str
    operator: str
    seconds: float
    upstream: tuple[str, ...]


def serialize(dag: ParsedDag, *, is3: bool, catchup_default: bool) -> dict[str, Any]:
    """The JSON of one DAG. 2.x leaves `catchup` out where it equals the configured default, 3.x always writes it."""
    catchup = catchup_default if dag.catchup is None else dag.catchup
    body: dict[str, Any] = {
        "edge_info": {},
        "tags": list(dag.tags),
        "start_date": dag.start.timestamp(),
        "timezone": "UTC",
        "fileloc": dag.path,
        "max_active_runs": dag.max_active_runs,
        "default_args": {"__var": {"owner": dag.owner}, "__type": "dict"},
        "tasks": [_task(task, dag, is3=is3) for task in dag.tasks],
        "dag_dependencies": [],
        "params": [] if is3 else {},
    }
    if is3:
        body |= {"dag_id": dag.dag_id, "timetable": _timetable(dag), "relative_fileloc": dag.relative}
    else:
        body |= {"_dag_id": dag.dag_id, "schedule_interval": dag.schedule}
    if is3 or catchup != catchup_default:
        body["catchup"] = catchup
    return {"__version": 3 if is3 else 1, "dag": body}


def dag_hash(data: dict[str, Any]) -> str:
    """Airflow's hash of a serialized DAG (MD5 of its sorted JSON)."""
    return hashlib.md5(json.dumps(data, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def stored_tasks(data: dict[str, Any]) -> list[StoredTask]:
    """The tasks of a serialized DAG, in file order."""
    tasks = [entry["__var"] for entry in data["dag"]["tasks"]]
    upstream: dict[str, list[str]] = {task["task_id"]: [] for task in tasks}
    for task in tasks:
        for follower in task.get("downstream_task_ids", []):
            upstream[follower].append(task["task_id"])
    return [
        StoredTask(
            task["task_id"],
            task["task_type" if "task_type" in task else "_task_type"],
            _seconds(task),
            tuple(upstream[task["task_id"]]),
        )
        for task in tasks
    ]


def _seconds(task: dict[str, Any]) -> float:
    command = task.get("bash_command")
    if isinstance(command, str) and command.startswith("sleep "):
        return float(command.removeprefix("sleep "))
    args = task.get("op_args")
    if isinstance(args, list) and args and isinstance(args[0], int | float):
        return float(args[0])
    return 0.5


def _timetable(dag: ParsedDag) -> dict[str, Any]:
    if dag.schedule is None:
        return {"__type": "airflow.timetables.simple.NullTimetable", "__var": {}}
    var = {"expression": dag.schedule, "timezone": "UTC", "interval": 0.0, "run_immediately": False}
    return {"__type": "airflow.timetables.trigger.CronTriggerTimetable", "__var": var}


def _task(task: ParsedTask, dag: ParsedDag, *, is3: bool) -> dict[str, Any]:
    module = _MODULES.get(task.operator, "empty")
    package = "airflow.providers.standard.operators" if is3 else "airflow.operators"
    followers = [other.task_id for other in dag.tasks if task.task_id in other.upstream]
    var: dict[str, Any] = {
        "task_id": task.task_id,
        "pool": "default_pool",
        "downstream_task_ids": followers,
        "_is_empty": False,
        "_task_module": f"{package}.{module}",
        "task_type" if is3 else "_task_type": task.operator,
    }
    if module == "bash":
        var["bash_command"] = f"sleep {task.seconds}"
    else:
        var["op_args"] = [task.seconds]
    return {"__var": var, "__type": "operator"}
