"""The one redactor: a secret that was loaded never leaves as part of an event."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit
from weakref import WeakSet

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


Remember = Callable[[str], str]
"""Is told of a secret and returns it unchanged: Redactor.register, or forget."""


def forget(secret: str) -> str:
    """For those who keep no record that a secret could get into."""
    return secret


class Redactor:
    """Knows every loaded secret in the forms in which it could reappear.

    Those are: raw, URL-encoded (hex digits in either case), base64 at each of the three places that it can have in
    what was encoded, and each of them JSON-escaped.
    """

    def __init__(self, legible: Iterable[str] = ()) -> None:
        """`legible` are names that must stay readable: what is done next rests on them. A password that is a part of
        one of them (`airflow`, as in `airflow-scheduler`) is not masked by itself; a DSN that holds it is."""
        self._legible = (*WORDS, *legible)
        self._known: set[str] = set()
        self._forms: set[str] = set()
        self._ordered: tuple[str, ...] = ()
        _LIVE.add(self)

    def register(self, secret: str) -> str:
        """Remember a secret, and what is secret by itself inside it: a DSN's password, a webhook's path; returns it."""
        if secret in self._known:
            return secret
        self._known.add(secret)
        for value in {secret, secret.strip(), *_within(secret)}:
            if len(value) < SHORTEST or any(value in name for name in self._legible):
                continue
            raw = _forms(value)
            self._forms |= raw | {json.dumps(form)[1:-1] for form in raw}
            self._forms |= {json.dumps(form, ensure_ascii=False)[1:-1] for form in raw}
        # The longest first: a DSN is masked whole before the password inside it is looked for.
        self._ordered = tuple(sorted(self._forms, key=len, reverse=True))
        return secret

    def register_values(self, values: Mapping[str, Any]) -> None:
        """Remember what stands in a tree of Helm values under keys that name a secret, and URLs with a password."""
        for key, value in values.items():
            if isinstance(value, Mapping):
                self.register_values(value)
            elif isinstance(value, list | tuple):
                for each in value:
                    if isinstance(each, Mapping):
                        self.register_values(each)
            elif isinstance(value, str) and len(value) >= LEAST_VALUE and _holds_secret(key, value):
                self.register(value)

    def register_arguments(self, arguments: Sequence[str]) -> None:
        """Remember what stands in helm's `--set x.password=…` and its like."""
        for word in arguments:
            pairs = word.partition("=")[2] if word.startswith("--set") else word
            for pair in pairs.split(","):
                key, found, value = pair.partition("=")
                if found and SECRET_KEY.search(key):
                    self.register(value)

    def clean(self, text: str) -> str:
        """The text with every known secret masked."""
        for form in self._ordered:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def clean_bytes(self, data: bytes) -> bytes:
        """The same for what goes into a file; what is no UTF-8 text stays as it is."""
        try:
            return self.clean(data.decode()).encode()
        except UnicodeDecodeError:
            return data


SECRET_KEY = re.compile(r"pass(word|wd|phrase)?$|token$|(fernet|api|secret|access|private)_?key$|dsn$", re.IGNORECASE)
"""Keys of Helm values under which a secret stands; `existingSecret` and `…SecretName` name one, and hold none."""
_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
LEAST_VALUE = 8
"""Shorter values of such keys are examples and words."""


def _holds_secret(key: str, value: str) -> bool:
    return bool(SECRET_KEY.search(key) or _URL_WITH_PASSWORD.search(value))


_LIVE: WeakSet[Redactor] = WeakSet()


def clean_everywhere(text: str) -> str:
    """A text that leaves the process, the traceback of a crash say, without what any redactor knows."""
    for redactor in tuple(_LIVE):
        text = redactor.clean(text)
    return text


def _forms(value: str) -> set[str]:
    """A value as it may reappear."""
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in quoted}
    return {value, *quoted, *lower, *_base64_forms(value)}


def _base64_forms(value: str) -> set[str]:
    """What of the base64 of any text that holds the value depends on the value alone."""
    data, found = value.encode(), {base64.b64encode(value.encode()).decode().rstrip("=")}
    for before in range(3):
        start = -(-before * 8 // 6)
        end = (before + len(data)) * 8 // 6
        coded = base64.b64encode(bytes(before) + data).decode()[start:end]
        if len(coded) >= SHORTEST_CODED:
            found |= {coded, coded.replace("+", "-").replace("/", "_")}
    return found


def _within(secret: str) -> set[str]:
    """What is secret by itself inside a secret: the password of a DSN of either kind, the path of a webhook."""
    found = {match[2] or match[1] for match in _KEYWORD.finditer(secret)}
    if "://" in secret:
        try:
            parts = urlsplit(secret)
            if parts.password:
                found |= {parts.password, unquote(parts.password)}
        except ValueError:
            return found
        if len(parts.path) >= LEAST_PATH:
            found.add(parts.path)
    return found


_KEYWORD = re.compile(r"\bpassword\s*=\s*('((?:[^'\\]|\\.)*)'|\S+)")
"""`password=…` as libpq takes it."""
LEAST_PATH = 20
"""A URL's path of so many characters is a secret (a webhook's); a shorter one names a database."""
SHORTEST_CODED = 8
"""Shorter pieces of base64 turn up by chance."""
