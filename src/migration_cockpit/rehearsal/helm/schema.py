"""The part of JSON Schema that values.schema.json of charts uses, with the validator's wording of helm 3.19."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template.nodes import Value

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


@dataclass(frozen=True, slots=True)
class _Violation:
    """One thing wrong at a place, or several below it."""

    where: str
    what: str
    below: tuple[_Violation, ...] = ()

    def lines(self, depth: int) -> list[str]:
        own = f"{'  ' * depth}- at '{self.where}': {self.what}"
        return [own, *(line for violation in self.below for line in violation.lines(depth + 1))]


_TYPE_ORDER = ("null", "boolean", "number", "integer", "string", "array", "object")


def validate(chart: str, schema: str, values: dict[str, Value]) -> None:
    """Check values against a schema.

    Raises:
        HelmError: with one line for each violation, as helm prints them.
    """
    root = json.loads(schema)
    errors = _Validator(root).check(root, values, "")
    while len(errors) == 1 and errors[0].below:
        errors = list(errors[0].below)
    if errors:
        listed = "\n".join(line for error in errors for line in error.lines(0))
        raise HelmError(
            f"values don't meet the specifications of the schema(s) in the following chart(s):\n{chart}:\n{listed}\n"
        )


def _type_name(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return next(name for name, kind in _TYPES.items() if isinstance(value, kind))


def _has_type(value: Value, name: str) -> bool:
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "integer":
        return _has_type(value, "number") and float(value).is_integer()
    return isinstance(value, _TYPES[name])


class _Validator:
    def __init__(self, root: dict[str, Value]) -> None:
        self._root = root

    def check(self, schema: Value, value: Value, where: str) -> list[_Violation]:
        if isinstance(schema, bool):
            return [] if schema else [_Violation(where, "false schema")]
        if "$ref" in schema:
            return self.check(self._resolve(schema["$ref"]), value, where)
        errors = self._scalar(schema, value, where)
        if isinstance(value, dict) and not errors:
            errors += _grouped(where, self._object(schema, value, where))
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                errors += self.check(schema["items"], item, f"{where}/{index}")
        return errors + self._combined(schema, value, where)

    def _resolve(self, reference: str) -> Value:
        target: Value = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            target = target[part]
        return target

    def _scalar(self, schema: dict[str, Value], value: Value, where: str) -> list[_Violation]:
        wanted = schema.get("type")
        names = [wanted] if isinstance(wanted, str) else wanted or []
        if names and not any(_has_type(value, name) for name in names):
            wanted_names = " or ".join(sorted(names, key=_TYPE_ORDER.index))
            return [_Violation(where, f"got {_type_name(value)}, want {wanted_names}")]
        if "enum" in schema and value not in schema["enum"]:
            allowed = ", ".join(f"'{item}'" if isinstance(item, str) else json.dumps(item) for item in schema["enum"])
            return [_Violation(where, f"value must be one of {allowed}")]
        errors: list[_Violation] = []
        if isinstance(value, int | float) and not isinstance(value, bool):
            if "minimum" in schema and value < schema["minimum"]:
                errors.append(_Violation(where, f"minimum: got {value:g}, want {schema['minimum']:g}"))
            if "maximum" in schema and value > schema["maximum"]:
                errors.append(_Violation(where, f"maximum: got {value:g}, want {schema['maximum']:g}"))
        if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
            pattern = schema["pattern"].replace("\\", "\\\\")
            errors.append(_Violation(where, f"'{value}' does not match pattern '{pattern}'"))
        return errors

    def _object(self, schema: dict[str, Value], value: dict[str, Value], where: str) -> list[_Violation]:
        errors: list[_Violation] = []
        missing = [name for name in schema.get("required", []) if name not in value]
        if missing:
            plural = "property" if len(missing) == 1 else "properties"
            errors.append(_Violation(where, f"missing {plural} {', '.join(_quoted(missing))}"))
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties", True)
        unknown = [name for name in value if name not in properties]
        if extra is False and unknown:
            errors.append(_Violation(where, f"additional properties {', '.join(_quoted(unknown))} not allowed"))
        for name, item in value.items():
            if name in properties:
                errors += self.check(properties[name], item, f"{where}/{name}")
            elif isinstance(extra, dict):
                errors += self.check(extra, item, f"{where}/{name}")
        return errors

    def _combined(self, schema: dict[str, Value], value: Value, where: str) -> list[_Violation]:
        errors: list[_Violation] = []
        for part in schema.get("allOf", []):
            errors += self.check(part, value, where)
        for keyword in ("anyOf", "oneOf"):
            failures = [self.check(part, value, where) for part in schema.get(keyword, [])]
            if failures and all(failures):
                below = tuple(error for failure in failures for error in failure)
                errors.append(_Violation(where, f"{keyword} failed, none matched", below))
        return errors


def _grouped(where: str, errors: list[_Violation]) -> list[_Violation]:
    """Several violations inside of one object are shown below it; those of the root stand by themselves."""
    return [_Violation(where, "validation failed", tuple(errors))] if where and len(errors) > 1 else errors


def _quoted(names: list[str]) -> list[str]:
    return [f"'{name}'" for name in names]
