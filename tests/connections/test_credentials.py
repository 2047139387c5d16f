"""When credentials end, read from themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from migration_cockpit.connections.credentials import certificate_expiry, jwt_expiry
from tests.connections.tokens import jwt

CERTIFICATE = """
-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUCxVaOzf7BI50zd4+2/lvLfHBIqswCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHY29ja3BpdDAeFw0yNjExMjMwNzAyMjNaFw0zNjExMjAwNzAy
MjNaMBIxEDAOBgNVBAMMB2NvY2twaXQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQiFakd3RdL85N7xh1wQ0T1N6+g93iMshbGlUwVxP3J1hmnq5VKFY1CidhOukQY
2Yw1beHgw1Ttm6NnBGNusiXso1MwUTAdBgNVHQ4EFgQUxZjOg3j8aw52kzDKXuT4
5uY8YDUwHwYDVR0jBBgwFoAUxZjOg3j8aw52kzDKXuT45uY8YDUwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiA2wCD5pCc1/w3+5dmPa6KMQj4VCw1W
ZfJCd9qonfJwMgIhAIO/MQhMEe/M0gSOg+DHXzYIb1hxfCxhoDx4qs/95wrP
-----END CERTIFICATE-----
"""


def test_a_certificate_ends_when_openssl_says_so() -> None:
    assert certificate_expiry(CERTIFICATE) == datetime(2036, 11, 20, 7, 2, 23, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "no certificate", CERTIFICATE.replace("MIIBeTCC", "AAAAAAAA"), CERTIFICATE[:120]])
def test_what_is_no_certificate_has_no_end(text: str) -> None:
    assert certificate_expiry(text) is None


def test_a_token_ends_at_its_exp() -> None:
    assert jwt_expiry("Bearer " + jwt(exp=1_800_000_000)) == datetime(2027, 1, 15, 8, tzinfo=UTC)


@pytest.mark.parametrize("token", ["", "glsa_abc", "a.b.c", jwt(sub="x"), jwt(exp="soon"), jwt(exp=1e30)])
def test_what_has_no_exp_has_no_end(token: str) -> None:
    assert jwt_expiry(token) is None
