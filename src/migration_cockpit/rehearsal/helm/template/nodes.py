"""The tree of a parsed template. `str(node)` gives the code back, as error messages quote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

# What Go calls interface{}: everything that templates pass around (None, bool, int, float, str, list, dict, objects
# with methods). A closed union would have to be narrowed at every one of some hundred functions.
Value: TypeAlias = Any


@dataclass(slots=True)
class Node:
    """Anything that has a place in the source: the offset of its first character."""

    offset: int


@dataclass(slots=True)
class Text(Node):
    """Text that is copied to the output."""

    text: str


@dataclass(slots=True)
class Dot(Node):
    """`.`"""

    def __str__(self) -> str:
        return "."


@dataclass(slots=True)
class Nil(Node):
    """`nil`"""

    def __str__(self) -> str:
        return "nil"


@dataclass(slots=True)
class Literal(Node):
    """A string, number or boolean with the code it was written as."""

    value: str | int | float | bool
    code: str

    def __str__(self) -> str:
        return self.code


@dataclass(slots=True)
class Field(Node):
    """`.A.B`"""

    names: list[str]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Variable(Node):
    """`$x.A.B`"""

    name: str
    names: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.name + "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Chain(Node):
    """`(pipeline).A.B`"""

    node: Node
    names: list[str]

    def __str__(self) -> str:
        inner = f"({self.node})" if isinstance(self.node, Pipe) else str(self.node)
        return inner + "".join(f".{name}" for name in self.names)


@dataclass(slots=True)
class Ident(Node):
    """The name of a function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True)
class Command(Node):
    """A function or value with its arguments."""

    args: list[Node]

    def __str__(self) -> str:
        return " ".join(f"({arg})" if isinstance(arg, Pipe) else str(arg) for arg in self.args)


@dataclass(slots=True)
class Pipe(Node):
    """Commands joined by `|`, with the variables they declare or assign."""

    declares: list[str]
    assigns: bool
    commands: list[Command]

    def __str__(self) -> str:
        left = f"{', '.join(self.declares)} {'=' if self.assigns else ':='} " if self.declares else ""
        return left + " | ".join(str(command) for command in self.commands)


@dataclass(slots=True)
class Action(Node):
    """`{{ pipeline }}`"""

    pipe: Pipe


@dataclass(slots=True)
class Branch(Node):
    """`if`, `with` or `range`, with what is done when the pipeline is empty."""

    keyword: str
    pipe: Pipe
    body: list[Node]
    otherwise: list[Node]


@dataclass(slots=True)
class Jump(Node):
    """`break` or `continue`"""

    keyword: str


@dataclass(slots=True)
class Call(Node):
    """`{{ template "name" pipeline }}`"""

    name: str
    pipe: Pipe | None

    def __str__(self) -> str:
        data = f" {self.pipe}" if self.pipe else ""
        return f'{{{{template "{self.name}"{data}}}}}'


class Struct(dict[str, Value]):
    """What is a struct in Go: a field that it does not have is an error, not nil."""


@dataclass(slots=True)
class Template:
    """A named template: its body, and the source it came from (to turn offsets into places)."""

    name: str
    file: str
    source: str
    body: list[Node]

    def place(self, offset: int) -> str:
        """`FILE:LINE:COLUMN` of an offset, lines from 1 and columns from 0, as Go counts."""
        line_start = self.source.rfind("\n", 0, offset) + 1
        return f"{self.file}:{self.source.count(chr(10), 0, offset) + 1}:{offset - line_start}"
