"""The one redactor: a secret that was loaded never leaves as part of an event, an artifact, a screen or a traceback."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any
from urllib.parse import unquote, urlsplit
from weakref import WeakSet

from migration_cockpit.config import STEP_IDS, Settings
from migration_cockpit.session import confidential
from migration_cockpit.session.spelling import Spelling, spellings

MASK = "«secret»"
SHORTEST = 4
"""Shorter values are not masked: they would blot out ordinary words."""
LINE = 16
"""Lines of a secret of many lines, a key say, are secrets of their own from this length on."""


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
    "postgresql",
    "password",
    "secret",
    "token",
    "localhost",
    "default",
    "disabled",
    "enabled",
    "connection",
)
"""Words that the journal and names in the world are made of, and that some take for a password."""

_KEY_VALUE = re.compile(r"\b(?:ssl)?password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)+))")
LEAST_PATH = 20
"""A URL's path of so many characters is a secret (a webhook's); a shorter one names a database."""
LONG = 12
_LONG_RUN = re.compile(rf"[A-Za-z0-9]{{{LONG},}}")
_place = itemgetter(0)
_living: WeakSet[Redactor] = WeakSet()


Remember = Callable[[str], str]
"""Is told of a secret and returns it unchanged: Redactor.register, or forget."""


def forget(secret: str) -> str:
    """For those who keep no record that a secret could get into."""
    return secret


class Redactor:
    """Knows every loaded secret in the forms in which it could reappear: see `spelling`. Any thread may use it."""

    def __init__(self, legible: Iterable[str] = ()) -> None:
        """`legible` are names that must stay readable: what is done next rests on them. A password that is a part of
        one of them (`airflow`, as in `airflow-scheduler`) is not masked by itself; a DSN that holds it is."""
        self._legible = {*WORDS, *legible}
        self._seen: set[str] = set()
        self._known: dict[str, tuple[Spelling, ...]] = {}
        self._short: tuple[tuple[int, Spelling], ...] = ()
        self._long: tuple[tuple[int, Spelling], ...] = ()
        _living.add(self)

    def register(self, secret: str) -> str:
        """Remember a secret, and what is a secret inside it (the password of a DSN, the lines of a key); returns it
        unchanged."""
        if secret in self._seen:  # tokens come by with each request
            return secret
        self._seen.add(secret)
        found = {value for value in _parts(secret) if len(value) >= SHORTEST} - self._known.keys()
        found = {value for value in found if not any(value in name for name in self._legible)}
        if found:
            self._order({**self._known, **{value: tuple(spellings(value)) for value in found}})
        return secret

    def register_all(self, secrets: Iterable[str]) -> None:
        """Remember some secrets."""
        for secret in secrets:
            self.register(secret)

    def register_values(self, values: Mapping[str, Any]) -> None:
        """Remember what stands in a tree of Helm values under keys that name a secret, and URLs with a password."""
        self.register_all(confidential.called_secret(values))

    def register_arguments(self, arguments: Sequence[str]) -> None:
        """Remember what stands in helm's `--set x.password=…` and its like."""
        self.register_all(confidential.in_arguments(arguments))

    def keep_legible(self, names: Iterable[str]) -> None:
        """Names that were learned later and that what is done next rests on, such as those of DAGs."""
        self._legible |= set(names)
        told = "\0".join(self._legible)
        self._order({value: known for value, known in self._known.items() if value not in told})

    def _order(self, known: dict[str, tuple[Spelling, ...]]) -> None:
        # The longest first: a DSN is masked whole before the password inside it is looked for.
        ordered = list(enumerate(each for value in sorted(known, key=len, reverse=True) for each in known[value]))
        self._short = tuple(each for each in ordered if len(each[1].anchor) < LONG)
        self._long = tuple(each for each in ordered if len(each[1].anchor) >= LONG)
        self._known = known

    def clean(self, text: str) -> str:
        """The text with every known secret masked, and what has the shape of one."""
        found = [each for each in self._short if each[1].anchor in text]
        # Few texts have a long run of letters and digits: where there is none, no long anchor is looked for.
        if self._long and (runs := " ".join(_LONG_RUN.findall(text))):
            found += [each for each in self._long if each[1].anchor in runs]
        for _, spelling in sorted(found, key=_place):
            text = spelling.pattern.sub(MASK, text)
        return confidential.without_shapes(text, MASK)

    def clean_bytes(self, content: bytes) -> bytes:
        """The same for a file's content; what is no text is left as it is."""
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return content
        return self.clean(text).encode()


def of_deployment(settings: Settings) -> Redactor:
    """A redactor that leaves the names legible by which a deployment is found: a password that is a part of one would
    make every line about it unreadable."""
    place = settings.kubernetes
    return Redactor([settings.deployment.name, place.context, place.namespace, place.release])


def clean_everywhere(text: str) -> str:
    """The text without the secrets that any part of this process knows: for what is said when all else has failed."""
    for redactor in tuple(_living):
        text = redactor.clean(text)
    return confidential.without_shapes(text, MASK)


def of_environment(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The values of environment variables that are called like a secret and are no path."""
    for name, value in (os.environ if environment is None else environment).items():
        if len(value) >= 8 and confidential.HOLDS.search(name) and not value.startswith(("/", "~", "./")):
            yield value


def _parts(secret: str) -> Iterator[str]:
    """A secret and the secrets inside it: a URL's password as it stands and decoded and its long path, the password of
    a key=value DSN, what a JSON calls secret, the lines of a text."""
    yield secret
    stripped = secret.strip()
    yield stripped
    if "://" in secret:
        try:
            password, path = urlsplit(stripped).password, urlsplit(stripped).path
        except ValueError:
            password, path = None, ""
        if password:
            yield password
            yield unquote(password)
        if len(path) >= LEAST_PATH:
            yield path
    if "password" in secret:
        for quoted, plain in _KEY_VALUE.findall(secret):
            yield re.sub(r"\\(.)", r"\1", quoted or plain)
    if stripped.startswith("{"):
        with suppress(ValueError, RecursionError):
            yield from confidential.called_secret(json.loads(stripped))
    if "\n" in stripped:
        yield from (line for line in map(str.strip, stripped.splitlines()) if len(line) >= LINE and line[:5] != "-----")
