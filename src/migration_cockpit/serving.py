"""Watching in a browser: textual-serve draws the watcher's terminal there; who may look is decided here."""

from __future__ import annotations

import ipaddress
import secrets
import shlex
import sys
from pathlib import Path
from typing import Any

VIEWERS = 8
"""Browsers that may watch at once: each is a process of its own here."""
COOKIE = "migration-cockpit-watch"
MISSING = "--serve needs the extra `serve`: pip install 'migration-cockpit[serve]'"


class NotServed(Exception):
    """It cannot be served; the message says why and what to do."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to this address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_for(host: str, given: str | None) -> str:
    """The token that a viewer must bring: the one given; beyond loopback there must be one, so one is made."""
    if given is not None and len(given) < 16:
        raise NotServed("--token: takes at least 16 characters; leave it out and one is made")
    return given or ("" if is_loopback(host) else secrets.token_urlsafe(24))


def make_server(path: Path, host: str, port: int, token: str) -> Any:
    """The server. Raises NotServed where textual-serve is not installed."""
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError as error:
        raise NotServed(MISSING) from error

    class WatchServer(Server):  # type: ignore[misc]  # it brings no types
        """Serves one session, read-only: the command that it runs for each viewer cannot do anything else."""

        def __init__(self) -> None:
            command = shlex.join([sys.executable, "-m", "migration_cockpit", "watch", str(path)])
            super().__init__(command, host=host, port=port, title="migration-cockpit watch")
            self.viewers = 0

        async def _make_app(self) -> web.Application:
            app: web.Application = await super()._make_app()
            app.middlewares.append(self.admit)
            return app

        async def on_startup(self, app: web.Application) -> None:
            """Said by the command itself."""

        async def handle_index(self, request: web.Request) -> Any:
            """The page; it finds its way back by the name under which it was asked for."""
            self.public_url = f"{request.scheme}://{request.host}"
            return await super().handle_index(request)

        @staticmethod
        def _known(given: str) -> bool:
            return secrets.compare_digest(given.encode(), token.encode())

        @property
        def admit(self) -> Any:
            """Let in who brings the token, from this page and no other, while there is room."""

            @web.middleware
            async def middleware(request: web.Request, handler: Any) -> Any:
                origin = request.headers.get("Origin")
                if origin is not None and origin.partition("://")[2] != request.host:
                    raise web.HTTPForbidden(text="asked for by another site's page\n")
                if token and not self._known(request.cookies.get(COOKIE, "")):
                    if not self._known(request.query.get("token", "")):
                        raise web.HTTPUnauthorized(text="watching needs the token: open the address that was printed\n")
                    # Into a cookie, out of the address: addresses are copied and logged.
                    response = web.Response(status=302, headers={"Location": request.path})
                    response.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
                    return response
                if request.path != "/ws":
                    return await handler(request)
                if self.viewers >= VIEWERS:
                    raise web.HTTPServiceUnavailable(text=f"{VIEWERS} viewers watch already\n")
                self.viewers += 1
                try:
                    return await handler(request)
                finally:
                    self.viewers -= 1

            return middleware

    return WatchServer()


def serve(path: Path, host: str, port: int, given: str | None) -> None:
    """Serve until Ctrl-C. Raises NotServed."""
    token = token_for(host, given)
    server = make_server(path, host, port, token)
    shown = f"[{host}]" if ":" in host else host
    print(f"read-only at http://{shown}:{port}/{f'?token={token}' if token else ''}  (Ctrl-C ends it)", flush=True)
    try:
        server.serve()
    except OSError as error:
        raise NotServed(f"{host}:{port}: {error.strerror or error}; choose another --port") from error
