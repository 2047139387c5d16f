"""`airflow webserver` and `airflow api-server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.api import v1, v2
from migration_cockpit.rehearsal.standin.api.http import serve
from migration_cockpit.rehearsal.standin.components.process import require_migrated
from migration_cockpit.rehearsal.standin.database import connect

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call

_PORT = 8080


def main(call: Call) -> int:
    """Serve until told to stop, on $PORT (where the kubelet put this container's port), else `--port`, else 8080."""
    session = connect(call.settings.dsn)
    require_migrated(call, session)
    session.close()
    api: v1.Api | v2.Api = v2.Api(call) if call.release.is3 else v1.Api(call)
    port = int(call.settings.port or call.args.port or _PORT)
    if call.release.is3:
        text = f"Uvicorn running on http://127.0.0.1:{port} (Press CTRL+C to quit)"
        call.log.info(text, "uvicorn.error", "server.py:216")
    else:
        call.log.info(f"Listening at: http://127.0.0.1:{port}", "gunicorn.error", "glogging.py:271")
    return serve(call, api.route, port)
