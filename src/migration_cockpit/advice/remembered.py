"""The last answer of a pure function of State, for a frame that asks the same several times."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Answer a call with the very same arguments as the last one (the same objects) without working it out again."""
    last: list[tuple[tuple[object, ...], T]] = []

    @wraps(function)
    def asked(*arguments: P.args, **named: P.kwargs) -> T:
        key = (*arguments, *sorted(named.items()))
        if last and len(last[0][0]) == len(key) and all(a is b for a, b in zip(last[0][0], key, strict=True)):
            return last[0][1]
        answer = function(*arguments, **named)
        last[:] = [(key, answer)]
        return answer

    return asked
