"""5 who still calls what 3.x does not have: /api/v1 and /health, by client and path, from access logs of some days."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from migration_cockpit.connections.hub import AGENT
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where
from migration_cockpit.session.words import long, plural

SHOWN = 8
_CALL = re.compile(r'"(?P<method>[A-Z]+) (?P<path>/[^ "]*) HTTP/[\d.]+"')
_CLIENT = re.compile(r"(?P<address>\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]+:[0-9a-fA-F:]+)")
_TOLD = re.compile(
    r"""^(?=.*\brequest finished\b)(?=.*\bmethod["=: ]+(?P<method>[A-Z]+))(?=.*\bpath["=: ]+(?P<path>/[^ "]*))"""
    r"""(?:.*\bclient_addr["=: ]+(?P<client>[^ "]*):\d+)?"""
)
"""What an api-server logs of a call from 3.2 on, as words or as JSON; it tells no user agent."""
_GONE = re.compile(r"(?:^|/)(?P<what>api/v1/(?P<object>\w+)?|health(?=[/?]|$))")
_COMMON = re.compile(r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")
NOBODYS = ("kube-probe", f'"{AGENT}"')
"""Who calls without being anybody's script: the chart's probes change with the chart, the cockpit by itself."""
LEAST = timedelta(days=3)
"""How long logs must reach back to prove that nobody calls: a script may run once a day, and not at weekends."""


async def look(where: Where) -> Seen:
    """Each caller with path and count."""
    patterns = where.settings.prepare.access_logs
    if not patterns:
        mend = "name some days of the web server's or ingress' access logs: prepare.access_logs"
        return Seen(UNKNOWN, ("no access log is named",), mend)
    return await in_thread(read, patterns)


def read(patterns: Iterable[str], since: datetime | None = None) -> Seen:
    """Who calls what is gone, by these logs; of lines that tell when, only those after `since`.

    Without `since` that nobody calls is proved only by logs of some days.
    """
    since = since.replace(microsecond=0) if since else None  # logs tell seconds
    files = sorted({name for pattern in patterns for name in glob.glob(pattern)})  # noqa: PTH207  # absolute patterns
    if not files:
        return Seen(UNKNOWN, (f"no file matches {', '.join(patterns)}",), "correct prepare.access_logs")
    found: Counter[tuple[str, str]] = Counter()
    total, moments = 0, []
    for name in files:
        line = ""
        try:
            with Path(name).open(encoding="utf-8", errors="replace") as lines:
                for number, line in enumerate(lines):
                    if since is not None and (told := moment(line)) is not None and told < since:
                        continue
                    total += 1
                    found.update(calls(line))
                    if number == 0:
                        moments.append(moment(line))
            moments.append(moment(line))
        except OSError as error:
            return Seen(UNKNOWN, (f"{name} cannot be read: {error.strerror}",), "correct prepare.access_logs")
    at = datetime.fromtimestamp(max(Path(name).stat().st_mtime for name in files), UTC)
    if since is not None and (at < since or not total):
        return Seen(UNKNOWN, (f"the access logs end before {since:%Y-%m-%d %H:%M} UTC",), "fetch newer ones", at)
    known = [each for each in moments if each is not None]
    covered = max(known) - min(known) if known else None
    over = f" over {long(covered.total_seconds())}" if covered is not None and since is None else ""
    looked = f"{plural(total, 'line')} of {plural(len(files), 'file')} looked at{over}"
    if not total:
        return Seen(UNKNOWN, ("the access logs are empty",), "name logs of some days", at)
    if found:
        return Seen(FAILS, (looked, *_callers(found)), MEND, at)
    nobody = "nobody calls /api/v1 or /health"
    if since is None and (covered is None or covered < LEAST):
        why = "which is too short to prove it" if covered is not None else "and they do not tell when they are of"
        mend = f"name logs of {LEAST.days} days or more: a script may run once a day"
        return Seen(UNKNOWN, (f"{looked}: {nobody} in them, {why}",), mend, at)
    return Seen(HOLDS, (looked, nobody), at=at)


MEND = "move each to /api/v2 with a token, and to /api/v2/monitor/health; or sign for those that may fail"


def _callers(found: Counter[tuple[str, str]]) -> tuple[str, ...]:
    callers = [f"{client}: {plural(count, 'call')} of {path}" for (client, path), count in found.most_common()]
    more = [f"… {len(callers) - SHOWN} more"] if len(callers) > SHOWN else []
    return (*callers[:SHOWN], *more)


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
    if any(each in line for each in NOBODYS):
        return
    told = None
    call = _CALL.search(line) or (told := _TOLD.match(line))
    gone = _GONE.search(call["path"].partition("?")[0]) if call and "/api/v2/" not in call["path"] else None
    if call is None or gone is None:
        return
    if told is not None:
        who = told["client"] or "unknown"
    else:
        # A time has colons too, and may stand before the address.
        client = _CLIENT.search(_ISO.sub("", line))
        agent = re.findall(r'"([^"]*)"', line)
        named = f" ({agent[-1][:40]})" if len(agent) > 1 and agent[-1] not in {"-", ""} else ""
        who = f"{client['address'] if client else 'unknown'}{named}"
    path = f"/api/v1/{gone['object'] or ''}" if gone["what"].startswith("api") else "/health"
    yield who, f"{call['method']} {path}"
