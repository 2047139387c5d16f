"""Passwords and tokens as the FAB auth manager handles them: Werkzeug's scrypt hashes, HS256 JSON web tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.database import Connection


class BadTokenError(Exception):
    """The token is not one of ours; the text is what the API says of it."""


def sign(secret: str, subject: str, seconds: int, **claims: object) -> str:
    """A token for `subject` that is good for `seconds`."""
    now = int(time.time())
    body = {"sub": subject, "jti": uuid.uuid4().hex, "aud": "apache-airflow", "nbf": now, "iat": now}
    payload = _pack({"alg": "HS512", "typ": "JWT"}) + "." + _pack({**body, "exp": now + seconds, **claims})
    return f"{payload}.{_signature(secret, payload)}"


def check(secret: str, token: str) -> dict[str, Any]:
    """The claims of `token`; raises BadTokenError for a wrong signature or a token whose time is over."""
    payload, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature, _signature(secret, payload)):
        raise BadTokenError("Invalid JWT token")
    try:
        claims: dict[str, Any] = json.loads(_unpack(payload.split(".")[1]))
    except (ValueError, IndexError) as error:
        raise BadTokenError("Invalid JWT token") from error
    if float(claims.get("exp", 0)) < time.time():
        raise BadTokenError("Token Expired")
    return claims


def login(session: Connection, username: str, password: str) -> int | None:
    """The id of the active user with this name and password, else None."""
    query = "SELECT id, password FROM ab_user WHERE lower(username) = lower(%s) AND active"
    row = session.execute(query, (username,)).fetchone()
    if row is None or not _matches(password, str(row[1])):
        return None
    return int(row[0])


def _matches(password: str, stored: str) -> bool:
    method, _, rest = stored.partition("$")
    salt, _, digest = rest.partition("$")
    name, *parameters = method.split(":")
    if name == "scrypt":
        n, r, p = (int(value) for value in parameters)
        made = hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=132 * n * r * p)
    elif name == "pbkdf2":
        made = hashlib.pbkdf2_hmac(parameters[0], password.encode(), salt.encode(), int(parameters[1]))
    else:
        return False
    return hmac.compare_digest(made.hex(), digest)


def _signature(secret: str, payload: str) -> str:
    digest = hmac.new(secret.encode(), payload.encode(), hashlib.sha512).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _pack(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
