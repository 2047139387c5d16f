"""The table of template functions: name, Python callable, and which arguments Go would insist on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migration_cockpit.rehearsal.helm.template.errors import FunctionError
from migration_cockpit.rehearsal.helm.template.nodes import Value

_GO_TYPES = {bool: "bool", int: "int", float: "float64", str: "string", list: "[]interface {}"}


def go_type(value: Value) -> str:
    """The name Go gives to the type of a value."""
    if isinstance(value, dict):
        return "map[string]interface {}"
    return _GO_TYPES.get(type(value), type(value).__name__)


@dataclass(frozen=True, slots=True)
class Function:
    """A template function.

    `signature` has one letter for each argument: `s` string, `m` map, `i` whole number, `b` boolean, `a` anything; a
    `*` after the last letter lets it repeat any number of times (none included). Sprig converts most arguments by
    itself, so `a` is the usual letter.
    """

    name: str
    call: Callable[..., Value]
    signature: str

    def check_count(self, count: int) -> None:
        """Refuse a wrong number of arguments.

        Raises:
            FunctionError: as reflect words it.
        """
        repeats = self.signature.endswith("*")
        letters = self.signature.rstrip("*")
        least = len(letters) - 1 if repeats else len(letters)
        if count < least or (count > least and not repeats):
            wanted = f"at least {least}" if repeats else str(least)
            raise FunctionError(f"wrong number of args for {self.name}: want {wanted} got {count}")

    def check_type(self, index: int, arg: Value, *, from_map: bool, literal: str = "") -> None:
        """Refuse an argument of the wrong type.

        `from_map` tells a nil that came out of a map from one that did not; `literal` is the code of a constant.

        Raises:
            FunctionError: as reflect words it.
        """
        letters = self.signature.rstrip("*")
        letter = letters[min(index, len(letters) - 1)]
        wanted, fits = _LETTERS[letter]
        if fits(arg):
            return
        if literal:
            if letter == "m":
                raise FunctionError(f"can't handle {literal} for arg of type {wanted}")
            raise FunctionError(f"expected {'integer' if letter == 'i' else wanted}; found {literal}")
        if arg is None and not from_map:
            raise FunctionError(f"invalid value; expected {wanted}")
        got = "interface {}" if arg is None else go_type(arg)
        raise FunctionError(f"wrong type for value; expected {wanted}; got {got}")


# What each letter of a signature accepts, and Go's name for that type.
_LETTERS: dict[str, tuple[str, Callable[[Value], bool]]] = {
    "a": ("interface {}", lambda _value: True),
    "s": ("string", lambda value: isinstance(value, str)),
    "m": ("map[string]interface {}", lambda value: isinstance(value, dict)),
    "b": ("bool", lambda value: isinstance(value, bool)),
    "i": ("int", lambda value: isinstance(value, int) and not isinstance(value, bool)),
}


class Registry:
    """A set of functions that modules add to with a decorator."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}

    def add(self, signature: str, *names: str) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
        """Register the decorated function under its names."""

        def register(call: Callable[..., Value]) -> Callable[..., Value]:
            for name in names:
                self.functions[name] = Function(name, call, signature)
            return call

        return register
