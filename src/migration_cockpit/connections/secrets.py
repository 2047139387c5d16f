"""Secrets, from wherever the config says they are; each one is known to the redactor before anyone has it."""

from __future__ import annotations

import os
from pathlib import Path

from migration_cockpit.config import SecretRef
from migration_cockpit.connections.errors import KubeError, Unreachable
from migration_cockpit.connections.kube import Kube
from migration_cockpit.connections.threads import in_thread
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
