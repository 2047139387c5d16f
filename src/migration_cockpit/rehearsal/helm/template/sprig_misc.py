"""Sprig's functions on time, URLs and file paths."""

from __future__ import annotations

import posixpath
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from migration_cockpit.rehearsal.helm.template.registry import Registry

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.helm.template.nodes import Value

registry = Registry()
add = registry.add

# Go writes a layout as the reference time; each part stands for one strftime directive.
_LAYOUT = {
    "2006": "%Y",
    "01": "%m",
    "02": "%d",
    "15": "%H",
    "04": "%M",
    "05": "%S",
    "Jan": "%b",
    "Mon": "%a",
    "MST": "%Z",
    "Z07:00": "Z",
    "-0700": "%z",
}
_PART = re.compile("|".join(re.escape(part) for part in sorted(_LAYOUT, key=len, reverse=True)))


@add("", "now")
def _now() -> datetime:
    return datetime.now(UTC)


@add("sa", "date")
def _date(layout: str, moment: Value) -> str:
    when = moment if isinstance(moment, datetime) else datetime.fromtimestamp(int(moment or 0), UTC)
    return when.strftime(_PART.sub(lambda match: _LAYOUT[match.group()], layout))


@add("a", "unixEpoch")
def _epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))


@add("s", "urlParse")
def _url_parse(text: str) -> dict[str, str]:
    parts = urlsplit(text)
    userinfo, _, host = parts.netloc.rpartition("@")
    return {
        "scheme": parts.scheme,
        "host": host,
        "hostname": parts.hostname or "",
        "path": parts.path,
        "query": parts.query,
        "opaque": "",
        "fragment": parts.fragment,
        "userinfo": userinfo,
    }


@add("m", "urlJoin")
def _url_join(parts: dict[str, Value]) -> str:
    user = f"{parts['userinfo']}@" if parts.get("userinfo") else ""
    query = f"?{parts['query']}" if parts.get("query") else ""
    fragment = f"#{parts['fragment']}" if parts.get("fragment") else ""
    scheme = f"{parts['scheme']}://" if parts.get("scheme") else ""
    return f"{scheme}{user}{parts.get('host', '')}{parts.get('path', '')}{query}{fragment}"


add("s", "base", "osBase")(posixpath.basename)
add("s", "dir", "osDir")(posixpath.dirname)
add("s", "clean", "osClean")(posixpath.normpath)
add("s", "ext", "osExt")(lambda path: posixpath.splitext(path)[1])
