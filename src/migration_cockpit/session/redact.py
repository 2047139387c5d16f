"""The one redactor: a secret that was loaded never leaves as part of an event."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, urlsplit

from migration_cockpit.config import STEP_IDS

MASK = "«secret»"
SHORTEST = 4
"""Shorter values are not masked: they would blot out ordinary words."""


WORDS = (
    *STEP_IDS,
    "verified",
    "overridden",
    "skipped",
    "failed",
    "aborted",
    "running",
    "airflow-db-migrate",
    "postgres",
)
"""Words that the journal and names in the world are made of, and that some take for a password."""


class Redactor:
    """Knows every loaded secret in the forms in which it could reappear: raw, URL-encoded, base64, JSON-escaped."""

    def __init__(self, legible: Iterable[str] = ()) -> None:
        """`legible` are names that must stay readable: what is done next rests on them. A password that is a part of
        one of them (`airflow`, as in `airflow-scheduler`) is not masked by itself; a DSN that holds it is."""
        self._legible = (*WORDS, *legible)
        self._forms: set[str] = set()
        self._ordered: tuple[str, ...] = ()

    def register(self, secret: str) -> str:
        """Remember a secret, and the password inside it where it is a URL; returns it unchanged."""
        for value in {secret, secret.strip(), *_password_of(secret)}:
            if len(value) < SHORTEST or any(value in name for name in self._legible):
                continue
            raw = {value, quote(value, safe=""), quote(value), quote_plus(value)}
            raw.add(base64.b64encode(value.encode()).decode().rstrip("="))
            self._forms |= raw | {json.dumps(form)[1:-1] for form in raw}
            self._forms |= {json.dumps(form, ensure_ascii=False)[1:-1] for form in raw}
        # The longest first: a DSN is masked whole before the password inside it is looked for.
        self._ordered = tuple(sorted(self._forms, key=len, reverse=True))
        return secret

    def clean(self, text: str) -> str:
        """The text with every known secret masked."""
        for form in self._ordered:
            if form in text:
                text = text.replace(form, MASK)
        return text


def _password_of(secret: str) -> set[str]:
    if "://" not in secret:
        return set()
    try:
        password = urlsplit(secret).password
    except ValueError:
        return set()
    return {password} if password else set()
