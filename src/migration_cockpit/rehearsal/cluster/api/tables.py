"""The Table form that kubectl prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kinds import Kind

Obj = dict[str, Any]


def render_for(accept: str, kind: Kind) -> Callable[[Obj], Obj]:
    """How to show an object of `kind` to a client that sent `accept`."""
    return lambda obj: obj
