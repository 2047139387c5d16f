"""The blocking half of the Kubernetes connection: one authenticated request, a watch, a log, an exec.

It rests on the official client's ApiClient (kubeconfig, exec plugins, certificates, proxies) but speaks plain JSON:
the typed models cost a second and 80 MB to import and know no custom resources.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from migration_cockpit.config import Kubernetes
from migration_cockpit.connections.credentials import certificate_expiry, jwt_expiry
from migration_cockpit.connections.errors import KubeError, one_line
from migration_cockpit.session.redact import Remember, forget

Obj = dict[str, Any]

CONNECT_SECONDS = 3.0
READ_SECONDS = 15.0
POOL_SIZE = 32
"""Connections kept: more than there are concurrent calls and watches, else urllib3 throws some away."""

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True)
class Executed:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class KubeApi:
    """Requests to one cluster as one user. Methods block; they may be called from any thread."""

    def __init__(self, settings: Kubernetes, remember: Remember = forget) -> None:
        """`remember` is told the credential before it is used."""
        self._settings = settings
        self._remember = remember
        self._client: Any = None
        self._lock = threading.Lock()
        self._live: set[Any] = set()
        self._closed = False

    def client(self) -> Any:
        """The ApiClient for the named context, made at the first use. Raises KubeError when the config is no good."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
                self._learn(self._client.configuration)
            return self._client

    def _connect(self) -> Any:
        import yaml
        from kubernetes import config
        from kubernetes.client import Configuration

        settings = self._settings
        configuration = Configuration()
        configuration.connection_pool_maxsize = POOL_SIZE
        # urllib3's own retries would multiply every time-out; callers decide what is worth a second try.
        configuration.retries = False
        try:
            return config.new_client_from_config(
                config_file=settings.kubeconfig,
                context=settings.context,
                client_configuration=configuration,
                persist_config=False,
            )
        except (config.ConfigException, OSError, yaml.YAMLError) as error:
            where = settings.kubeconfig or "the default kubeconfig"
            raise KubeError(0, "Config", f"context {settings.context!r} of {where}: {one_line(error)}") from error
        except (TypeError, AttributeError, ValueError, LookupError) as error:  # the client trusts that it is one
            where = settings.kubeconfig or "the default kubeconfig"
            raise KubeError(0, "Config", f"{where} is no kubeconfig: {one_line(error)}") from error

    def _learn(self, configuration: Any) -> None:
        """Let what stands in the kubeconfig beside the token be known before anything can quote it."""
        if configuration.password:
            self._remember(configuration.password)
        if configuration.key_file:
            with suppress(OSError, UnicodeDecodeError):
                self._remember(Path(configuration.key_file).read_text(encoding="utf-8"))

    def expiry(self) -> datetime | None:
        """When the credential of the context ends; None when it does not, or when a plugin fetches a new one."""
        configuration = self.client().configuration
        token = configuration.api_key.get("BearerToken") or configuration.api_key.get("authorization")
        if token:
            return jwt_expiry(token)
        if configuration.cert_file:
            with suppress(OSError):
                return certificate_expiry(Path(configuration.cert_file).read_text(encoding="utf-8"))
        return None

    def headers(self) -> dict[str, str]:
        """The authentication headers of this moment; an exec plugin may be run for a fresh token."""
        headers: dict[str, str] = {}
        try:
            self.client().update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
        except KubeError:
            raise
        except Exception as error:  # whatever a credential plugin does wrong is one fact
            raise KubeError(0, "Credentials", f"no credential for the cluster: {one_line(error)}") from error
        for value in headers.values():
            self._remember(value.rpartition(" ")[2])  # "Bearer …", "Basic …"
        return headers

    def open(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        *,
        content_type: str = "application/json",
        read_seconds: float = READ_SECONDS,
    ) -> Any:
        """Send a request and return urllib3's response with its body still to be read. Raises KubeError."""
        import urllib3
        from kubernetes.client.exceptions import ApiException

        client = self.client()
        headers = {**client.default_headers, "Accept": "application/json", **self.headers()}
        if body is not None:
            headers["Content-Type"] = content_type
        url = client.configuration.host + path + ("?" + urlencode(query) if query else "")
        try:
            response = client.call_api(
                method, url, headers, body, _request_timeout=(CONNECT_SECONDS, read_seconds)
            ).response
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise KubeError(0, "Unreachable", _why(error, client.configuration.host)) from error
        if response.status >= 300:
            raise _refusal(response)
        return response

    def request(self, method: str, path: str, query: dict[str, str] | None = None, body: Any = None, **how: Any) -> Any:
        """Send a request and return the JSON it answers. Raises KubeError."""
        import urllib3

        response = self.open(method, path, query, body, **how)
        try:
            return json.loads(response.data)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise KubeError(0, "Unreachable", _why(error, self.client().configuration.host)) from error
        except ValueError as error:
            raise KubeError(response.status, "NotJson", f"{path} answered something that is not JSON") from error

    def lines(self, path: str, query: dict[str, str], opened: set[Any], *, read_seconds: float) -> Iterator[bytes]:
        """The lines of a streaming answer as they come, without their newlines. Raises KubeError when it breaks.

        The response stands in `opened` while it is read, for `break_streams`.
        """
        import urllib3

        response = self.open("GET", path, query, read_seconds=read_seconds)
        self._live.add(response)
        opened.add(response)
        rest = b""
        try:
            for chunk in response.stream(65536, decode_content=True):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if rest:
                yield rest
        except urllib3.exceptions.ReadTimeoutError as error:
            raise KubeError(0, "Quiet", f"the stream said nothing for {read_seconds:.0f} s") from error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise KubeError(0, "Broken", f"the stream broke off: {one_line(error)}") from error
        finally:
            self._live.discard(response)
            opened.discard(response)
            response.close()

    def break_streams(self, responses: set[Any] | None = None) -> None:
        """End streaming answers from another thread: all, or those given."""
        for response in list(responses if responses is not None else self._live):
            with suppress(Exception):  # already ended by itself
                response.shutdown()

    def websocket(self, path: str, query: list[tuple[str, str]]) -> Any:
        """Open a WebSocket of the API (exec, portforward). Raises KubeError."""
        import websocket
        from kubernetes.stream import ws_client

        configuration = self.client().configuration
        url = ws_client.get_websocket_url(configuration.host + path, query)
        try:
            return ws_client.create_websocket(configuration, url, self.headers())
        except websocket.WebSocketBadStatusException as error:
            raise _refused_handshake(error) from error
        except (websocket.WebSocketException, OSError) as error:
            raise KubeError(0, "Unreachable", _why(error, configuration.host)) from error

    def close(self) -> None:
        """End every stream and let go of the connections."""
        self._closed = True
        self.break_streams()
        if self._client is not None:
            self._client.close()


