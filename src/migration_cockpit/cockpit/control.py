"""One row of the table of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Act = Callable[[Any], Awaitable[None]]
"""What a key does, given the desk that it is pressed at. May raise Refused, whose words become the notice."""


@dataclass(frozen=True)
class Control:
    """One action: its keys, what the footer and the help say of it, where it is offered, and what it does."""

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    where: str
    """`screen`, or the `place` of a dialog."""
    act: Act
    footer: bool = True
    observer: bool = False
    """Whether a cockpit that does not drive may do it: it changes nothing that the driver rests on."""


async def _quit(desk: Any) -> None:
    desk.quitting = True


DETACH = Control("detach", ("q",), "detach", "leave; nothing in the cluster stops", "screen", _quit, observer=True)
"""The way out, which is there before anything else of the table is."""
