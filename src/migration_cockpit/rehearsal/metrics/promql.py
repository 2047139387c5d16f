"""The grammar of the PromQL that the rehearsal's Prometheus understands: text to a tree, or a parse error.

Understood are selectors, ranges, ``offset``, the functions of FUNCTIONS, the aggregations of AGGREGATIONS with ``by``
and ``without``, arithmetic, comparisons (with ``bool``), ``and``/``or``/``unless``, ``on`` and ``ignoring`` one to
one. Anything else is the 400 that Prometheus gives for what it does not know.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import NoReturn

RANGE_FUNCTIONS = frozenset(
    {"rate", "increase", "irate", "delta", "avg_over_time", "max_over_time", "min_over_time", "sum_over_time",
     "count_over_time", "last_over_time", "stddev_over_time", "changes", "resets"}
)  # fmt: skip
VECTOR_FUNCTIONS = frozenset({"abs", "ceil", "floor", "round", "absent", "sort", "sort_desc"})
ARGUMENTS = {
    **dict.fromkeys(RANGE_FUNCTIONS, ("range",)),
    **dict.fromkeys(VECTOR_FUNCTIONS, ("vector",)),
    "clamp_min": ("vector", "scalar"),
    "clamp_max": ("vector", "scalar"),
    "quantile_over_time": ("scalar", "range"),
    "scalar": ("vector",),
    "vector": ("scalar",),
    "time": (),
}
AGGREGATIONS = frozenset({"sum", "avg", "max", "min", "count"})
PRECEDENCE = {
    "or": 1, "and": 2, "unless": 2,
    "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "^": 6,
}  # fmt: skip
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
SETS = frozenset({"and", "or", "unless"})
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![\w.]))
    |(?P<number>(?:0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.]))
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
    |(?P<symbol>=~|!~|!=|==|<=|>=|[-+*/%^<>={}()\[\],:@])""",
    re.VERBOSE,
)


class ParseError(Exception):
    """The query is not understood; the message has Prometheus' form, with line and column."""


@dataclass(frozen=True)
class Number:
    """A number that was written down."""

    value: float
    kind = "scalar"


@dataclass(frozen=True)
class Matcher:
    """One condition on a label: ``=``, ``!=``, ``=~`` or ``!~`` (an expression is anchored at both ends)."""

    label: str
    operator: str
    value: str

    def holds(self, found: str) -> bool:
        """Say whether a label's value (empty when it has none) satisfies it."""
        if self.operator in ("=", "!="):
            return (found == self.value) == (self.operator == "=")
        return (re.fullmatch(self.value, found) is not None) == (self.operator == "=~")


@dataclass(frozen=True)
class Selector:
    """Series by name and matchers; ``seconds`` makes it a range; ``offset`` in seconds looks back."""

    name: str | None
    matchers: tuple[Matcher, ...]
    seconds: float | None = None
    offset: float = 0.0

    @property
    def kind(self) -> str:
        """Vector, or range."""
        return "vector" if self.seconds is None else "range"


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Node, ...]

    @property
    def kind(self) -> str:
        """What it gives."""
        return "scalar" if self.name in ("scalar", "time") else "vector"


@dataclass(frozen=True)
class Aggregation:
    """``sum by (a, b) (inner)``; ``without`` inverts the list."""

    name: str
    inner: Node
    labels: tuple[str, ...] = ()
    without: bool = False
    kind = "vector"


