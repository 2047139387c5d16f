"""Rendering many files that share named templates, with helm's own functions: include, tpl, required, lookup."""

from __future__ import annotations

import re
from collections import ChainMap
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.helm.template import (
    builtins,
    evaluate,
    parser,
    semver,
    sprig_data,
    sprig_misc,
    sprig_text,
)
from migration_cockpit.rehearsal.helm.template.errors import (
    ExecError,
    FunctionError,
    ParseError,
    TemplateError,
    WarnError,
)
from migration_cockpit.rehearsal.helm.template.gofmt import go_quote
from migration_cockpit.rehearsal.helm.template.registry import Function

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migration_cockpit.rehearsal.helm.template.nodes import Template, Value

_OWN = ("include", "tpl", "required", "fail", "lookup", "and", "or")
_LIBRARY: dict[str, Function] = {
    **builtins.registry.functions,
    **sprig_text.registry.functions,
    **sprig_data.registry.functions,
    **sprig_misc.registry.functions,
    **semver.registry.functions,
}
_NAMES = frozenset(_LIBRARY) | frozenset(_OWN)


class Engine:
    """The templates of one chart, ready to be executed with any data."""

    def __init__(self, files: Mapping[str, str], lookup: Callable[[str, str, str, str], Value] | None = None) -> None:
        """Parse every file; a later file may redefine a named template of an earlier one.

        Files are parsed from the deepest path to the shallowest, as helm does.

        Raises:
            TemplateError: a file is no template.
        """
        self._templates: dict[str, Template] = {}
        self._parsed: dict[str, dict[str, Template]] = {}
        for name in sorted(files, key=lambda path: (path.count("/"), path), reverse=True):
            try:
                self._templates.update(parser.parse(name, files[name], _NAMES))
            except ParseError as error:
                raise TemplateError(_parse_error(name, str(error))) from error
        self._lookup = lookup
        self._functions = self._bind(self._templates)

    def render(self, name: str, data: Value) -> str:
        """Execute a file.

        Raises:
            TemplateError: it failed; the text is what helm prints.
        """
        try:
            text = evaluate.execute(name, data, self._templates, self._functions)
        except ExecError as error:
            notes = getattr(error, "__notes__", [])
            if notes:
                place = str(error).split(": ", 2)[1]
                raise TemplateError(f"execution error at ({place}): {notes[0]}") from error
            raise TemplateError(str(error)) from error
        return text.replace("<no value>", "")

    def _bind(self, templates: Mapping[str, Template]) -> dict[str, Function]:
        """The function table for a set of templates: include and tpl see those."""
        functions = dict(_LIBRARY)

        def include(name: str, data: Value) -> str:
            return evaluate.execute(name, data, templates, functions, depth=1)

        def tpl(text: str, data: Value) -> str:
            return self._tpl(text, data, templates)

        functions["include"] = Function("include", include, "sa")
        functions["tpl"] = Function("tpl", tpl, "sa")
        functions["required"] = Function("required", _required, "sa")
        functions["fail"] = Function("fail", _fail, "s")
        functions["lookup"] = Function("lookup", self._look_up, "ssss")
        return functions

    def _tpl(self, text: str, data: Value, templates: Mapping[str, Template]) -> str:
        if "{{" not in text:
            return text
        if text not in self._parsed:
            try:
                self._parsed[text] = parser.parse("gotpl", text, _NAMES)
            except ParseError as error:
                raise FunctionError(f"cannot parse template {go_quote(text)}: {error}") from error
        # Templates that the text defines are seen by its own includes only.
        scope = ChainMap(self._parsed[text], dict(templates))
        try:
            rendered = evaluate.execute("gotpl", data, scope, self._bind(scope))
        except ExecError as error:
            wrapped = ExecError(f"error during tpl function execution for {go_quote(text)}: {error}")
            for note in getattr(error, "__notes__", []):
                wrapped.add_note(note)
            raise wrapped from error
        return rendered.replace("<no value>", "")

    def _look_up(self, version: str, kind: str, namespace: str, name: str) -> Value:
        return self._lookup(version, kind, namespace, name) if self._lookup else {}


def _required(message: str, value: Value) -> Value:
    if value is None or value == "":
        raise WarnError(message)
    return value


def _fail(message: str) -> str:
    raise WarnError(message)


def _parse_error(name: str, message: str) -> str:
    parts = message.split(": ")
    if len(parts) == 1:
        return f"parse error in ({name}): {message}"
    return f"parse error at ({parts[1]}): {re.sub(r'^.*: ', '', message)}"
