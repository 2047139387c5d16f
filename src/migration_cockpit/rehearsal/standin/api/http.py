"""A small threaded HTTP server: requests in, JSON out, one database session shared under a lock."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg

from migration_cockpit.rehearsal.standin.database import Connection, connect
from migration_cockpit.rehearsal.standin.failures import AirflowFailure

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call

_REASON = "Internal Server Error"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `parts` is the path without its empty pieces, `query` keeps repeated keys apart."""

    method: str
    parts: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: bytes

    def one(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter."""
        return next((value for key, value in reversed(self.query) if key == name), default)

    def number(self, name: str, default: int) -> int:
        """A query parameter that is a whole number; anything else counts as absent."""
        text = self.one(name) or ""
        return int(text) if text.isdigit() else default

    def data(self) -> dict[str, Any]:
        """The JSON object in the body; empty for anything else."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: `content` is sent as JSON, or as it is when it is a string (HTML)."""

    status: int
    content: object
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Raised by a route to answer with `response` at once."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Database:
    """The server's session: opened when first needed, replaced after it broke, used by one request at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._session: Connection | None = None

    def run(self, work: Callable[[Connection], Response]) -> Response:
        """Answer with `work`; raises psycopg.Error or AirflowFailure when the database does not play along."""
        with self._lock:
            if self._session is None or self._session.closed:
                self._session = connect(self._dsn)
            try:
                return work(self._session)
            except psycopg.OperationalError:
                self._session.close()
                raise


Router = Callable[[Request, Database], Response]


def serve(call: Call, router: Router, port: int) -> int:
    """Answer on all loopback names until SIGTERM; returns the exit code."""
    import signal

    database = Database(call.settings.dsn)
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(router, database))
    server.daemon_threads = True
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


def _handler(router: Router, database: Database) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "uvicorn"

        def _answer(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(
                method=self.command,
                parts=tuple(unquote(part) for part in url.path.split("/") if part),
                query=tuple(parse_qsl(url.query, keep_blank_values=True)),
                headers={key.lower(): value for key, value in self.headers.items()},
                body=self.rfile.read(length) if length else b"",
            )
            self._send(_safely(router, request, database))

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815 - http.server's names

        def _send(self, response: Response) -> None:
            html = isinstance(response.content, str)
            text = str(response.content) if html else json.dumps(response.content, default=_plain)
            payload = text.encode()
            self.send_response(response.status)
            self.send_header("Content-Type", "text/html; charset=utf-8" if html else "application/json")
            self.send_header("Content-Length", str(len(payload)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """An access log line per request would drown the component's own lines."""

    return Handler


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _safely(router: Router, request: Request, database: Database) -> Response:
    try:
        return router(request, database)
    except Refused as refused:
        return refused.response
    except (psycopg.Error, AirflowFailure):
        return Response(500, {"detail": _REASON})
