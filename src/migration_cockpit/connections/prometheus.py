"""Prometheus behind Grafana's datasource proxy. Loads requests: imported at the first use, on a thread."""

from __future__ import annotations

from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry


class _OneHost(requests.Session):  # type: ignore[misc]  # requests is checked as if it had no types
    """What the environment says of proxies and certificates is looked up once: for each request it costs a third."""

    _found: dict[str, Any] | None = None

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> dict[str, Any]:
        if self._found is None:
            self._found = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return self._found


def connect(url: str, token: str, seconds: float) -> Any:
    """The client, whose methods block for `seconds` at most."""
    # Retries and no time-out are its defaults: a server that hangs would hold the pane for a quarter of a minute.
    return PrometheusConnect(
        url=url,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        # With it no netrc is asked, whose word on the host would take the token's place.
        auth=_as_it_is if token else None,
        session=_OneHost(),
        retry=Retry(total=0),
        timeout=seconds,
    )


def _as_it_is(request: Any) -> Any:
    return request
