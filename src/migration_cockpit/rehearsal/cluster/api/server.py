"""The HTTP server: authentication, authorization, dispatch, errors; can refuse connections for a while."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .. import errors
from ..kinds import PODS, REVIEWS, Kind
from ..rbac import AUTHENTICATED, Ask, User
from . import discovery
from .openapi import document_v2, document_v3, index_v3
from .request import Target, parse_target
from .resources import Answer, Resources, read_body
from .reviews import review
from .tables import render_for
from .watch import Watch

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from ..apply import Applier
    from ..rbac import Authorizer, Users
    from ..registry import Registry
    from .pods import PodEndpoints

Obj = dict[str, Any]

MAX_BODY = 8 * 1024 * 1024


class ApiServer:
    """Serves the registry over HTTP on a loopback port, which it keeps while paused."""

    def __init__(
        self,
        registry: Registry,
        users: Users,
        authorizer: Authorizer,
        applier: Applier,
        pods: PodEndpoints,
        record: Callable[[str, str], None],
        tls: ssl.SSLContext,
    ) -> None:
        self._tls = tls
        self._registry = registry
        self._users = users
        self._authorizer = authorizer
        self._pods = pods
        self._record = record
        self._resources = Resources(registry, applier, self._note)
        self.denied = self._resources.denied
        self._watches: set[Watch] = set()
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._hold: socket.socket | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Binds and serves. Raises OSError when `port` is taken."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Cancelling on disconnect ends a watch or a followed log as soon as its client goes.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        self._hold = _bound(port)
        self.port = self._hold.getsockname()[1]
        await self.resume()

    async def stop(self) -> None:
        """Stops serving and frees the port."""
        await self.pause()
        if self._hold is not None:
            self._hold.close()
            self._hold = None
        if self._runner is not None:
            await self._runner.cleanup()

    async def pause(self) -> None:
        """Refuses connections and cuts the open ones; the port stays taken, so that nobody else answers on it."""
        if self._site is None or self._runner is None:
            return
        await self._site.stop()
        self._site = None
        self._hold = _bound(self.port)
        for watch in tuple(self._watches):
            watch.close()
        server = self._runner.server
        for connection in list(server.connections) if server is not None else []:
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)

    async def resume(self) -> None:
        """Serves again, on the same port: a server that was restarted, whose watch cache begins now."""
        if self._site is not None or self._runner is None or self._hold is None:
            return
        self._registry.store.forget_watches()
        self._site = web.SockSite(self._runner, self._hold, ssl_context=self._tls)
        self._hold = None
        await self._site.start()

    def expire_watches(self) -> None:
        """Forgets the history and ends every open watch with a 410 in its stream."""
        self._registry.store.compact()
        for watch in tuple(self._watches):
            watch.expire()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            user = self._impersonated(self._users.authenticate(request.headers.get("Authorization")), request)
            target = parse_target(request.method, request.path, request.query)
            if target is None:
                self._authorizer.check(user, Ask(request.method.lower(), path=request.path))
                return await self._plain(request)
            if (stream := await self._resource(request, target, user)) is not None:
                return stream
            return _missing()
        except errors.ApiError as error:
            return _json(error.status(), error.code)

    def _impersonated(self, user: User, request: web.Request) -> User:
        """The user that a request acts as (`kubectl --as`), when its sender may. Raises ApiError 403."""
        name = request.headers.get("Impersonate-User")
        if not name:
            return user
        self._authorizer.check(user, Ask("impersonate", resource="users", name=name))
        groups = request.headers.getall("Impersonate-Group", [])
        for group in groups:
            self._authorizer.check(user, Ask("impersonate", resource="groups", name=group))
        return User(name, (*groups, AUTHENTICATED))

    async def _plain(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/") or "/"
        if path in ("/healthz", "/livez", "/readyz"):
            return web.Response(text="ok")
        steps = path.strip("/").split("/")
        body: Obj | None = None
        catalogue = self._registry.catalogue
        if path == "/version":
            body = discovery.VERSION
        elif path == "/api":
            body = discovery.api_versions()
        elif path == "/api/v1":
            body = discovery.resource_list(catalogue, "", "v1")
        elif path == "/apis":
            body = discovery.group_list(catalogue)
        elif steps[0] == "apis" and len(steps) == 2:
            found = discovery.group_body(catalogue, steps[1])
            body = {"kind": "APIGroup", "apiVersion": "v1", **found} if found else None
        elif steps[0] == "apis" and len(steps) == 3:
            body = discovery.resource_list(catalogue, steps[1], steps[2])
        elif path == "/openapi/v2":
            body = document_v2(catalogue)
        elif path == "/openapi/v3":
            body = index_v3(catalogue)
        elif path.startswith("/openapi/v3/"):
            body = document_v3(catalogue, path.removeprefix("/openapi/v3/"))
        elif path == "/":
            body = {"paths": ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v2", "/openapi/v3", "/version"]}
        return _json(body) if body is not None else _missing()

    async def _resource(self, request: web.Request, target: Target, user: User) -> web.StreamResponse | None:
        """The answer to a resource request, or None when there is no such resource."""
        self._authorizer.check(user, target.ask())
        name = REVIEWS.get((target.group, target.version), {}).get(target.resource)
        if name is not None:
            body = await read_body(request)
            return _json(review(name, body, target.namespace, user, self._authorizer, self._users), 201)
        kind = self._registry.catalogue.by_plural(target.group, target.version, target.resource)
        if kind is None or (target.subresource and target.subresource not in kind.subresources):
            return None
        render = render_for(request.headers.get("Accept", ""), kind, request.query.get("includeObject", ""))
        if target.verb == "watch":
            return await self._watch(request, target, kind, render)
        if kind is PODS and target.subresource in ("log", "exec", "portforward", "eviction"):
            return await self._pod(request, target)
        grant = functools.partial(self._authorizer.check_grant, user)
        answer = await self._resources.handle(request, target, kind, grant)
        if not target.subresource and target.verb in ("get", "list"):
            return _json(render(answer.body), answer.code)
        return _answer(answer)

    async def _watch(
        self, request: web.Request, target: Target, kind: Kind, render: Callable[[Obj], Obj]
    ) -> web.StreamResponse:
        namespace = target.namespace if kind.namespaced else ""
        watch = Watch(self._registry.store, kind, namespace, target.name, request.query, render)
        self._watches.add(watch)
        try:
            return await watch.run(request)
        finally:
            self._watches.discard(watch)

    async def _pod(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.subresource == "log":
            return await self._pods.log(request, target)
        if target.subresource == "eviction":
            body = await read_body(request)
            answer = self._pods.evict(target, body)
            self._note(target, target.name)
            return _answer(answer)
        self._note(target, target.name)
        if target.subresource == "exec":
            return await self._pods.exec(request, target)
        return await self._pods.portforward(request, target)

    def _note(self, target: Target, name: str) -> None:
        """Writes a change of the world into the ledger; leases and events are a client's own housekeeping."""
        if target.resource in ("leases", "events"):
            return
        resource = f"{target.resource}/{target.subresource}" if target.subresource else target.resource
        key = f"{target.namespace}/{name}" if target.namespace else name
        self._record(f"{target.verb} {resource}", key)


def _bound(port: int) -> socket.socket:
    """A bound socket that does not listen: it keeps the port, and connections to it are refused."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _json(body: Obj, code: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    payload = json.dumps(body, separators=(",", ":")).encode() + b"\n"
    return web.Response(body=payload, status=code, content_type="application/json", headers=headers)


def _answer(answer: Answer) -> web.Response:
    headers = {"Warning": f'299 - "{answer.warning}"'} if answer.warning else None
    return _json(answer.body, answer.code, headers)


def _missing() -> web.Response:
    return web.Response(text="404 page not found\n", status=404)
