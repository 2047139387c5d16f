"""The shape of a known failure: what is seen, why, how it is mended, and by what it is recognised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from migration_cockpit.config import STEP_IDS

SEVERITIES = ("expected", "careful", "bad")
"""From the least to the worst. `expected` is how it must be at this step."""
SURE = {
    "ran": "seen in a run",
    "read": "read in source or documentation",
    "thread": "told in a public thread, not tried",
}
"""How sure an entry is, and what that means."""
KINDS = {
    "log": "a line of a Job's or a pod's log",
    "event": "a warning event of the namespace",
    "pod": "a pod's phase and reason",
    "import": "an import error of a DAG file",
    "source": "why a source cannot be read",
    "operation": "what a failed operation or step says",
    "check": "a check that does not hold",
}
"""Where a text can come from."""
ANY_REVISION = "a revision"
NO_REVISION = "nothing"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the parts of an entry: a misspelt key is refused."""


class Matcher(Part, frozen=True, kw_only=True):
    """What an entry is recognised by: a pattern over texts, or a rule over State by its name."""

    text: str = ""
    """Regular expression, searched in one line; its named groups fill the mend."""
    kinds: tuple[str, ...] = msgspec.field(default=(), name="in")
    """Kinds of text that it looks at; empty for all."""
    during: str = ""
    """In a migration's log: only while this revision runs, `a revision` for any, `nothing` before the first."""
    not_after: str = ""
    """Regular expression over the few lines before, in the same log: where it is found this one is another's."""
    state: str = ""


class Mend(Part, frozen=True, kw_only=True):
    """One thing to do, and the command for it."""

    do: str
    run: str = ""


class Entry(Part, frozen=True, kw_only=True):
    """A known failure as the files have it."""

    id: str
    title: str
    see: str
    why: str
    sure: str
    source: str
    mend: tuple[Mend, ...]
    matches: tuple[Matcher, ...]
    severity: str = "bad"
    by_step: dict[str, str] = {}
    """Severity from this step on, where it depends on the step."""
    key: str = ""
    """The cockpit's key that mends it or goes on after the mend, where there is one."""
    key_does: str = ""


@dataclass(frozen=True)
class Family:
    """Failures that belong together, as one file has them."""

    id: str
    title: str


@dataclass(frozen=True)
class Failure:
    """A known failure with its family."""

    entry: Entry
    family: Family

    @property
    def id(self) -> str:
        """Its name, as a person types it."""
        return self.entry.id

    @property
    def title(self) -> str:
        """It in one line."""
        return self.entry.title

    def severity(self, step: str) -> str:
        """How bad it is at a step; "" for outside of a flight."""
        found = self.entry.severity
        if step in STEP_IDS:
            for at, severity in self.entry.by_step.items():
                if STEP_IDS.index(at) <= STEP_IDS.index(step):
                    found = severity
        return found


@dataclass(frozen=True)
class Match:
    """A known failure that was recognised in something."""

    failure: Failure
    kind: str
    """A kind of text, or `state`."""
    where: str
    """In what, in words: `job`, `pod airflow-scheduler-1`, `event of Pod …`, `database`."""
    evidence: str
    """The line or the finding."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What the pattern's groups or the rule found, for the mend."""


@dataclass(frozen=True)
class Pattern:
    """A compiled matcher of a failure."""

    failure: Failure
    matcher: Matcher

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """Compiled at its first use: most patterns are needed only after a line has passed the coarse one."""
        return re.compile(self.matcher.text)

    def fits(self, kind: str, revision: str, before: str = "") -> bool:
        """Whether it looks at this kind of text, at this point of a migration's log, after these lines."""
        if self.matcher.kinds and kind not in self.matcher.kinds:
            return False
        if self.matcher.not_after and re.search(self.matcher.not_after, before):
            return False
        during = self.matcher.during
        if during == NO_REVISION:
            return not revision
        return not during or (bool(revision) if during == ANY_REVISION else revision == during)
