"""5 who still calls what 3.x does not have: /api/v1 and /health, by client and path, from access logs of some days."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where
from migration_cockpit.session.words import plural

SHOWN = 8
_CALL = re.compile(r'"(?P<method>[A-Z]+) (?P<path>/[^ "]*) HTTP/[\d.]+"')
_CLIENT = re.compile(r"(?P<address>\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]+:[0-9a-fA-F:]+)")
_GONE = re.compile(r"(?:^|/)(?P<what>api/v1/(?P<object>\w+)?|health(?=[/?]|$))")
_COMMON = re.compile(r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")
PROBE = "kube-probe"
"""The chart's own probes change with the chart: they are nobody's script."""


async def look(where: Where) -> Seen:
    """Each caller with path and count."""
    patterns = where.settings.prepare.access_logs
    if not patterns:
        mend = "name some days of the web server's or ingress' access logs: prepare.access_logs"
        return Seen(UNKNOWN, ("no access log is named",), mend)
    return await in_thread(read, patterns)


def read(patterns: Iterable[str], since: datetime | None = None) -> Seen:
    """Who calls what is gone, by these logs; of lines that tell when, only those after `since`."""
    since = since.replace(microsecond=0) if since else None  # logs tell seconds
    files = sorted({name for pattern in patterns for name in glob.glob(pattern)})  # noqa: PTH207  # absolute patterns
    if not files:
        return Seen(UNKNOWN, (f"no file matches {', '.join(patterns)}",), "correct prepare.access_logs")
    found: Counter[tuple[str, str]] = Counter()
    total = 0
    for name in files:
        try:
            with Path(name).open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if since is not None and (at := moment(line)) is not None and at < since:
                        continue
                    total += 1
                    found.update(calls(line))
        except OSError as error:
            return Seen(UNKNOWN, (f"{name} cannot be read: {error.strerror}",), "correct prepare.access_logs")
    at = datetime.fromtimestamp(max(Path(name).stat().st_mtime for name in files), UTC)
    if since is not None and (at < since or not total):
        return Seen(UNKNOWN, (f"the access logs end before {since:%Y-%m-%d %H:%M} UTC",), "fetch newer ones", at)
    looked = f"{plural(total, 'line')} of {plural(len(files), 'file')} looked at"
    if not total:
        return Seen(UNKNOWN, ("the access logs are empty",), "name logs of some days", at)
    if not found:
        return Seen(HOLDS, (looked, "nobody calls /api/v1 or /health"), at=at)
    callers = [f"{client}: {plural(count, 'call')} of {path}" for (client, path), count in found.most_common()]
    more = [f"… {len(callers) - SHOWN} more"] if len(callers) > SHOWN else []
    mend = "move each to /api/v2 with a token, and to /api/v2/monitor/health; or sign for those that may fail"
    return Seen(FAILS, (looked, *callers[:SHOWN], *more), mend, at)


def moment(line: str) -> datetime | None:
    """When a line of an access log says it was; None where it does not say."""
    if found := _COMMON.search(line):
        return datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z")
    if found := _ISO.search(line):
        at = datetime.fromisoformat(found[0])
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def calls(line: str) -> Iterator[tuple[str, str]]:
    """(client, path without its ids) of a line of a log that asks for what is gone."""
    call = _CALL.search(line)
    if call is None or PROBE in line or "/api/v2/" in call["path"]:
        return
    gone = _GONE.search(call["path"].partition("?")[0])
    if gone is None:
        return
    client = _CLIENT.search(line)
    agent = re.findall(r'"([^"]*)"', line)
    who = f"{client['address'] if client else 'unknown'}"
    named = f" ({agent[-1][:40]})" if len(agent) > 1 and agent[-1] not in {"-", ""} else ""
    path = f"/api/v1/{gone['object'] or ''}" if gone["what"].startswith("api") else "/health"
    yield f"{who}{named}", f"{call['method']} {path}"
