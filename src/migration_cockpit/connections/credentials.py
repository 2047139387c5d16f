"""When a credential ends: read from the credential itself, nothing is asked of anyone."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime

_UTC_TIME, _GENERALIZED_TIME, _SEQUENCE, _VERSION_TAG = 0x17, 0x18, 0x30, 0xA0


def jwt_expiry(token: str) -> datetime | None:
    """The `exp` of a JSON Web Token; None for a token that is none or that does not expire."""
    parts = token.removeprefix("Bearer ").strip().split(".")
    if len(parts) != 3:
        return None
    try:
        body = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(float(body["exp"]), UTC)
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError):
        return None


def certificate_expiry(pem: str) -> datetime | None:
    """`notAfter` of the first certificate of a PEM text; None when there is none."""
    match = re.search(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", pem, re.DOTALL)
    if not match:
        return None
    try:
        return _not_after(base64.b64decode(match[1]))
    except (binascii.Error, ValueError, IndexError):
        return None


def _not_after(der: bytes) -> datetime | None:
    """Walk Certificate > TBSCertificate > Validity (RFC 5280, 4.1): the standard library reads no own certificate."""
    _, certificate, _ = _element(der)
    _, to_be_signed, _ = _element(certificate)
    rest = to_be_signed
    tag, _, after = _element(rest)
    if tag == _VERSION_TAG:
        rest = after
    for _ in range(3):  # serialNumber, signature, issuer
        _, _, rest = _element(rest)
    tag, validity, _ = _element(rest)
    if tag != _SEQUENCE:
        return None
    _, _, second = _element(validity)
    tag, value, _ = _element(second)
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        return datetime.strptime(text, "%y%m%d%H%M%SZ").replace(tzinfo=UTC)
    if tag == _GENERALIZED_TIME:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    return None


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """The first DER element: its tag, its content and what follows it."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(der[2 : 2 + size], "big")
        start = 2 + size
    return tag, der[start : start + length], der[start + length :]