@dataclass(frozen=True)
class Binary:
    """Two sides and an operator; ``labels`` with ``on`` True or False narrow what matches (None: all labels)."""

    operator: str
    left: Node
    right: Node
    as_bool: bool = False
    on: bool | None = None
    labels: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Scalar when both sides are."""
        return "scalar" if self.left.kind == self.right.kind == "scalar" else "vector"


Node = Number | Selector | Call | Aggregation | Binary


@dataclass
class _Parser:
    text: str
    tokens: list[tuple[str, str, int]] = field(default_factory=list)
    place: int = 0

    def fail(self, words: str, at: int | None = None) -> NoReturn:
        at = self.tokens[self.place][2] if at is None else at
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        raise ParseError(f"{line}:{column}: parse error: {words}")

    def tokenise(self) -> None:
        at = 0
        while at < len(self.text):
            found = _TOKEN.match(self.text, at)
            if found is None:
                self.fail(f"unexpected character: {self.text[at]!r}", at)
            if found.lastgroup != "space":
                self.tokens.append((str(found.lastgroup), found.group(), at))
            at = found.end()
        self.tokens.append(("end", "", len(self.text)))

    @property
    def now(self) -> tuple[str, str]:
        return self.tokens[self.place][:2]

    def take(self, *texts: str) -> str | None:
        kind, text = self.now
        if kind in ("symbol", "name") and (text if kind == "symbol" else text.lower()) in texts:
            self.place += 1
            return text if kind == "symbol" else text.lower()
        return None

    def need(self, text: str, where: str) -> None:
        if self.take(text) is None:
            self.unexpected(where, f'expected "{text}"')

    def unexpected(self, where: str, expected: str = "") -> NoReturn:
        kind, text = self.now
        what = "end of input" if kind == "end" else f'{"identifier " if kind == "name" else ""}"{text}"'
        self.fail(f"unexpected {what}{f' in {where}' if where else ''}{f', {expected}' if expected else ''}")

    # -- expressions

    def expression(self, least: int = 0) -> Node:
        left = self.unary()
        while True:
            operator = self.now[1].lower()
            rank = PRECEDENCE.get(operator, 0) if self.now[0] in ("symbol", "name") else 0
            if rank == 0 or rank < least:
                return left
            start = self.tokens[self.place][2]
            self.place += 1
            left = self.binary(operator, rank, left, start)

    def binary(self, operator: str, rank: int, left: Node, start: int) -> Node:
        as_bool = self.take("bool") is not None
        if as_bool and operator not in COMPARISONS:
            self.fail("bool modifier can only be used on comparison operators", start)
        side = self.take("on", "ignoring")
        labels = self.names("grouping opts") if side else ()
        if self.take("group_left", "group_right"):
            self.fail("many-to-one matching is not part of the rehearsal's PromQL", start)
        right = self.expression(rank if operator == "^" else rank + 1)
        kinds = {left.kind, right.kind}
        if "range" in kinds:
            self.fail("binary expression must contain only scalar and instant vector types", start)
        if operator in SETS and kinds != {"vector"}:
            self.fail(f'set operator "{operator}" not allowed in binary scalar expression', start)
        if operator in COMPARISONS and not as_bool and kinds == {"scalar"}:
            self.fail("comparisons between scalars must use BOOL modifier", start)
        return Binary(operator, left, right, as_bool, None if side is None else side == "on", labels)

    def unary(self) -> Node:
        start = self.tokens[self.place][2]
        sign = self.take("+", "-")
        if sign is None:
            return self.postfix(self.primary())
        inner = self.expression(PRECEDENCE["^"])
        if inner.kind == "range":
            self.fail(
                'unary expression only allowed on expressions of type scalar or instant vector, got "range vector"',
                start,
            )
        return inner if sign == "+" else Binary("*", Number(-1), inner)

    def primary(self) -> Node:
        kind, text = self.now
        if kind == "number":
            self.place += 1
            return Number(float(int(text, 16)) if text.startswith("0x") else float(text))
        if self.take("("):
            inner = self.expression()
            self.need(")", "paren expression")
            return inner
        if kind == "symbol" and text == "{":
            return self.selector(None)
        if kind != "name":
            if kind == "end" and self.place == 0:
                raise ParseError("unknown position: parse error: no expression found in input")
            self.unexpected("")
        return self.named(text)

    def named(self, text: str) -> Node:
        start = self.tokens[self.place][2]
        self.place += 1
        following = self.now[1].lower()
        if text.lower() in AGGREGATIONS and following in ("(", "by", "without"):
            return self.aggregation(text.lower())
        if following == "(":
            if text not in ARGUMENTS:
                self.fail(f'unknown function with name "{text}"', start)
            return self.call(text, start)
        if text.lower() in ("inf", "nan"):
            return Number(float(text))
        return self.selector(text)

    def call(self, name: str, start: int) -> Node:
        self.need("(", "function call")
        arguments: list[Node] = []
        while not self.take(")"):
            arguments.append(self.expression())
            if not self.take(",") and self.now[1] != ")":
                self.unexpected("function call", 'expected ")"')
        wanted = ARGUMENTS[name]
        if len(arguments) != len(wanted):
            self.fail(f'expected {len(wanted)} argument(s) in call to "{name}", got {len(arguments)}', start)
        for argument, kind in zip(arguments, wanted, strict=True):
            if argument.kind != kind:
                self.fail(
                    f'expected type {_KIND_NAMES[kind]} in call to function "{name}", got {_KIND_NAMES[argument.kind]}',
                    start,
                )
        return Call(name, tuple(arguments))

    def aggregation(self, name: str) -> Node:
        start = self.tokens[self.place - 1][2]
        side = self.take("by", "without")
        labels = self.names("grouping opts") if side else ()
        self.need("(", "aggregation")
        inner = self.expression()
        self.need(")", "aggregation")
        if side is None and (side := self.take("by", "without")):
            labels = self.names("grouping opts")
        if inner.kind != "vector":
            self.fail(f"expected type instant vector in aggregation expression, got {_KIND_NAMES[inner.kind]}", start)
        return Aggregation(name, inner, labels, side == "without")

    def names(self, where: str) -> tuple[str, ...]:
        self.need("(", where)
        found: list[str] = []
        while not self.take(")"):
            if self.now[0] != "name":
                self.unexpected(where, "expected label")
            found.append(self.now[1])
            self.place += 1
            if not self.take(",") and self.now[1] != ")":
                self.unexpected(where, 'expected "," or ")"')
        return tuple(found)

    # -- selectors

    def selector(self, name: str | None) -> Node:
        start = self.tokens[self.place][2]
        matchers: list[Matcher] = []
        if self.take("{"):
            while not self.take("}"):
                matchers.append(self.matcher())
                if not self.take(",") and self.now[1] != "}":
                    self.unexpected("label matching", 'expected "," or "}"')
        if name is None and all(matcher.holds("") for matcher in matchers):
            self.fail("vector selector must contain at least one non-empty matcher", start)
        return Selector(name, tuple(matchers))

    def matcher(self) -> Matcher:
        if self.now[0] != "name":
            self.unexpected("label matching", 'expected identifier or "}"')
        label = self.now[1]
        self.place += 1
        operator = self.take("=", "!=", "=~", "!~")
        if operator is None:
            self.unexpected("label matching", "expected label matching operator")
        kind, text = self.now
        if kind != "string":
            self.unexpected("label matching", "expected string")
        value = _unquote(text)
        if operator in ("=~", "!~"):
            try:
                re.compile(value)
            except re.error as error:
                self.fail(f"error parsing regexp: {error}")
        self.place += 1
        return Matcher(label, operator, value)

    def postfix(self, node: Node) -> Node:
        if self.now[1] == "[" and self.now[0] == "symbol":
            node = self.range(node)
        if self.take("offset"):
            sign = -1 if self.take("-") else 1
            node = self.offset(node, sign * self.duration("offset"))
        if self.now == ("symbol", "@"):
            self.fail("the @ modifier is not part of the rehearsal's PromQL")
        if self.now == ("symbol", "["):
            self.fail("subqueries are not part of the rehearsal's PromQL")
        return node

    def range(self, node: Node) -> Node:
        if not isinstance(node, Selector) or node.seconds is not None:
            self.fail("subqueries are not part of the rehearsal's PromQL")
        self.need("[", "range")
        seconds = self.duration("range")
        if self.now[1].startswith(":"):
            self.fail("subqueries are not part of the rehearsal's PromQL")
        self.need("]", "range")
        return Selector(node.name, node.matchers, seconds, node.offset)

    def offset(self, node: Node, seconds: float) -> Node:
        if not isinstance(node, Selector):
            self.fail("offset modifier must be preceded by an instant vector selector or range vector selector")
        return Selector(node.name, node.matchers, node.seconds, seconds)

    def duration(self, where: str) -> float:
        kind, text = self.now
        if kind != "duration":
            self.unexpected(where, "expected duration")
        self.place += 1
        return parse_duration(text)


_KIND_NAMES = {"scalar": "scalar", "vector": "instant vector", "range": "range vector"}


def parse_duration(text: str) -> float:
    """Return the seconds of ``5m``, ``1h30m`` or ``500ms``; ValueError for anything else."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'not a valid duration string: "{text}"')
    return math.fsum(int(number) * UNITS[unit] for number, unit in parts)


def _unquote(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    escapes = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
    return re.sub(r"\\(.)", lambda found: escapes.get(found[1], "\\" + found[1]), text[1:-1])


def parse(text: str) -> Node:
    """Return the tree of a query; ParseError when it is not understood."""
    parser = _Parser(text)
    parser.tokenise()
    node = parser.expression()
    if parser.now[0] != "end":
        parser.unexpected("")
    return node
