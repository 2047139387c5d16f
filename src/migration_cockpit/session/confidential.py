"""What looks like a secret although nobody loaded it: by the name that it has, or by its shape."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NAMES = ("pass", "secret", "token", "key", "connection", "credential", "dsn", "webhook")
"""A name that has one of these in it names a secret, unless it ends in `name`: that is where a secret is kept."""
HOLDS = re.compile(
    r"pass(word|wd|phrase)?$|token$|(fernet|api|secret|access|private)[_-]?key$|dsn$|webhook(_?url)?$|(^|_)secret$|_conn$",
    re.IGNORECASE,
)
"""Names of values that are secrets; `existingSecret`, `secretKeyRef` and `…SecretName` say where one is kept."""
_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
LEAST = 8
"""Shorter values that are only called like a secret are taken for words, such as `true`."""

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("://", re.compile(r"(?<=://)(?P<keep>[^\s:/@\"']*:)[^\s/@\"'<«…*$]+(?=@)")),
    ("earer ", re.compile(r"\b(?P<keep>[Bb]earer )[\w.~+/-]{16,}=*")),
    ("asic ", re.compile(r"\b(?P<keep>[Bb]asic )[\w+/-]{12,}={0,2}(?![\w ])")),
    ("eyJ", re.compile(r"(?P<keep>\b)eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")),
    ("glsa_", re.compile(r"(?P<keep>\b)glsa_\w{20,}")),
    ("hooks.slack.com/", re.compile(r"(?P<keep>hooks\.slack\.com/\w+/)[\w/-]{8,}")),
    ("PRIVATE KEY", re.compile(r"(?P<keep>-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|$)", re.DOTALL)),
    ("ssword=", re.compile(r"(?P<keep>password=[\"']?)[^\s\"'&,;<«…*$]{4,}", re.IGNORECASE)),
    ("SSWORD=", re.compile(r"(?P<keep>PASSWORD=[\"']?)[^\s\"'&,;<«…*$]{4,}")),
)
"""What must stand in a text for the pattern to be tried, and the pattern; `keep` stays."""


def without_shapes(text: str, mask: str) -> str:
    """The text with everything masked that has the shape of a credential."""
    for sign, shape in _SHAPES:
        if sign in text:
            text = shape.sub(rf"\g<keep>{mask}", text)
    return text


def names_a_secret(name: str) -> bool:
    """Whether a value of this name is a secret."""
    lower = name.lower()
    return not lower.endswith("name") and any(word in lower for word in NAMES)


def masked(values: Any, mask: str, name: str = "") -> Any:
    """Values with everything masked that is called like a secret."""
    if isinstance(values, dict):
        return {key: masked(value, mask, str(key)) for key, value in values.items()}
    if isinstance(values, list):
        return [
            {**each, "value": masked(each["value"], mask, str(each["name"]))}
            if _named(each)
            else masked(each, mask, name)
            for each in values
        ]
    return mask if isinstance(values, str) and values and names_a_secret(name) else values


def called_secret(values: Any, name: str = "") -> Iterator[str]:
    """The texts that are called like a secret, in values however deep: and addresses with a password."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from called_secret(value, str(key))
    elif isinstance(values, list):
        for each in values:
            yield from called_secret(each["value"], str(each["name"])) if _named(each) else called_secret(each, name)
    elif isinstance(values, str) and len(values) >= LEAST and (HOLDS.search(name) or _URL_WITH_PASSWORD.search(values)):
        yield values


def _named(each: Any) -> bool:
    """Whether it is an entry of a list of names with values, such as a container's environment."""
    return isinstance(each, Mapping) and {"name", "value"} <= each.keys()


def in_arguments(arguments: Sequence[str]) -> Iterator[str]:
    """The secrets that stand in a command line: `--set a.password=…`, `--password …`, `--kube-token=…`."""
    for at, argument in enumerate(arguments):
        inside = re.sub(r"^--[\w-]+=(?=[^,]*=)", "", argument)
        for name, value in re.findall(r"([\w.\[\]-]+)=((?:\\,|[^,])+)", inside):
            if len(value) >= LEAST and HOLDS.search(name):
                yield value
                yield value.replace("\\,", ",")
        before = arguments[at - 1] if at else ""
        if before.startswith("--") and "=" not in before and len(argument) >= LEAST and HOLDS.search(before):
            yield argument
