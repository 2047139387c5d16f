"""Sprig's functions on strings: case, trimming, splitting, regular expressions, encoding."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import string
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.helm.template.errors import FunctionError
from migration_cockpit.rehearsal.helm.template.gofmt import go_quote, go_string
from migration_cockpit.rehearsal.helm.template.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from migration_cockpit.rehearsal.helm.template.nodes import Value

registry = Registry()
add = registry.add

_ALPHA = string.ascii_letters


def strval(value: Value) -> str:
    """Sprig's conversion of anything to a string."""
    return go_string(value)


def _simple(signature: str, call: Callable[..., Value], *names: str) -> None:
    add(signature, *names)(call)


_simple("s", str.upper, "upper")
_simple("s", str.lower, "lower")
_simple("s", lambda text: re.sub(r"\b[a-z]", lambda match: match.group().upper(), text), "title")
_simple("s", lambda text: re.sub(r"\b[A-Z]", lambda match: match.group().lower(), text), "untitle")
_simple("s", str.swapcase, "swapcase")
_simple("s", lambda text: text.strip(" \t\r\n\v\f"), "trim")
_simple("s", lambda text: re.sub(r"\s", "", text), "nospace")
_simple("ss", lambda cut, text: text.strip(cut), "trimAll", "trimall")
_simple("ss", lambda suffix, text: text.removesuffix(suffix), "trimSuffix")
_simple("ss", lambda prefix, text: text.removeprefix(prefix), "trimPrefix")
_simple("ss", lambda part, text: part in text, "contains")
_simple("ss", lambda prefix, text: text.startswith(prefix), "hasPrefix")
_simple("ss", lambda suffix, text: text.endswith(suffix), "hasSuffix")
_simple("sss", lambda old, new, text: text.replace(old, new), "replace")
_simple("is", lambda count, text: text * count, "repeat")
_simple(
    "iis", lambda start, end, text: text[:end] if start < 0 else text[start:] if end < 0 else text[start:end], "substr"
)
_simple("is", lambda count, text: text[count:] if count < 0 else text[:count], "trunc")
_simple("a", strval, "toString")
_simple("a*", lambda *values: " ".join(go_quote(strval(value)) for value in values if value is not None), "quote")
_simple("a*", lambda *values: " ".join(f"'{strval(value)}'" for value in values if value is not None), "squote")
_simple("a*", lambda *values: " ".join(strval(value) for value in values if value is not None), "cat")
_simple("ssi", lambda one, many, count: one if count == 1 else many, "plural")
_simple("s", lambda text: re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", text).lower().replace("-", "_"), "snakecase")
_simple("s", lambda text: re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", text).lower().replace("_", "-"), "kebabcase")
_simple("s", lambda text: "".join(part.title() for part in re.split(r"[_\- ]", text)), "camelcase")
_simple("ss", lambda separator, text: _parts(separator, text), "splitList")
_simple("ss", lambda separator, text: {f"_{i}": part for i, part in enumerate(_parts(separator, text))}, "split")


def _parts(separator: str, text: str) -> list[str]:
    """Go splits by an empty separator into characters."""
    return text.split(separator) if separator else list(text)


@add("is", "indent")
def indent(width: int, text: str) -> str:
    """Every line moved right by `width` spaces, empty ones too."""
    return "\n".join(" " * width + line for line in text.split("\n"))


@add("is", "nindent")
def _nindent(width: int, text: str) -> str:
    moved: str = indent(width, text)
    return "\n" + moved


@add("sa", "join")
def _join(separator: str, values: Value) -> str:
    if isinstance(values, list):
        return separator.join(strval(value) for value in values if value is not None)
    return str(strval(values))


@add("a", "toStrings")
def _to_strings(values: Value) -> list[str]:
    items = values if isinstance(values, list) else [values]
    return [strval(value) for value in items if value is not None]


@add("a", "sortAlpha")
def _sort_alpha(values: Value) -> list[str]:
    return sorted(_to_strings(values))


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern.replace("(?P<", "(?P<").replace(r"\z", r"\Z"))
    except re.error as error:
        raise FunctionError(f"error parsing regexp: {error}: `{pattern}`") from error


@add("ss", "mustRegexMatch")
def _must_regex_match(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text) is not None


@add("ss", "regexMatch")
def _regex_match(pattern: str, text: str) -> bool:
    try:
        return _compiled(pattern).search(text) is not None
    except FunctionError:
        return False


@add("ss", "regexFind", "mustRegexFind")
def _regex_find(pattern: str, text: str) -> str:
    found = _compiled(pattern).search(text)
    return found.group() if found else ""


@add("ssi", "regexFindAll", "mustRegexFindAll")
def _regex_find_all(pattern: str, text: str, count: int) -> list[str]:
    found = [match.group() for match in _compiled(pattern).finditer(text)]
    return found if count < 0 else found[:count]


@add("sss", "regexReplaceAll", "mustRegexReplaceAll")
def _regex_replace(pattern: str, text: str, replacement: str) -> str:
    return _compiled(pattern).sub(re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", replacement.replace("\\", r"\\")), text)


@add("sss", "regexReplaceAllLiteral", "mustRegexReplaceAllLiteral")
def _regex_replace_literal(pattern: str, text: str, replacement: str) -> str:
    return _compiled(pattern).sub(lambda _match: replacement, text)


@add("ssi", "regexSplit", "mustRegexSplit")
def _regex_split(pattern: str, text: str, count: int) -> list[str]:
    return _compiled(pattern).split(text, 0 if count < 0 else max(count - 1, 0))


@add("s", "regexQuoteMeta")
def _regex_quote(text: str) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


@add("s", "b64enc")
def _b64enc(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@add("s", "b64dec")
def _b64dec(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except ValueError:
        return f"illegal base64 data at input byte {len(text) - len(text.lstrip(_ALPHA + string.digits + '+/'))}"


@add("s", "sha256sum")
def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@add("s", "sha1sum")
def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@add("s", "sha512sum")
def _sha512(text: str) -> str:
    return hashlib.sha512(text.encode()).hexdigest()


def _random(alphabet: str) -> Callable[[int], str]:
    return lambda count: "".join(secrets.choice(alphabet) for _ in range(count))


_simple("i", _random(_ALPHA + string.digits), "randAlphaNum")
_simple("i", _random(_ALPHA), "randAlpha")
_simple("i", _random(string.digits), "randNumeric")
_simple("i", _random("".join(chr(code) for code in range(32, 127))), "randAscii")
_simple("i", lambda count: base64.b64encode(secrets.token_bytes(count)).decode(), "randBytes")


@add("is", "wrap")
def _wrap(width: int, text: str) -> str:
    import textwrap

    return textwrap.fill(text, width)


@add("", "uuidv4")
def _uuid() -> str:
    import uuid

    return str(uuid.uuid4())
