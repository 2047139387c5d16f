"""How Go prints values: `%v` of fmt, and the verbs of printf."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.helm.template.registry import go_type

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.helm.template.nodes import Value


def go_float(value: float) -> str:
    """A float64 as `%v` shows it: shortest digits, and an exponent when that is below -4 or above 5 (1e+06)."""
    if value == 0:
        return "0"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if value != value:
        return "NaN"
    digits, exponent = Decimal(repr(value)).normalize().as_tuple()[1:]
    power = len(digits) + int(exponent) - 1
    if -4 <= power < 6:
        return f"{Decimal(repr(value)).normalize():f}"
    text = "".join(map(str, digits))
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' if value < 0 else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def go_string(value: Value, nil: str = "<nil>") -> str:
    """A value as `%v` shows it; maps are sorted by key."""
    if value is None:
        return nil
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_string(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(go_string(item) for item in value) + "]"
    return str(value)


def go_quote(text: str) -> str:
    """A string as `%q` shows it: printable characters stay as they are."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("\\b", "\\b").replace("\x7f", "\\x7f")


_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?([a-zA-Z%])")


def sprintf(template: str, args: list[Value]) -> str:
    """fmt.Sprintf for the verbs that charts use, with Go's marks for missing, extra and ill-typed operands."""
    pending = list(args)

    def fill(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if width == "*":
            width = str(pending.pop(0))
        if not pending:
            return f"%!{verb}(MISSING)"
        text = _verb(verb, pending.pop(0), flags, precision)
        if not width:
            return text
        if "-" in flags:
            return text.ljust(int(width))
        return text.zfill(int(width)) if "0" in flags else text.rjust(int(width))

    text = _VERB.sub(fill, template)
    if pending:
        extra = ", ".join(f"{go_type(arg) if arg is not None else '<nil>'}={go_string(arg)}" for arg in pending)
        text += f"%!(EXTRA {extra})"
    return text


def _verb(verb: str, value: Value, flags: str, precision: str | None) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match verb:
        case "v":
            return go_string(value)
        case "s" if isinstance(value, str | dict | list):
            text = go_string(value)
            return text[: int(precision or 0)] if precision is not None else text
        case "q" if isinstance(value, str):
            return go_quote(value)
        case "d" if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:+d}" if "+" in flags else str(value)
        case "x" if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:x}"
        case "x" if isinstance(value, str):
            return value.encode().hex()
        case "f" if number and isinstance(value, float):
            return f"{value:.{int(precision) if precision else 6}f}"
        case "g" if isinstance(value, float):
            return go_float(value)
        case "t" if isinstance(value, bool):
            return go_string(value)
        case "T":
            return go_type(value)
    if value is None:
        return f"%!{verb}(<nil>)"
    return f"%!{verb}({go_type(value)}={go_string(value)})"
