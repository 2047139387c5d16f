"""The program in the statsd pod: ``python -m migration_cockpit.rehearsal.statsd_pod``.

The UDP socket itself is the supervisor's (one address for all containers); this is the pod's face: it answers
``/metrics`` and the probes on the pod's port, and as long as it runs, packets are taken.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

FILE_NAME = "metrics.json"


class Face(BaseHTTPRequestHandler):
    """Answers as the exporter's HTTP port does."""

    def do_GET(self) -> None:
        """Answer /metrics with the exporter's state, the probes with OK."""
        if self.path.startswith("/metrics"):
            status, body = _metrics()
        elif self.path in ("/", "/-/healthy", "/-/ready", "/health"):
            status, body = 200, b"Statsd Exporter is Healthy.\n"
        else:
            status, body = 404, b"404 page not found\n"
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing for each request."""


def _inner() -> http.client.HTTPConnection:
    note = json.loads((Path(os.environ["REHEARSAL_DIR"]) / FILE_NAME).read_text(encoding="utf-8"))
    return http.client.HTTPConnection(urlsplit(note["exposition"]).netloc, timeout=10)


def _metrics() -> tuple[int, bytes]:
    connection = _inner()
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError as error:
        return 503, f"{error}\n".encode()
    finally:
        connection.close()


def _attach() -> None:
    """Hold the line to the supervisor; try again when it is lost."""
    while True:
        try:
            connection = _inner()
            connection.request("GET", "/attach")
            answer = connection.getresponse()
            while answer.read(1):
                pass
        except (OSError, http.client.HTTPException, ValueError):
            pass
        time.sleep(1)


def main() -> None:
    """Serve on the port that the pod was given for 9102."""
    port = int(os.environ.get("REHEARSAL_PORT_9102") or os.environ.get("PORT") or 9102)
    threading.Thread(target=_attach, daemon=True).start()
    print(f'level=INFO msg="Accepting Prometheus Requests" addr=127.0.0.1:{port}', flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Face).serve_forever()


if __name__ == "__main__":
    main()
