"""A web server that answers as Airflow 2.11.2 or 3.2.2 does, for what the cockpit asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import BasicAuth, web

from tests.connections.tokens import jwt

PASSWORD = "pass-word"


class AirflowServer:
    """One generation at a time, on one port. `dags` maps a DAG to whether it is paused."""

    def __init__(self, dags: int = 3) -> None:
        self.dags = {f"dag_{n:04}": False for n in range(dags)}
        self.runs: dict[tuple[str, str], str] = {}
        self.calls: list[str] = []
        self.bodies: list[Any] = []
        self.tokens: set[str] = set()
        self.port = 0
        self.major = 2
        self.starting = False
        """Whether 3.x stands behind a proxy that does not send requests of its API to it yet."""
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is; the port stays over a stop."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, major: int) -> None:
        """Listen as this generation."""
        self.major = major
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        self.calls.append(f"{request.method} {request.path}")
        body = await request.json() if request.can_read_body else None
        if body is not None:
            self.bodies.append(body)
        return self._two(request, body) if self.major == 2 else self._three(request, body)

    def _two(self, request: web.Request, body: Any) -> web.Response:
        path = request.path
        if path == "/":
            return web.Response(text="<html><title>DAGs - Airflow</title></html>", content_type="text/html")
        if path == "/api/v1/version":
            return web.json_response({"version": "2.11.2", "git_version": "x"})
        if path in ("/api/v1/health", "/health"):
            return web.json_response(_health())
        if not path.startswith("/api/v1/"):
            return web.json_response({"detail": None, "status": 404, "title": "Not Found"}, status=404)
        given = request.headers.get("Authorization", "")
        if not given.startswith("Basic ") or BasicAuth.decode(given).password != PASSWORD:
            return web.json_response({"detail": None, "status": 401, "title": "Unauthorized"}, status=401)
        if request.method == "PATCH" and path == "/api/v1/dags":
            if "dag_id_pattern" not in request.query:
                return web.json_response({"detail": "Missing query parameter 'dag_id_pattern'"}, status=400)
            offset, limit = int(request.query.get("offset", "0")), min(100, int(request.query.get("limit", "100")))
            return self._changed(list(self.dags)[offset : offset + limit], body)
        return self._common(request, "/api/v1", body)

    def _three(self, request: web.Request, body: Any) -> web.Response:
        path = request.path
        if path.startswith("/api/v1"):
            return web.json_response({"error": "/api/v1 has been removed in Airflow 3"}, status=404)
        if path == "/":
            return web.Response(text="<html><title>Airflow</title></html>", content_type="text/html")
        if self.starting:
            return web.Response(status=503, text="no available server")
        if path == "/api/v2/version":
            return web.json_response({"version": "3.2.2", "git_version": "x"})
        if path == "/api/v2/monitor/health":
            return web.json_response(_health())
        if path == "/auth/token":
            if body["password"] != PASSWORD:
                return web.json_response({"detail": "Invalid credentials"}, status=401)
            token = jwt(exp=(datetime.now(UTC) + timedelta(days=1)).timestamp(), n=len(self.tokens))
            self.tokens.add(token)
            return web.json_response({"access_token": token}, status=201)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return web.json_response({"detail": "Not authenticated"}, status=401)
        if request.method == "PATCH" and path == "/api/v2/dags":
            matched = list(self.dags) if "dag_id_pattern" in request.query else []
            return self._changed(matched, body)
        if request.method == "POST" and "logical_date" not in (body or {}):
            return web.json_response({"detail": [{"msg": "Field required"}]}, status=422)
        return self._common(request, "/api/v2", body)

    def _changed(self, matched: list[str], body: Any) -> web.Response:
        for dag in matched:
            self.dags[dag] = body["is_paused"]
        total = len(self.dags) if matched else 0
        return web.json_response({"dags": [{"dag_id": dag} for dag in matched[:100]], "total_entries": total})

    def _common(self, request: web.Request, base: str, body: Any) -> web.Response:
        parts = request.path.removeprefix(base + "/").split("/")
        match (request.method, *parts):
            case ("GET", "dags"):
                page = list(self.dags)[: min(100, int(request.query.get("limit", "100")))]
                return web.json_response({"dags": [{"dag_id": d} for d in page], "total_entries": len(self.dags)})
            case ("GET", "importErrors"):
                errors = [{"import_error_id": 1, "filename": "/dags/broken.py", "stack_trace": "boom"}]
                return web.json_response({"import_errors": errors, "total_entries": 1})
            case ("PATCH", "dags", dag) if dag in self.dags:
                self.dags[dag] = body["is_paused"]
                return web.json_response({"dag_id": dag, "is_paused": body["is_paused"]})
            case ("POST", "dags", dag, "dagRuns") if dag in self.dags:
                key = (dag, body["dag_run_id"])
                if key in self.runs:
                    return web.json_response({"detail": "the run exists", "title": "Conflict"}, status=409)
                self.runs[key] = "queued"
                return web.json_response({"dag_run_id": key[1], "state": "queued"})
            case ("GET", "dags", dag, "dagRuns", run) if (dag, run) in self.runs:
                return web.json_response({"dag_run_id": run, "state": self.runs[dag, run]})
            case ("GET", "dags", dag, "dagRuns", run, "taskInstances") if (dag, run) in self.runs:
                tasks = [{"task_id": "one", "state": "success"}, {"task_id": "two", "state": None}]
                return web.json_response({"task_instances": tasks, "total_entries": 2})
        return web.json_response({"detail": "not found"}, status=404)


def _health() -> dict[str, Any]:
    return {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": "2026-05-16T09:00:00.123456+00:00"},
        "triggerer": {"status": None, "latest_triggerer_heartbeat": None},
        "dag_processor": {"status": None, "latest_dag_processor_heartbeat": None},
    }
