"""What stands in front of moto: credentials are looked at, and calls that change the world are counted."""

from __future__ import annotations

import io
import re
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from migration_cockpit.rehearsal import calls
from migration_cockpit.rehearsal.aws import KEY_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

READING = ("Describe", "List", "Get", "Download")
KEYS = ("DBSnapshotIdentifier", "TargetDBInstanceIdentifier", "DBInstanceIdentifier", "ResourceName")
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")


class Gate:
    """A WSGI application around moto's.

    A request signed with an unknown key is refused with InvalidClientTokenId, one with a session token past its end
    with ExpiredToken, both 403, as AWS does.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], world: Path) -> None:
        self._app = app
        self._world = world
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self, token: str, ends: float) -> None:
        """Let the session ``token`` (sent with key ``testing``) be good until ``ends`` (Unix seconds)."""
        with self._lock:
            self._ends[token] = ends

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        refusal = self._refusal(environ)
        if refusal is not None:
            return _refuse(environ, start_response, *refusal)
        action, key = _what(environ)
        if not action or action.startswith(READING):
            return self._app(environ, start_response)

        def counted(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            refused = "" if status.startswith("2") else " refused"
            calls.record(self._world, "rds", action + refused, key)
            return start_response(status, headers, *rest)

        return self._app(environ, counted)

    def _refusal(self, environ: dict[str, Any]) -> tuple[str, str] | None:
        found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        if found is None:
            return None  # moto's own pages; an unsigned AWS call is moto's to refuse
        if found[1] != KEY_ID:
            return "InvalidClientTokenId", "The security token included in the request is invalid."
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
        if token is None:
            return None
        with self._lock:
            ends = self._ends.get(token)
        if ends is None:
            return "InvalidClientTokenId", "The security token included in the request is invalid."
        if ends <= time.time():
            return "ExpiredToken", "The security token included in the request is expired"
        return None


def _what(environ: dict[str, Any]) -> tuple[str, str]:
    """Return the RDS action that a request asks for and what it acts on; empty strings for anything else."""
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if found is None or found[3] != "rds" or environ.get("REQUEST_METHOD") != "POST":
        return "", ""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    key = next((fields[name] for name in KEYS if name in fields), "")
    if fields.get("NewDBInstanceIdentifier"):
        key += " -> " + fields["NewDBInstanceIdentifier"]
    return fields.get("Action", ""), key


def _refuse(environ: dict[str, Any], start_response: Callable[..., Any], code: str, message: str) -> list[bytes]:
    """Answer in the protocol that was asked in: XML for the query protocol, CBOR or JSON for CloudWatch's."""
    asked = environ.get("CONTENT_TYPE", "")
    headers = [("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")]
    if "cbor" in asked:
        body = b"\xa2" + b"".join(_cbor_text(word) for word in ("__type", code, "message", message))
        headers += [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
    elif "json" in asked:
        body = f'{{"__type":"{code}","message":"{message}"}}'.encode()
        headers.append(("Content-Type", "application/x-amz-json-1.0"))
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
        ).encode()
        headers.append(("Content-Type", "text/xml"))
    start_response("403 Forbidden", [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _cbor_text(word: str) -> bytes:
    """Encode a text shorter than 256 bytes as CBOR."""
    raw = word.encode()
    head = bytes([0x60 + len(raw)]) if len(raw) < 24 else bytes([0x78, len(raw)])
    return head + raw
