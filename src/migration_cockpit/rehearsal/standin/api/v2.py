"""The 3.x api-server: API v2, tokens, the execution API, and the static shell that is up whatever else is down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from migration_cockpit.rehearsal.standin.api import dags, plugins, runs, tokens
from migration_cockpit.rehearsal.standin.api.health import health
from migration_cockpit.rehearsal.standin.api.http import Database, Refused, Request, Response
from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call
    from migration_cockpit.rehearsal.standin.database import Connection

_SHELL = (
    '<!doctype html>\n<html lang="en"><head><title>Airflow</title></head>'
    '<body><div id="root"></div><script type="module" src="/static/assets/index.js"></script></body></html>\n'
)
_MOVED = "Moved in Airflow 3. Please change config to check `/api/v2/monitor/health`"
_REMOVED = "/api/v1 has been removed in Airflow 3, please use its upgraded version /api/v2 instead."
_DAY = 86400
_PAGE, _MOST = 50, 100
_COLUMNS = (
    "dag_id, coalesce(dag_display_name, dag_id), is_paused, is_stale, last_parsed_time, bundle_name, fileloc, "
    "relative_fileloc, timetable_summary, timetable_description, max_active_runs, max_active_tasks, has_import_errors, "
    "next_dagrun_create_after, owners"
)
_NAMES = (
    *("dag_id", "dag_display_name", "is_paused", "is_stale", "last_parsed_time", "bundle_name", "fileloc"),
    *("relative_fileloc", "timetable_summary", "timetable_description", "max_active_runs", "max_active_tasks"),
    *("has_import_errors", "next_dagrun_run_after", "owners"),
)


class Api:
    """The routes of one api-server."""

    def __init__(self, call: Call) -> None:
        self._settings = call.settings
        self._version = call.release.version

    def route(self, request: Request, database: Database) -> Response:
        """Answer one request."""
        match request.parts:
            case ("auth", "token", *rest) if request.method == "POST":
                seconds = 3600 if rest else _DAY
                return database.run(lambda session: self._token(session, request, seconds))
            case ("execution", *_):
                return self._execution(request)
            case ("health",):
                return Response(404, {"error": _MOVED})
            case ("api", "v1", *_):
                return Response(404, {"error": _REMOVED})
            case ("api", "v2", *rest):
                return self._v2(request, tuple(rest), database)
            case ("api", *_):
                return Response(404, {"error": "API route not found"})
        return Response(200, _SHELL)

    def _v2(self, request: Request, rest: tuple[str, ...], database: Database) -> Response:
        if rest == ("version",):
            return Response(200, {"version": self._shown_version(), "git_version": None})
        if rest == ("monitor", "health"):
            return Response(200, health(database))
        handler = self._protected(request, rest)
        if handler is None:
            return Response(404, {"error": "API route not found"})
        self._authorize(request)
        return database.run(handler)

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
                return lambda session: _import_errors(session, request)
            case "GET", ("plugins",):
                return lambda _: plugins.listed(self._settings, is3=True)
            case "GET", ("plugins", "importErrors"):
                return lambda _: plugins.errors(self._settings)
            case method, ("dags", dag_id, "dagRuns", *more):
                return runs.route3(method, dag_id, tuple(more), request)
        return None

    def _shown_version(self) -> str:
        options = fault(self._settings.world, "api-wrong-version")
        return self._version if options is None else str(options.get("version", "3.0.2"))

    def _token(self, session: Connection, request: Request, seconds: int) -> Response:
        body = request.data()
        if not isinstance(body.get("username"), str) or not isinstance(body.get("password"), str):
            return _missing("username")
        user = tokens.login(session, body["username"], body["password"])
        if user is None:
            return Response(401, {"detail": "Invalid credentials"})
        return Response(201, {"access_token": tokens.sign(self._settings.jwt_secret, str(user), seconds)})

    def _authorize(self, request: Request) -> None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Refused(Response(401, {"detail": "Not authenticated"}, {"WWW-Authenticate": "Bearer"}))
        try:
            tokens.check(self._settings.jwt_secret, token)
        except tokens.BadTokenError as error:
            status = 401 if str(error) == "Token Expired" else 403
            raise Refused(Response(status, {"detail": str(error)})) from error

    def _execution(self, request: Request) -> Response:
        _, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            tokens.check(self._settings.jwt_secret, token)
        except tokens.BadTokenError:
            return Response(403, {"detail": "Invalid auth token: Signature verification failed"})
        return Response(200, {})

    def _list(self, session: Connection, request: Request) -> Response:
        where, values = _filters(request)
        limit = min(request.number("limit", _PAGE), _MOST)
        total, rows = dags.page_of(session, where, values, _COLUMNS, limit, request.number("offset", 0))
        return Response(200, {"dags": [_shown(row) for row in rows], "total_entries": total})

    def _one(self, session: Connection, dag_id: str) -> Response:
        _, rows = dags.page_of(session, "dag_id = %s", [dag_id], _COLUMNS, 1, 0)
        return Response(200, _shown(rows[0])) if rows else _unknown(dag_id)

    def _patch_many(self, session: Connection, request: Request) -> Response:
        paused = request.data().get("is_paused")
        if not isinstance(paused, bool):
            return _missing("is_paused")
        if request.one("dag_id_pattern") is None and request.one("dag_id_prefix_pattern") is None:
            return Response(200, {"dags": [], "total_entries": 0})
        where, values = _filters(request)
        limit = min(request.number("limit", _PAGE), _MOST)
        total, _ = dags.page_of(session, where, values, "dag_id", limit, request.number("offset", 0))
        _, matching = dags.page_of(session, where, values, "dag_id", total, 0)
        names = [str(row[0]) for row in matching]
        if not paused and any(dags.refuses_unpause(session, name, self._settings.world) for name in names):
            return Response(500, {"detail": "Internal Server Error"})
        dags.set_paused(session, names, paused, self._settings.world)
        _, rows = dags.page_of(session, "dag_id = ANY(%s)", [names], _COLUMNS, limit, request.number("offset", 0))
        return Response(200, {"dags": [{**_shown(row), "is_paused": paused} for row in rows], "total_entries": total})

    def _patch_one(self, session: Connection, request: Request, dag_id: str) -> Response:
        paused = request.data().get("is_paused")
        if not isinstance(paused, bool):
            return _missing("is_paused")
        _, rows = dags.page_of(session, "dag_id = %s", [dag_id], _COLUMNS, 1, 0)
        if not rows:
            return _unknown(dag_id)
        if not paused and dags.refuses_unpause(session, dag_id, self._settings.world):
            return Response(500, {"detail": "Internal Server Error"})
        dags.set_paused(session, [dag_id], paused, self._settings.world)
        return Response(200, {**_shown(rows[0]), "is_paused": paused})


def _filters(request: Request) -> tuple[str, list[Any]]:
    """The WHERE of a list of DAGs; stale ones are hidden unless exclude_stale is false."""
    clauses, values = ["dag_id ILIKE %s"], [dags.pattern_filter(request.one("dag_id_pattern"))]
    if (prefix := request.one("dag_id_prefix_pattern")) is not None:
        clauses.append("dag_id LIKE %s")
        values.append(f"{prefix}%")
    if (request.one("exclude_stale") or "true").lower() != "false":
        clauses.append("NOT is_stale")
    if (paused := request.one("paused")) is not None:
        clauses.append("is_paused = %s")
        values.append(paused.lower())
    return " AND ".join(clauses), values


def _shown(row: Any) -> dict[str, Any]:
    shown = dict(zip(_NAMES, row, strict=True))
    owners = str(shown.pop("owners") or "")
    return {**shown, "owners": owners.split(", "), "tags": [], "file_token": ""}


def _missing(field: str) -> Response:
    return Response(422, {"detail": [{"type": "missing", "loc": ["body", field], "msg": "Field required"}]})


def _unknown(dag_id: str) -> Response:
    return Response(404, {"detail": f"Dag with id: {dag_id} was not found"})


def _import_errors(session: Connection, request: Request) -> Response:
    limit = min(request.number("limit", _PAGE), _MOST)
    rows = session.execute(
        "SELECT id, timestamp, filename, bundle_name, stacktrace FROM import_error ORDER BY id LIMIT %s", (limit,)
    ).fetchall()
    total = session.execute("SELECT count(*) FROM import_error").fetchone()
    names = ("import_error_id", "timestamp", "filename", "bundle_name", "stack_trace")
    shown = [dict(zip(names, row, strict=True)) for row in rows]
    return Response(200, {"import_errors": shown, "total_entries": int(total[0]) if total else 0})
