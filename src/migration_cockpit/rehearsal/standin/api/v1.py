"""The 2.x webserver: /health, API v1 with basic auth, and its paging that changes only the page it shows."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from migration_cockpit.rehearsal.standin.api import dags, plugins, runs, tokens
from migration_cockpit.rehearsal.standin.api.health import health
from migration_cockpit.rehearsal.standin.api.http import Database, Request, Response

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call
    from migration_cockpit.rehearsal.standin.database import Connection

_HOME = "<!DOCTYPE html>\n<html><head><title>Sign In - Airflow</title></head><body>Airflow</body></html>\n"
_PAGE = 100
_COLUMNS = (
    "dag_id, is_paused, is_active, last_parsed_time, fileloc, schedule_interval, timetable_description, "
    "max_active_runs, max_active_tasks, has_import_errors, next_dagrun, next_dagrun_create_after, owners"
)
_NAMES = tuple(name.strip() for name in _COLUMNS.split(","))


class Api:
    """The routes of one webserver."""

    def __init__(self, call: Call) -> None:
        self._settings = call.settings
        self._version = call.release.version

    def route(self, request: Request, database: Database) -> Response:
        """Answer one request."""
        match request.parts:
            case ("health",) | ("api", "v1", "health"):
                return Response(200, health(database))
            case ("api", "v1", *rest):
                return self._v1(request, tuple(rest), database)
            case ("api", *_):
                return Response(404, {"title": "Not Found", "status": 404, "detail": "Nothing matches the given URI"})
        return Response(200, _HOME)

    def _v1(self, request: Request, rest: tuple[str, ...], database: Database) -> Response:
        if rest == ("version",):
            return Response(200, {"version": self._version, "git_version": None})
        handler = self._protected(request, rest)
        if handler is None:
            return Response(404, {"title": "Not Found", "status": 404, "detail": "Nothing matches the given URI"})
        return database.run(lambda session: _denied(session, request) or handler(session))

    def _protected(self, request: Request, rest: tuple[str, ...]) -> Callable[[Connection], Response] | None:
        match request.method, rest:
            case "GET", ("dags",):
                return lambda session: self._list(session, request)
            case "PATCH", ("dags",):
                return lambda session: self._patch_many(session, request)
            case "GET", ("dags", dag_id):
                return lambda session: self._one(session, dag_id)
            case "PATCH", ("dags", dag_id):
                return lambda session: self._patch_one(session, request, dag_id)
            case "GET", ("importErrors",):
                return _import_errors
            case "GET", ("plugins",):
                return lambda _: plugins.listed(self._settings, is3=False)
            case method, ("dags", dag_id, "dagRuns", *more):
                return runs.route2(method, dag_id, tuple(more), request)
        return None

    def _list(self, session: Connection, request: Request) -> Response:
        where, values = _filters(request)
        limit = min(request.number("limit", _PAGE), _PAGE)
        total, rows = dags.page_of(session, where, values, _COLUMNS, limit, request.number("offset", 0))
        return Response(200, {"dags": [_shown(row) for row in rows], "total_entries": total})

    def _one(self, session: Connection, dag_id: str) -> Response:
        _, rows = dags.page_of(session, "dag_id = %s", [dag_id], _COLUMNS, 1, 0)
        return Response(200, _shown(rows[0])) if rows else _unknown(dag_id)

    def _patch_many(self, session: Connection, request: Request) -> Response:
        """Pause or unpause the DAGs of this page, and no others, however many match."""
        if request.one("dag_id_pattern") is None:
            text = "Missing query parameter 'dag_id_pattern'"
            return Response(400, {"title": "Bad Request", "status": 400, "detail": text})
        paused = bool(request.data().get("is_paused"))
        where, values = _filters(request)
        limit = min(request.number("limit", _PAGE), _PAGE)
        total, rows = dags.page_of(session, where, values, _COLUMNS, limit, request.number("offset", 0))
        dags.set_paused(session, [str(row[0]) for row in rows], paused, self._settings.world)
        return Response(200, {"dags": [{**_shown(row), "is_paused": paused} for row in rows], "total_entries": total})

    def _patch_one(self, session: Connection, request: Request, dag_id: str) -> Response:
        paused = bool(request.data().get("is_paused"))
        _, rows = dags.page_of(session, "dag_id = %s", [dag_id], _COLUMNS, 1, 0)
        if not rows:
            return _unknown(dag_id)
        dags.set_paused(session, [dag_id], paused, self._settings.world)
        return Response(200, {**_shown(rows[0]), "is_paused": paused})


def _denied(session: Connection, request: Request) -> Response | None:
    """401 unless the request carries the name and password of a user (basic auth, no tokens in v1)."""
    kind, _, code = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, password = base64.b64decode(code, validate=True).decode().partition(":")
    except ValueError:
        name, password = "", ""
    if kind.lower() == "basic" and name and tokens.login(session, name, password) is not None:
        return None
    body = {"title": "Unauthorized", "status": 401, "detail": None, "type": "about:blank"}
    return Response(401, body, {"WWW-Authenticate": "Basic"})


def _filters(request: Request) -> tuple[str, list[Any]]:
    clauses, values = ["dag_id ILIKE %s"], [dags.pattern_filter(request.one("dag_id_pattern"))]
    if (request.one("only_active") or "true").lower() != "false":
        clauses.append("is_active")
    if (paused := request.one("paused")) is not None:
        clauses.append("is_paused = %s")
        values.append(paused.lower())
    return " AND ".join(clauses), values


def _shown(row: Any) -> dict[str, Any]:
    shown = dict(zip(_NAMES, row, strict=True))
    owners = str(shown.pop("owners") or "")
    return {**shown, "owners": owners.split(", "), "tags": []}


def _unknown(dag_id: str) -> Response:
    text = f"The DAG with dag_id: {dag_id} was not found"
    return Response(404, {"title": "DAG not found", "status": 404, "detail": text})


def _import_errors(session: Connection) -> Response:
    rows = session.execute(
        "SELECT id, timestamp, filename, stacktrace FROM import_error ORDER BY id LIMIT 100"
    ).fetchall()
    names = ("import_error_id", "timestamp", "filename", "stack_trace")
    return Response(
        200, {"import_errors": [dict(zip(names, row, strict=True)) for row in rows], "total_entries": len(rows)}
    )
