"""What stands in front of Prometheus: the part of Grafana's HTTP API that a datasource proxy and annotations need."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

VERSION = "11.1.0"
METHODS = ("GET", "POST")
RIGHTS = {
    "annotations:create": ["annotations:type:dashboard", "annotations:type:organization"],
    "annotations:read": ["annotations:type:*"],
    "datasources:query": ["datasources:uid:*"],
    "datasources:read": ["datasources:uid:*"],
}
"""Actions with their scopes, as the basic role Editor has them."""


class Grafana:
    """Answers with ``token`` as the one valid service account token and one datasource, ``uid``.

    ``backend`` answers a proxied request for a path; None while Prometheus is down, which gives 502.
    """

    def __init__(self, token: str, uid: str) -> None:
        self._token = token
        self._uid = uid
        self.backend: Callable[[web.Request, str], Awaitable[web.Response]] | None = None
        self.annotations: list[dict[str, Any]] = []
        self.rights = set(RIGHTS)
        """What the token may; a test takes one away."""

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(middlewares=[self._authorised])
        app.router.add_get("/api/health", self._health)
        app.router.add_get("/api/datasources/uid/{uid}", self._datasource)
        app.router.add_get("/api/datasources/uid/{uid}/health", self._datasource_health)
        app.router.add_route("*", "/api/datasources/proxy/uid/{uid}/{path:.*}", self._proxy)
        app.router.add_get("/api/access-control/user/permissions", self._permissions)
        app.router.add_get("/api/annotations", self._list_annotations)
        app.router.add_post("/api/annotations", self._add_annotation)
        return app

    @web.middleware
    async def _authorised(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path != "/api/health":
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if not token:
                return _unauthorised("Unauthorized", "auth.unauthorized")
            if scheme.lower() != "bearer" or token.strip() != self._token:
                return _unauthorised("Invalid API key", "api-key.invalid")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _json({"message": "Not found"}, 404)

    async def _health(self, _: web.Request) -> web.Response:
        return _json({"commit": "rehearsal", "database": "ok", "version": VERSION})

    async def _datasource(self, request: web.Request) -> web.Response:
        if request.match_info["uid"] != self._uid:
            return _json({"message": "Data source not found", "traceID": ""}, 404)
        return _json(
            {"id": 1, "uid": self._uid, "orgId": 1, "name": "Prometheus", "type": "prometheus", "access": "proxy",
             "url": "http://prometheus:9090", "isDefault": True, "readOnly": True}
        )  # fmt: skip

    async def _datasource_health(self, request: web.Request) -> web.Response:
        if request.match_info["uid"] != self._uid:
            return _json({"message": "Data source not found", "traceID": ""}, 404)
        if self.backend is None:
            return _json(
                {"status": "ERROR", "message": 'Post "http://prometheus:9090/api/v1/query": connection refused'}, 400
            )
        return _json({"status": "OK", "message": "Successfully queried the Prometheus API."})

    async def _proxy(self, request: web.Request) -> web.Response:
        if request.match_info["uid"] != self._uid:
            return _json({"message": "Unable to find datasource", "traceID": ""}, 404)
        if request.method not in METHODS:
            return _json({"message": "non allow-listed method", "traceID": ""}, 403)
        if self.backend is None:
            return web.Response(status=502)
        return await self.backend(request, request.match_info["path"])

    async def _permissions(self, _: web.Request) -> web.Response:
        return _json({action: scopes for action, scopes in RIGHTS.items() if action in self.rights})

    async def _add_annotation(self, request: web.Request) -> web.Response:
        if "annotations:create" not in self.rights:
            return _denied("annotations:create")
        try:
            body = await request.json()
        except ValueError:
            return _json({"message": "bad request data"}, 400)
        if not isinstance(body, dict) or not body.get("text"):
            return _json({"message": "Failed to save annotation: text field should not be empty"}, 400)
        now = int(time.time() * 1000)
        entry = {"id": len(self.annotations) + 1, "time": body.get("time") or now}
        entry |= {"dashboardUID": str(body["dashboardUID"])} if body.get("dashboardUID") else {}
        entry |= {"timeEnd": body.get("timeEnd") or entry["time"], "text": body["text"], "tags": body.get("tags") or []}
        self.annotations.append(entry)
        return _json({"message": "Annotation added", "id": entry["id"]})

    async def _list_annotations(self, request: web.Request) -> web.Response:
        if "annotations:read" not in self.rights:
            return _denied("annotations:read")
        tags = set(request.query.getall("tags", []))
        uid = request.query.get("dashboardUID")
        begin, end = int(request.query.get("from", 0)), int(request.query.get("to", 2**62))
        found = [
            entry
            for entry in self.annotations
            if tags <= set(entry["tags"]) and begin <= entry["time"] <= end and uid in (None, entry.get("dashboardUID"))
        ]
        return _json(list(reversed(found)))


def _denied(action: str) -> web.Response:
    """What Grafana's access control answers where the token has not the action."""
    message = f"You'll need additional permissions to perform this action. Permissions needed: {action}"
    return _json(
        {"accessErrorId": f"ACE{time.time_ns() % 10**10:010}", "message": message, "title": "Access denied"}, 403
    )


def _unauthorised(message: str, message_id: str) -> web.Response:
    return _json({"extra": None, "message": message, "messageId": message_id, "statusCode": 401, "traceID": ""}, 401)


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")
