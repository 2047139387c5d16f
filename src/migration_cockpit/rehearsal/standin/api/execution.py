"""The execution API, as far as the rehearsal needs it: a task must report its start there before it may run."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from migration_cockpit.rehearsal.standin.api.tokens import sign

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.components.executor import Key

_TRIES = 3
_PAUSE = 0.1
_TIMEOUT = 5.0


def report_start(base: str, secret: str, key: Key) -> str | None:
    """Report the start of a task to the execution API at `base`; returns what a task's log says when that fails."""
    token = sign(secret, "/".join(str(part) for part in key), 600, scope="execution")
    body = json.dumps({"state": "running", "dag_id": key[0], "task_id": key[1], "run_id": key[2]}).encode()
    problem = ""
    for attempt in range(_TRIES):
        try:
            _patch(f"{base.rstrip('/')}/task-instances/{key[1]}/run", token, body)
        except HTTPError as error:
            return f"airflow.sdk.api.client.ServerResponseError: {error.code} Invalid auth token: {error.reason}"
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            problem = f"httpx.ConnectError: {reason}"
        else:
            return None
        time.sleep(_PAUSE * attempt)
    return problem


def _patch(url: str, token: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(url, data=body, headers=headers, method="PATCH")  # noqa: S310 - the configured http address
    with urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - as above
        answer.read()
