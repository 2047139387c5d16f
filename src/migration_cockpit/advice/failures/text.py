"""Recognising known failures in texts: line by line, so that a log is read once and never from its beginning."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from migration_cockpit.advice.failures.catalogue import catalogue
from migration_cockpit.advice.failures.entry import SEVERITIES, Failure, Match, Pattern

LONGEST = 2000
"""Characters of a line that are looked at: a line of megabytes must not stop the cockpit."""
EVIDENCE = 300
BEFORE = 3
"""Lines before one that may say whose it is: a traceback's last frame, its code, and what points into that."""
_PASSWORD = re.compile(r"(password\b[^:=]{0,40}[:=]\s*)\S+", re.IGNORECASE)
_RUNNING = re.compile(r"Running (?:upgrade|stamp_revision) \S* -> (\w+)")


@cache
def patterns() -> tuple[Pattern, ...]:
    """Every matcher that is a pattern, in the catalogue's order."""
    return tuple(
        Pattern(failure, matcher) for failure in catalogue() for matcher in failure.entry.matches if matcher.text
    )


@cache
def _coarse() -> re.Pattern[str]:
    """One expression for all patterns: nearly every line is done with after it."""
    plain = (re.sub(r"\(\?P<\w+>", "(", each.matcher.text) for each in patterns())
    return re.compile("|".join(f"(?:{text})" for text in plain))


class LogReader:
    """Reads one log line by line; remembers which revision of a migration runs, and the last few lines."""

    def __init__(self, kind: str = "log", where: str = "log", *, revision: str = "") -> None:
        """`revision` is the one that ran when reading goes on in the middle."""
        self._kind, self._where = kind, where
        self._revision = revision
        self._before: deque[str] = deque(maxlen=BEFORE)

    def read(self, line: str) -> list[Match]:
        """The failures that this line shows, each once."""
        if running := _RUNNING.search(line):
            self._revision = running[1]
            return []
        before = "\n".join(self._before)
        self._before.append(line[:LONGEST])
        return match_text(line, self._kind, self._where, self._revision, before)


def match_text(text: str, kind: str, where: str, revision: str = "", before: str = "") -> list[Match]:
    """The failures that a text of one line shows, each once.

    `revision` is that of the migration that runs, `before` the lines that stand before it.
    """
    line = text[:LONGEST]
    if not _coarse().search(line):
        return []
    found: dict[str, Match] = {}
    for pattern in patterns():
        if pattern.failure.id in found or not pattern.fits(kind, revision, before):
            continue
        if seen := pattern.expression.search(line):
            values = {name: value for name, value in seen.groupdict().items() if value}
            found[pattern.failure.id] = Match(pattern.failure, kind, where, _evidence(line), values)
    return list(found.values())


def _evidence(line: str) -> str:
    """The line, without a password that Airflow itself prints (its simple auth manager does)."""
    return _PASSWORD.sub(r"\1…", line.strip())[:EVIDENCE]


def of_pod(match: Match, pod: str) -> Match:
    """The match, with the pod that it is of among its values; "" for none."""
    return replace(match, values={"pod": pod, **match.values}) if pod else match


def match_lines(lines: Iterable[str], kind: str = "log", where: str = "log", *, revision: str = "") -> list[Match]:
    """The failures that a log shows, each once, at the line where it shows first.

    `revision` is the one of the migration that ran where the lines begin in its middle.
    """
    reader = LogReader(kind, where, revision=revision)
    found: dict[str, Match] = {}
    for line in lines:
        for match in reader.read(line):
            found.setdefault(match.failure.id, match)
    return list(found.values())


def match_log(lines: Iterable[str], step: str, *, revision: str = "") -> Match | None:
    """The failure that explains best why what wrote this log ended: the worst, of these the first; None for none.

    What is expected at this step explains nothing.
    """
    found = [match for match in match_lines(lines, revision=revision) if _weight(match.failure, step)]
    return max(found, key=lambda match: _weight(match.failure, step), default=None)


def _weight(failure: Failure, step: str) -> int:
    return SEVERITIES.index(failure.severity(step))
