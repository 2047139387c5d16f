"""One row of the table of actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk

Act = Callable[["Desk"], Awaitable[None]]
"""What a key does. May raise Refused, whose words become the notice."""


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
