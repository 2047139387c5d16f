"""Sign-offs: what people answer for, with name, date and note, in a file beside the sessions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec


class SignOff(msgspec.Struct, frozen=True):
    """Somebody's word for a prerequisite."""

    id: str
    name: str
    at: datetime
    note: str


class SignOffError(Exception):
    """The file of the sign-offs cannot be read or written; the message says which and why."""


def path(sessions: Path, deployment: str) -> Path:
    """Where a deployment's sign-offs are kept."""
    return sessions.parent / "prepare" / f"{deployment}.json"


def read(file: Path) -> dict[str, SignOff]:
    """The newest sign-off of each prerequisite. Raises SignOffError."""
    try:
        given = msgspec.json.decode(file.read_bytes(), type=list[SignOff])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SignOffError(f"{file}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise SignOffError(f"{file}: is damaged ({error}); mend it, or move it away and sign anew") from error
    return {each.id: each for each in sorted(given, key=lambda one: one.at)}


def add(file: Path, signed: SignOff) -> None:
    """Write one more; the earlier ones stay on record. Raises SignOffError."""
    read(file)  # a damaged file is not written over
    try:
        before = msgspec.json.decode(file.read_bytes(), type=list[SignOff]) if file.exists() else []
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_bytes(msgspec.json.format(msgspec.json.encode([*before, signed]), indent=1))
        part.replace(file)
    except OSError as error:
        raise SignOffError(f"{file}: cannot be written: {error.strerror}") from error
