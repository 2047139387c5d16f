"""Walking a parsed template: scopes, fields, pipelines, and errors that name file, line and code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from migration_cockpit.rehearsal.helm.template.builtins import truth
from migration_cockpit.rehearsal.helm.template.errors import ExecError, FunctionError, WarnError
from migration_cockpit.rehearsal.helm.template.gofmt import go_quote, go_string
from migration_cockpit.rehearsal.helm.template.nodes import (
    Action,
    Branch,
    Call,
    Chain,
    Command,
    Dot,
    Field,
    Ident,
    Jump,
    Literal,
    Nil,
    Node,
    Pipe,
    Struct,
    Template,
    Text,
    Value,
    Variable,
)
from migration_cockpit.rehearsal.helm.template.registry import go_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from migration_cockpit.rehearsal.helm.template.registry import Function

_MAX_DEPTH = 1000
_MISSING = object()


@runtime_checkable
class HasMembers(Protocol):
    """An object with fields and methods that templates may use, such as `.Files` or `.Capabilities.APIVersions`."""

    def member(self, name: str, args: list[Value]) -> Value:
        """The field, or what the method returns.

        Raises:
            FunctionError: no such member.
        """


def _names(node: Node | None) -> list[str]:
    return node.names if isinstance(node, Variable) else []


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


def execute(
    name: str, data: Value, templates: Mapping[str, Template], functions: Mapping[str, Function], depth: int = 0
) -> str:
    """Run a named template and return its output.

    Raises:
        ExecError: with the place of the failure, worded as Go words it.
    """
    template = templates.get(name)
    if template is None:
        raise FunctionError(f'template: no template {go_quote(name)} associated with template "gotpl"')
    return _Run(template, data, templates, functions, depth).run()


class _Run:
    def __init__(
        self,
        template: Template,
        data: Value,
        templates: Mapping[str, Template],
        functions: Mapping[str, Function],
        depth: int,
    ) -> None:
        self._template = template
        self._templates = templates
        self._functions = functions
        self._depth = depth
        self._variables: list[tuple[str, Value]] = [("$", data)]
        self._data = data
        self._out: list[str] = []
        self._at: Node | None = None

    def run(self) -> str:
        try:
            self._list(self._template.body, self._data)
        except (FunctionError, RecursionError) as error:
            raise self._located(error) from error
        return "".join(self._out)

    def _located(self, error: Exception) -> ExecError:
        node = self._at
        place = self._template.place(node.offset if node else 0)
        message = "exceeded maximum template depth (100000)" if isinstance(error, RecursionError) else str(error)
        text = f"template: {place}: executing {go_quote(self._template.name)} at <{node}>: {message}"
        located = ExecError(text)
        if isinstance(error, WarnError):
            located.add_note(message)
        return located

    # -- statements

    def _list(self, nodes: Iterable[Node], dot: Value) -> None:
        for node in nodes:
            match node:
                case Text():
                    self._out.append(node.text)
                case Action():
                    value = self._pipe(node.pipe, dot)
                    if not node.pipe.declares:
                        self._out.append(go_string(value, "<no value>"))
                case Branch(keyword="range"):
                    self._range(node, dot)
                case Branch():
                    self._branch(node, dot)
                case Call():
                    self._call(node, dot)
                case Jump():
                    raise _Break if node.keyword == "break" else _Continue

    def _branch(self, node: Branch, dot: Value) -> None:
        mark = len(self._variables)
        value = self._pipe(node.pipe, dot)
        if truth(value):
            self._list(node.body, value if node.keyword == "with" else dot)
        else:
            self._list(node.otherwise, dot)
        del self._variables[mark:]

    def _range(self, node: Branch, dot: Value) -> None:
        mark = len(self._variables)
        collection = self._operand_pipe(node.pipe, dot)
        items = self._items(collection)
        for key, value in items:
            inner = len(self._variables)
            names = node.pipe.declares
            if names:
                bound = [value] if len(names) == 1 else [key, value]
                if node.pipe.assigns:
                    for name, item in zip(names, bound, strict=True):
                        self._assign(name, item)
                else:
                    self._variables.extend(zip(names, bound, strict=True))
            try:
                self._list(node.body, value)
            except _Continue:
                pass
            except _Break:
                break
            finally:
                del self._variables[inner:]
        if not items:
            self._list(node.otherwise, dot)
        del self._variables[mark:]

    def _items(self, collection: Value) -> list[tuple[Value, Value]]:
        if collection is None:
            return []
        if isinstance(collection, dict):
            return [(key, collection[key]) for key in sorted(collection)]
        if isinstance(collection, list):
            return list(enumerate(collection))
        if isinstance(collection, int) and not isinstance(collection, bool):
            return [(number, number) for number in range(collection)]
        raise FunctionError(f"range can't iterate over {go_string(collection)}")

    def _call(self, node: Call, dot: Value) -> None:
        data = self._pipe(node.pipe, dot) if node.pipe else None
        self._at = node
        if node.name not in self._templates:
            raise FunctionError(f"template {go_quote(node.name)} not defined")
        if self._depth > _MAX_DEPTH:
            raise FunctionError(f"exceeded maximum template depth ({_MAX_DEPTH})")
        self._out.append(execute(node.name, data, self._templates, self._functions, self._depth + 1))

    # -- pipelines

    def _pipe(self, pipe: Pipe, dot: Value) -> Value:
        value = self._operand_pipe(pipe, dot)
        for name in pipe.declares:
            if pipe.assigns:
                self._assign(name, value)
            else:
                self._variables.append((name, value))
        return value

    def _operand_pipe(self, pipe: Pipe, dot: Value) -> Value:
        value: Value = _MISSING
        for command in pipe.commands:
            value = self._command(command, dot, value)
        return value

    def _command(self, command: Command, dot: Value, final: Value) -> Value:
        first, rest = command.args[0], command.args[1:]
        match first:
            case Ident():
                return self._function(first, rest, dot, final, command)
            case Field():
                return self._path(dot, first.names, first, (rest, dot, final))
            case Variable(names=names) if names:
                return self._path(self._lookup(first), names, first, (rest, dot, final))
            case Chain():
                return self._path(self._value(first.node, dot), first.names, first, (rest, dot, final))
        if isinstance(first, Nil):
            self._at = first
            raise FunctionError("nil is not a command")
        if rest or final is not _MISSING:
            self._at = first
            raise FunctionError(f"can't give argument to non-function {first}")
        return self._value(first, dot)

    def _value(self, node: Node, dot: Value) -> Value:
        match node:
            case Dot():
                return dot
            case Nil():
                return None
            case Literal():
                return node.value
            case Field():
                return self._path(dot, node.names, node, None)
            case Variable():
                value = self._lookup(node)
                return self._path(value, node.names, node, None) if node.names else value
            case Chain():
                return self._path(self._value(node.node, dot), node.names, node, None)
            case Pipe():
                return self._pipe(node, dot)
            case Ident():
                return self._function(node, [], dot, _MISSING, node)
        raise FunctionError(f"can't evaluate {node}")

    def _function(self, ident: Ident, rest: list[Node], dot: Value, final: Value, whole: Node) -> Value:
        if ident.name in {"and", "or"}:
            return self._short_circuit(ident.name, rest, dot, final)
        function = self._functions[ident.name]
        args = [self._value(node, dot) for node in rest]
        if final is not _MISSING:
            args.append(final)
        self._at = ident
        function.check_count(len(args))
        for index, arg in enumerate(args):
            node = rest[index] if index < len(rest) else None
            self._at = node or (rest[-1] if rest else whole)
            from_map = isinstance(node, Field | Chain) or bool(_names(node))
            function.check_type(index, arg, from_map=from_map, literal=str(node) if isinstance(node, Literal) else "")
        self._at = whole
        try:
            return function.call(*args)
        except WarnError:
            raise
        except ExecError as error:
            if notes := getattr(error, "__notes__", []):
                raise WarnError(notes[0]) from error
            raise FunctionError(f"error calling {ident.name}: {error}") from error
        except (FunctionError, ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
            # What Sprig would panic about (a letter where a number must be) is an error of this call.
            raise FunctionError(f"error calling {ident.name}: {error}") from error

    def _short_circuit(self, name: str, rest: list[Node], dot: Value, final: Value) -> Value:
        value: Value = None
        for node in rest:
            value = self._value(node, dot)
            if truth(value) == (name == "or"):
                return value
        return value if final is _MISSING else final

    # -- names

    def _lookup(self, node: Variable) -> Value:
        for name, value in reversed(self._variables):
            if name == node.name:
                return value
        self._at = node
        raise FunctionError(f"undefined variable: {node.name}")

    def _assign(self, name: str, value: Value) -> None:
        for index in range(len(self._variables) - 1, -1, -1):
            if self._variables[index][0] == name:
                self._variables[index] = (name, value)
                return

    def _path(self, value: Value, names: list[str], node: Node, call: tuple[list[Node], Value, Value] | None) -> Value:
        for index, name in enumerate(names):
            args: list[Value] = []
            if call is not None and index == len(names) - 1:
                rest, dot, final = call
                args = [self._value(arg, dot) for arg in rest]
                if final is not _MISSING:
                    args.append(final)
            self._at = node
            value = self._member(value, name, args, from_map=index > 0)
        return value

    def _member(self, value: Value, name: str, args: list[Value], *, from_map: bool) -> Value:
        if value is None:
            raise FunctionError(f"nil pointer evaluating interface {{}}.{name}")
        if isinstance(value, dict) and (name in value or not isinstance(value, Struct)):
            if args:
                raise FunctionError(f"{name} is not a method but has arguments")
            return value.get(name)
        if isinstance(value, HasMembers):
            return value.member(name, args)
        # What came out of a map is an interface to Go; only the current value itself has a type.
        kind = "interface {}" if from_map else go_type(value)
        raise FunctionError(f"can't evaluate field {name} in type {kind}")
