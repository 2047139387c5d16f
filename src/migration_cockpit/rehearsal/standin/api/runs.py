"""DAG runs and task instances over API v1 and v2: reading them, and triggering a run by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.errors import UniqueViolation

from migration_cockpit.rehearsal.standin.api.dags import new_run_id
from migration_cockpit.rehearsal.standin.api.http import Request, Response
from migration_cockpit.rehearsal.standin.components.tables import Tables, Values
from migration_cockpit.rehearsal.standin.database import Connection, sql

if TYPE_CHECKING:
    from collections.abc import Sequence

Handler = Callable[[Connection], Response]
_RUN3 = (
    *("dag_id", "run_id", "state", "run_type", "logical_date", "queued_at", "start_date", "end_date", "run_after"),
    *("data_interval_start", "data_interval_end", "last_scheduling_decision", "conf", "triggered_by"),
)
_RUN2 = (
    *("dag_id", "run_id", "state", "run_type", "execution_date", "start_date", "end_date", "external_trigger"),
    *("data_interval_start", "data_interval_end", "last_scheduling_decision"),
)
_TASK = (
    *("dag_id", "task_id", "run_id", "map_index", "state", "start_date", "end_date", "duration", "try_number"),
    *("max_tries", "hostname", "pool", "queue", "operator", "queued_dttm"),
)
_LIMIT = 100


def route3(method: str, dag_id: str, rest: tuple[str, ...], request: Request) -> Handler | None:
    """The v2 routes below /dags/{dag_id}/dagRuns; `~` stands for every DAG or run."""
    match method, rest:
        case "GET", ():
            return lambda session: _list(session, dag_id, _RUN3, request)
        case "POST", ():
            return lambda session: trigger3(session, dag_id, request.data())
        case "GET", (run_id,):
            return lambda session: _one(session, dag_id, run_id, _RUN3)
        case "GET", (run_id, "taskInstances"):
            return lambda session: _tasks(session, dag_id, run_id, request)
    return None


def route2(method: str, dag_id: str, rest: tuple[str, ...], request: Request) -> Handler | None:
    """The v1 routes below /dags/{dag_id}/dagRuns."""
    match method, rest:
        case "GET", ():
            return lambda session: _list(session, dag_id, _RUN2, request)
        case "POST", ():
            return lambda session: trigger2(session, dag_id, request.data())
        case "GET", (run_id,):
            return lambda session: _one(session, dag_id, run_id, _RUN2)
        case "GET", (run_id, "taskInstances"):
            return lambda session: _tasks(session, dag_id, run_id, request)
    return None


def trigger3(session: Connection, dag_id: str, body: dict[str, Any]) -> Response:
    """Queue a manual run in 3.x; the body must name logical_date, which may be null."""
    if "logical_date" not in body:
        missing = {"type": "missing", "loc": ["body", "logical_date"], "msg": "Field required", "input": body}
        return Response(422, {"detail": [missing]})
    state = session.execute("SELECT is_stale, has_import_errors FROM dag WHERE dag_id = %s", (dag_id,)).fetchone()
    if state is None or state[0]:
        return Response(404, {"detail": f"DAG with dag_id: '{dag_id}' not found"})
    default, now = new_run_id()
    logical = _moment(body.get("logical_date"))
    run_id = str(body.get("dag_run_id") or default)
    row = {**_row(dag_id, run_id, logical, now), "conf": json.dumps(body.get("conf") or {}), "triggered_by": "rest_api"}
    return _conflict(session, row) or _one(session, dag_id, run_id, _RUN3)


def trigger2(session: Connection, dag_id: str, body: dict[str, Any]) -> Response:
    """Queue a manual run in 2.x."""
    found = session.execute("SELECT is_active FROM dag WHERE dag_id = %s", (dag_id,)).fetchone()
    if found is None or not found[0]:
        text = f"DAG with dag_id: '{dag_id}' not found"
        return Response(404, {"title": "DAG not found", "status": 404, "detail": text})
    default, now = new_run_id()
    logical = _moment(body.get("logical_date") or body.get("execution_date")) or now
    run_id = str(body.get("dag_run_id") or default)
    row = {**_row(dag_id, run_id, logical, now), "conf": b"\x80\x05}\x94."}
    return _conflict(session, row) or _one(session, dag_id, run_id, _RUN2)


def _row(dag_id: str, run_id: str, logical: datetime | None, now: datetime) -> Values:
    return {
        "dag_id": dag_id,
        "run_id": run_id,
        "state": "queued",
        "run_type": "manual",
        "execution_date": logical or now,
        "logical_date": logical,
        "external_trigger": True,
        "queued_at": now,
        "updated_at": now,
        "created_at": now,
        "run_after": now,
        "data_interval_start": logical,
        "data_interval_end": logical,
        "clear_number": 0,
    }


def _conflict(session: Connection, row: Values) -> Response | None:
    try:
        Tables(session).insert(session, "dag_run", [row])
    except UniqueViolation:
        return Response(409, {"detail": "Unique constraint violation", "title": "Conflict", "status": 409})
    return None


def _list(session: Connection, dag_id: str, names: Sequence[str], request: Request) -> Response:
    states = [value for key, value in request.query if key == "state"]
    where = "(%s IN ('~', dag_id)) AND (%s OR state = ANY(%s))"
    values = [dag_id, not states, states]
    limit = min(request.number("limit", _LIMIT), _LIMIT)
    query = f"SELECT {', '.join(names)} FROM dag_run WHERE {where} ORDER BY id DESC LIMIT %s OFFSET %s"  # noqa: S608  # names of ours, values as parameters
    rows = session.execute(sql(query), [*values, limit, request.number("offset", 0)]).fetchall()
    total = session.execute(sql(f"SELECT count(*) FROM dag_run WHERE {where}"), values).fetchone()  # noqa: S608  # names of ours, values as parameters
    shown = [_shown(names, row) for row in rows]
    return Response(200, {"dag_runs": shown, "total_entries": int(total[0]) if total else 0})


def _one(session: Connection, dag_id: str, run_id: str, names: Sequence[str]) -> Response:
    query = f"SELECT {', '.join(names)} FROM dag_run WHERE dag_id = %s AND run_id = %s"  # noqa: S608 - our own names
    row = session.execute(sql(query), (dag_id, run_id)).fetchone()
    if row is None:
        text = f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"
        return Response(404, {"detail": text})
    return Response(200, _shown(names, row))


def _shown(names: Sequence[str], row: Any) -> dict[str, Any]:
    shown = dict(zip(names, row, strict=True))
    run_id = shown.pop("run_id")
    if "queued_dttm" in shown:
        shown["queued_when"] = shown.pop("queued_dttm")
    return {"dag_run_id": run_id, "run_id": run_id, **shown}


def _tasks(session: Connection, dag_id: str, run_id: str, request: Request) -> Response:
    states = [value for key, value in request.query if key == "state"]
    since = _moment(request.one("end_date_gte"))
    where = (
        "(%s IN ('~', dag_id)) AND (%s IN ('~', run_id)) AND (%s OR state = ANY(%s)) "
        "AND (%s::timestamptz IS NULL OR end_date >= %s)"
    )
    values = [dag_id, run_id, not states, states, since, since]
    limit = min(request.number("limit", 50), _LIMIT)
    query = f"SELECT {', '.join(_TASK)} FROM task_instance WHERE {where} LIMIT %s OFFSET %s"  # noqa: S608  # names of ours, values as parameters
    rows = session.execute(sql(query), [*values, limit, request.number("offset", 0)]).fetchall()
    total = session.execute(sql(f"SELECT count(*) FROM task_instance WHERE {where}"), values).fetchone()  # noqa: S608  # names of ours, values as parameters
    shown = [_shown(_TASK, row) for row in rows]
    return Response(200, {"task_instances": shown, "total_entries": int(total[0]) if total else 0})


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