def _refusal(response: Any) -> KubeError:
    """A failed answer as KubeError: the Status object when it is one, else its first words."""
    try:
        data = response.data
    except Exception:  # noqa: BLE001  # the status alone says enough
        data = b""
    return _from_status(response.status, data, response.reason or "")


def _from_status(status: int, data: bytes, reason: str) -> KubeError:
    with suppress(ValueError, AttributeError):
        body = json.loads(data)
        return KubeError(status, body.get("reason") or reason, body.get("message", ""), body.get("details"))
    return KubeError(status, reason, data[:200].decode(errors="replace").strip())


def _refused_handshake(error: Any) -> KubeError:
    body = getattr(error, "resp_body", b"") or b""
    return _from_status(error.status_code, body, "Handshake")


def _why(error: BaseException, host: str) -> str:
    """Why there was no answer, in a few words."""
    text = one_line(error)
    for sign, words in (
        ("Connection refused", "refuses connections"),
        ("timed out", "does not answer in time"),
        ("Name or service not known", "has a name that does not resolve"),
        ("CERTIFICATE_VERIFY_FAILED", "shows a certificate that the kubeconfig's CA did not sign"),
        ("RemoteDisconnected", "closed the connection without an answer"),
        ("ConnectionResetError", "cut the connection"),
    ):
        if sign in text:
            return f"{host} {words}"
    return f"{host}: {text}"


def decode_secret(value: str) -> bytes:
    """A value of a Secret's `data`. Raises ValueError when it is not base64."""
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
