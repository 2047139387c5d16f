"""Tokens to a tree, with the grammar of Go's text/template."""

from __future__ import annotations

import json
import re

from migration_cockpit.rehearsal.helm.template import lexer
from migration_cockpit.rehearsal.helm.template.errors import ParseError
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
    Template,
    Text,
    Variable,
)

_OPERANDS = frozenset({"string", "raw", "char", "number", "bool", "nil", "dot", "field", "variable", "ident", "open"})


def parse(name: str, source: str, functions: frozenset[str]) -> dict[str, Template]:
    """Parse a file into its named templates; the file itself is the one called `name`.

    Raises:
        ParseError: with the file and line, as Go words it.
    """
    return _Parser(name, source, functions).run()


class _Parser:
    def __init__(self, name: str, source: str, functions: frozenset[str]) -> None:
        self._name = name
        self._source = source
        self._functions = functions
        self._tokens = list(lexer.tokens(name, source))
        self._index = 0
        self._variables = [{"$"}]
        self._loops = 0
        self.templates: dict[str, Template] = {}

    def run(self) -> dict[str, Template]:
        body, stop = self._list(frozenset())
        assert not stop
        self.templates[self._name] = Template(self._name, self._name, self._source, body)
        return self.templates

    # -- tokens

    def _peek(self) -> lexer.Token | None:
        return self._tokens[self._index] if self._index < len(self._tokens) else None

    def _next(self) -> lexer.Token:
        token = self._peek()
        if token is None:
            raise self._error(len(self._source) - 1, "unexpected EOF")
        self._index += 1
        return token

    def _skip_space(self) -> lexer.Token:
        while (token := self._next()).kind == "space":
            pass
        self._index -= 1
        return token

    def _expect(self, kind: str, context: str) -> lexer.Token:
        token = self._skip_space()
        if token.kind != kind:
            raise self._error(token.offset, f"unexpected {_shown(token)} in {context}")
        return self._next()

    def _error(self, offset: int, message: str) -> ParseError:
        return ParseError(f"template: {self._name}:{lexer.line_of(self._source, max(offset, 0))}: {message}")

    # -- statements

    def _list(self, stops: frozenset[str]) -> tuple[list[Node], str]:
        """Parse nodes until one of the keywords of `stops`; return them and the keyword (empty at the end of file)."""
        nodes: list[Node] = []
        while (token := self._peek()) is not None:
            if token.kind == "text":
                self._index += 1
                nodes.append(Text(token.offset, token.text))
                continue
            self._next()  # the left delimiter
            keyword = self._skip_space()
            if keyword.kind in {"end", "else"}:
                if keyword.kind not in stops:
                    raise self._error(keyword.offset, f"unexpected {{{{{keyword.text}}}}}")
                self._next()
                return nodes, keyword.kind
            if keyword.kind == "define" and stops:
                raise self._error(keyword.offset, "unexpected <define> in command")
            nodes.extend(self._statement(keyword))
        if stops:
            raise self._error(len(self._source) - 1, "unexpected EOF")
        return nodes, ""

    def _statement(self, keyword: lexer.Token) -> list[Node]:
        match keyword.kind:
            case "if" | "with" | "range":
                self._next()
                return [self._branch(keyword)]
            case "define":
                self._define()
                return []
            case "block":
                return [self._define()]
            case "template":
                self._next()
                return [self._call()]
            case "break" | "continue":
                self._next()
                if not self._loops:
                    raise self._error(keyword.offset, f"{{{{{keyword.kind}}}}} outside {{{{range}}}}")
                self._expect("right", keyword.kind)
                return [Jump(keyword.offset, keyword.kind)]
            case _:
                pipe = self._pipe("command", "right")
                return [Action(pipe.offset, pipe)]

    def _branch(self, keyword: lexer.Token) -> Branch:
        self._variables.append(set())
        pipe = self._pipe(keyword.kind, "right")
        self._loops += keyword.kind == "range"
        body, stop = self._list(frozenset({"else", "end"}))
        self._loops -= keyword.kind == "range"
        otherwise: list[Node] = []
        if stop == "else":
            following = self._skip_space()
            if following.kind in {"if", "with"}:
                self._next()
                otherwise = [self._branch(following)]
                self._variables.pop()
                return Branch(keyword.offset, keyword.kind, pipe, body, otherwise)
            self._expect("right", "else")
            otherwise, _ = self._list(frozenset({"end"}))
        self._expect("right", "end")
        self._variables.pop()
        return Branch(keyword.offset, keyword.kind, pipe, body, otherwise)

    def _define(self) -> Call:
        keyword = self._next()
        name = self._string(f"{keyword.kind} clause")
        pipe = self._pipe("block clause", "right") if keyword.kind == "block" else None
        if pipe is None:
            self._expect("right", "define clause")
        outer, self._variables = self._variables, [{"$"}]
        body, _ = self._list(frozenset({"end"}))
        self._expect("right", "define end")
        self._variables = outer
        self.templates[name] = Template(name, self._name, self._source, body)
        return Call(keyword.offset, name, pipe)

    def _call(self) -> Call:
        at = self._skip_space().offset
        name = self._string("template clause")
        if self._skip_space().kind == "right":
            self._next()
            return Call(at, name, None)
        return Call(at, name, self._pipe("template clause", "right"))

    def _string(self, context: str) -> str:
        token = self._skip_space()
        if token.kind not in {"string", "raw"}:
            raise self._error(token.offset, f"unexpected {_shown(token)} in {context}")
        self._next()
        return token.text[1:-1] if token.kind == "raw" else unquote(token.text)

    # -- pipelines

    def _pipe(self, context: str, end: str) -> Pipe:
        first = self._skip_space()
        declares, assigns = self._declarations(context)
        commands: list[Command] = []
        while True:
            token = self._skip_space()
            if token.kind == end:
                self._next()
                if not commands:
                    raise self._error(token.offset, f"missing value for {context}")
                return Pipe(commands[0].offset if not declares else first.offset, declares, assigns, commands)
            if token.kind not in _OPERANDS:
                raise self._error(token.offset, f"unexpected {_shown(token)} in {'operand' if commands else context}")
            commands.append(self._command())
            if self._skip_space().kind == "pipe":
                pipe = self._next()
                if self._skip_space().kind not in _OPERANDS:
                    raise self._error(pipe.offset, f"missing value for {context}")

    def _declarations(self, context: str) -> tuple[list[str], bool]:
        start = self._index
        names: list[str] = []
        while self._skip_space().kind == "variable":
            names.append(self._next().text)
            following = self._skip_space()
            if following.kind in {"declare", "assign"}:
                self._next()
                if following.kind == "declare":
                    self._variables[-1].update(names)
                else:
                    self._known(names[0], following.offset)
                return names, following.kind == "assign"
            if following.kind == "comma" and context == "range" and len(names) == 1:
                self._next()
                continue
            break
        self._index = start
        return [], False

    def _known(self, name: str, offset: int) -> None:
        if not any(name in scope for scope in self._variables):
            raise self._error(offset, f"undefined variable {json.dumps(name)}")

    def _command(self) -> Command:
        args: list[Node] = []
        offset = self._skip_space().offset
        while True:
            token = self._peek()
            if token is not None and token.kind == "space":
                self._index += 1
                continue
            if token is None or token.kind not in _OPERANDS:
                return Command(offset, args)
            args.append(self._operand())

    def _operand(self) -> Node:
        node = self._term()
        names: list[str] = []
        # Go takes the place of the first field that follows for the place of the whole.
        following = self._peek()
        at = following.offset if following is not None else node.offset
        while (token := self._peek()) is not None and token.kind == "field":
            names.append(self._next().text[1:])
        if not names:
            return node
        match node:
            case Field():
                return Field(at, node.names + names)
            case Variable():
                return Variable(at, node.name, node.names + names)
            case Literal() | Nil() | Dot():
                raise self._error(node.offset, f"unexpected . after term {json.dumps(str(node))}")
            case _:
                return Chain(at, node, names)

    def _term(self) -> Node:
        token = self._next()
        at = token.offset
        match token.kind:
            case "ident":
                if token.text not in self._functions:
                    raise self._error(at, f"function {json.dumps(token.text)} not defined")
                return Ident(at, token.text)
            case "dot":
                return Dot(at)
            case "nil":
                return Nil(at)
            case "field":
                return Field(at, [token.text[1:]])
            case "variable":
                self._known(token.text, at)
                return Variable(at, token.text)
            case "bool":
                return Literal(at, token.text == "true", token.text)
            case "number":
                return Literal(at, _number(token.text), token.text)
            case "char":
                return Literal(at, ord(unquote(f'"{token.text[1:-1]}"')), token.text)
            case "raw":
                return Literal(at, token.text[1:-1], token.text)
            case "string":
                return Literal(at, unquote(token.text), token.text)
            case _:
                pipe = self._pipe("parenthesized pipeline", "close")
                pipe.offset = at
                return pipe


def _shown(token: lexer.Token) -> str:
    return f"<{token.text}>" if token.kind in lexer.KEYWORDS else json.dumps(token.text)


_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))")
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def unquote(text: str) -> str:
    """The value of a Go string literal in double quotes."""

    def value(match: re.Match[str]) -> str:
        code = match.group(1) or match.group(2) or match.group(3)
        if code:
            return chr(int(code, 16))
        if match.group(4):
            return chr(int(match.group(4), 8))
        return _SIMPLE.get(match.group(5), match.group(5))

    return _ESCAPE.sub(value, text[1:-1])


def _number(text: str) -> int | float:
    digits = text.replace("_", "")
    try:
        return int(digits, 0)
    except ValueError:
        pass
    if re.fullmatch(r"[+-]?0[0-7]+", digits):
        return int(digits, 8)
    return float(digits)
