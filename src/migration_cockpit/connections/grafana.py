"""Grafana's own HTTP API, beside the datasource proxy: what it says is told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migration_cockpit.connections.errors import Unreachable, one_line

if TYPE_CHECKING:
    import httpx

SECONDS = 8.0
CREATE = "annotations:create"
READ = "annotations:read"


class GrafanaRefused(Unreachable):
    """Grafana answered, and it was a no: `status` is the HTTP status."""

    def __init__(self, status: int, why: str, mend: str = "") -> None:
        super().__init__("Grafana", why, mend)
        self.status = status


async def call(
    http: httpx.AsyncClient,
    url: str,
    token: str,
    method: str,
    path: str,
    *,
    params: dict[str, str] | None = None,
    body: dict[str, Any] | None = None,
) -> Any:
    """One call of the API; returns its JSON. Raises Unreachable, GrafanaRefused where Grafana itself said no."""
    import httpx as library  # loaded by whoever made the client

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = await http.request(
            method, f"{url.rstrip('/')}{path}", params=params, json=body, headers=headers, timeout=SECONDS
        )
    except library.TimeoutException:
        raise Unreachable("Grafana", "does not answer in time") from None
    except (library.HTTPError, library.InvalidURL) as error:
        raise Unreachable("Grafana", one_line(error), "check grafana.url") from None
    try:
        told = answer.json()
    except ValueError:  # no JSON, or no text at all: a gateway's page
        told = None
    if answer.status_code != 200:
        raise _refused(answer.status_code, told)
    if not isinstance(told, dict | list):
        raise Unreachable("Grafana", f"answered 200 to {path}, but no JSON", "check grafana.url")
    return told


def _refused(status: int, told: Any) -> GrafanaRefused:
    said = str(told.get("message", ""))[:200] if isinstance(told, dict) else ""
    mend = ""
    if status == 401:
        mend = "check grafana.token"
    elif status == 403:
        _, _, needed = said.partition("Permissions needed: ")
        mend = f"give the service account {needed or CREATE}, or set grafana.annotate = false"
    return GrafanaRefused(status, f"answered {status}{f': {said}' if said else ''}", mend)
