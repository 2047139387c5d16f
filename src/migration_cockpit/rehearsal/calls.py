"""The ledger of world-changing calls that the embedded world received.

Every server of the rehearsal world writes a line here when it is asked to change something (a Helm write, an RDS
mutation, a created Job, a Slack post). A test counts the lines to prove that nothing that must not be repeated was
done twice, whatever the cockpit believes it did.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "calls.jsonl"


@dataclass(frozen=True)
class Call:
    """One received call: ``t`` in Unix seconds (UTC), ``who`` was called, ``call`` by name, ``key`` it acted on."""

    t: float
    who: str
    call: str
    key: str


def record(world: Path, who: str, call: str, key: str) -> None:
    """Append one line to ``world/calls.jsonl``.

    The line goes out in a single write on an O_APPEND descriptor, so that processes of the world that record at the
    same time never mix their lines.
    """
    line = json.dumps({"t": round(time.time(), 6), "who": who, "call": call, "key": key}) + "\n"
    descriptor = os.open(world / FILE_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read(world: Path) -> list[Call]:
    """Return every call recorded in ``world``, oldest first; none when nothing was recorded yet.

    A last line without its newline (the writer was killed in the middle) is left out.
    """
    try:
        text = (world / FILE_NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = text.split("\n")[:-1]
    return [Call(**json.loads(line)) for line in lines if line]
