"""The client of Prometheus: what the environment says is heard once, and the token is what is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from migration_cockpit.connections.prometheus import connect

ANSWER = b'{"status":"success","data":{"resultType":"matrix","result":[]}}'


class Server(HTTPServer):
    """Answers every query, and keeps who asked."""

    said: list[tuple[str, str | None]]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        self.server.said.append((self.path, self.headers["Authorization"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    there = Server(("127.0.0.1", 0), Handler)
    there.said = []
    thread = threading.Thread(target=there.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield there
    there.shutdown()
    there.server_close()
    thread.join()


def ask(url: str, token: str) -> None:
    client, now = connect(url, token, 5.0), datetime.now(UTC)
    for _ in range(2):
        assert client.custom_query_range("up", start_time=now, end_time=now, step="1") == []


def test_the_token_is_sent_whatever_a_netrc_says_of_the_host(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login u password p\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    ask(f"http://127.0.0.1:{server.server_port}", "the-token")
    assert [who for _, who in server.said] == ["Bearer the-token"] * 2


def test_a_proxy_of_the_environment_is_gone_by(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    ask("http://grafana.example", "t")
    assert [path.partition("/api")[0] for path, _ in server.said] == ["http://grafana.example"] * 2
