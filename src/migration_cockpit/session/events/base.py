"""What all events share, and the two values that many of them carry."""

from __future__ import annotations

from typing import ClassVar

import msgspec

VERSION = 1
"""Version of the envelope and of the meaning of the kinds in it."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all events. `durable` events are on disk before anything follows from them."""

    kind: ClassVar[str] = ""
    durable: ClassVar[bool] = True


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One condition with its live value: a gate before a step, or a line of a step's verification."""

    name: str
    holds: bool
    found: str
    """The live value, in words."""
    mend: str = ""
    """What to do when it does not hold."""
    known: bool = True
    """False when the value could not be read: never counted as holding."""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operation does, as a person could type it, and what it does in words."""

    text: str
    what: str = ""
