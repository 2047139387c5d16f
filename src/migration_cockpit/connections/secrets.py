"""Secrets, from wherever the config says they are; each one is known to the redactor before anyone has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from migration_cockpit.config import SecretRef, Settings
from migration_cockpit.connections.errors import KubeError, Unreachable
from migration_cockpit.connections.kube import Kube
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.session.confidential import called_secret, in_arguments
from migration_cockpit.session.redact import Redactor


async def read(ref: SecretRef, kube: Kube, redactor: Redactor) -> str:
    """The secret's text, without the line end that editors leave. Raises Unreachable saying where it was looked for."""
    text = redactor.register((await _find(ref, kube)).strip("\r\n"))
    if not text:
        raise Unreachable(f"secret from {ref.source()}", "is empty")
    return text


async def _find(ref: SecretRef, kube: Kube) -> str:
    what = f"secret from {ref.source()}"
    if ref.env:
        if ref.env not in os.environ:
            raise Unreachable(what, "is not set", f"export {ref.env} before the cockpit starts")
        return os.environ[ref.env]
    if ref.file:
        try:
            return await in_thread(Path(ref.file).read_text, "utf-8")
        except UnicodeDecodeError:
            raise Unreachable(what, "is not UTF-8 text") from None
        except OSError as error:
            raise Unreachable(what, f"cannot be read: {error.strerror or error}") from error
    if ref.secret:
        name, key = ref.secret.split("/", 1)
        try:
            return await kube.secret(name, key)
        except KubeError as error:
            mend = "the cockpit needs get on this Secret" if error.denied else ""
            raise Unreachable(what, error.message or error.reason, mend) from error
    return ref.value or ""


def in_settings(settings: Settings) -> Iterator[str]:
    """The secrets that stand in the config itself: given as `value`, inside an address, among helm's arguments."""
    yield from in_arguments(settings.helm.arguments)
    yield from _literal(msgspec.to_builtins(settings))


def _literal(values: Any) -> Iterator[str]:
    if isinstance(values, dict):
        if values.keys() == {field.name for field in msgspec.structs.fields(SecretRef)} and values["value"]:
            yield values["value"]
        for value in values.values():
            yield from _literal(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _literal(value)
    elif isinstance(values, str) and "://" in values:
        try:
            password = urlsplit(values).password
        except ValueError:
            return
        if password:
            yield values
            yield password


def in_values_file(name: str) -> list[str]:
    """What is called like a secret in a values file; none of a file that cannot be read: whoever needs it says so."""
    import yaml

    try:
        return list(called_secret(yaml.safe_load(Path(name).read_text(encoding="utf-8"))))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return []
