"""Values that the real server cannot even read: it decodes a body into typed fields before it looks at any rule.

Only the types that the cockpit's writes touch: base64 in a Secret's data, and the times of a Lease and of an Event
that want exactly six digits of a second. Held against kube-apiserver 1.34.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from .kinds import Kind

Obj = dict[str, Any]

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_MICRO = re.compile(r"\.\d{6}")
_ZONE = re.compile(r"Z|[+-]\d\d:\d\d")
_MICRO_TIMES = {"Lease": ("spec", ("acquireTime", "renewTime")), "Event": ("", ("eventTime",))}


class Unreadable(ValueError):
    """A value that is not of its field's type; the message is the decoder's."""


def decode(kind: Kind, obj: Obj) -> None:
    """Reads the typed values of an object, times in place as the server gives them back. Raises Unreadable."""
    if kind.kind == "Secret" and not kind.group:
        for value in (obj.get("data") or {}).values():
            _base64(value)
    inside, names = _MICRO_TIMES.get(kind.kind, ("", ()))
    holder = obj.get(inside) if inside else obj
    if isinstance(holder, dict):
        for name in names:
            if holder.get(name) is not None:
                holder[name] = _micro_time(str(holder[name]))


def _base64(value: Any) -> None:
    text = value if isinstance(value, str) else ""
    body = text.rstrip("=")
    strange = next((at for at, letter in enumerate(body) if letter not in _BASE64 + "\r\n"), None)
    if strange is not None or len(text) % 4:
        raise Unreadable(f"illegal base64 data at input byte {len(body) if strange is None else strange}")


def _micro_time(text: str) -> str:
    def cannot(rest: str, part: str) -> Unreadable:
        return Unreadable(f'parsing time "{text}" as "{_MICRO_LAYOUT}": cannot parse "{rest}" as "{part}"')

    second = _SECOND.match(text)
    if second is None:
        raise cannot(text, "2006")
    micro = _MICRO.match(text, second.end())
    if micro is None:
        raise cannot(text[second.end() :], ".000000")
    if _ZONE.fullmatch(text, micro.end()) is None:
        raise cannot(text[micro.end() :], "Z07:00")
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
