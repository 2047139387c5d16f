"""Whether a Fernet key opens what was stored with it, without opening it.

A Fernet token ends in an HMAC by the first half of its key, over everything before it. Where that fits, the key is the
one that it was made with, and whoever has the key can read it; no plain text comes into being here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

KEY, HALF, MAC, VERSION = 32, 16, 32, 0x80
LEAST = 1 + 8 + 16 + 16 + MAC
"""Bytes of the shortest token."""


def keys(text: str) -> list[bytes]:
    """The keys of AIRFLOW__CORE__FERNET_KEY: one, or several with commas between while they are rotated.

    Raises ValueError, which does not quote it, for what is no key.
    """
    found = [_decoded(part.strip()) for part in text.split(",") if part.strip()]
    if not found or any(len(each) != KEY for each in found):
        raise ValueError("it is no Fernet key: 32 bytes in URL-safe base64")
    return found


def opens(given: list[bytes], token: str) -> bool:
    """Whether one of the keys opens a stored value."""
    raw = _decoded(token)
    if len(raw) < LEAST or raw[0] != VERSION:
        return False
    body, mac = raw[:-MAC], raw[-MAC:]
    return any(hmac.compare_digest(hmac.digest(key[:HALF], body, hashlib.sha256), mac) for key in given)


def mark(text: str) -> str:
    """A short hash by which two places can be seen to have the same key: of 256 random bits it tells nothing."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:8]


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode())
    except (binascii.Error, ValueError):
        return b""
