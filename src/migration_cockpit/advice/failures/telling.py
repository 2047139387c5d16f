"""An entry in words, with what is known of this flight filled into its mend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from migration_cockpit.advice import revisions
from migration_cockpit.advice.failures.entry import SURE, Failure, Match
from migration_cockpit.advice.failures.text import match_log
from migration_cockpit.config import STEP_IDS
from migration_cockpit.session.state import State

_PLACE = re.compile(r"\{([a-z_]+)\}")
LAST_LINES = 2


def known(state: State) -> dict[str, str]:
    """Values for the places in a mend, as far as this session knows them."""
    session = state.session
    if session is None:
        return {}
    values = {
        "context": session.context,
        "namespace": session.namespace,
        "release": session.release,
        "source_version": session.source_version,
        "target_version": session.target_version,
        "source_head": revisions.head(session.source_version) or "",
        "kubectl": f"kubectl --context {session.context} -n {session.namespace}",
        "committed": committed(state),
    }
    job = state.fact("migrate", "job")
    if isinstance(job, dict):
        values["job"] = str(job.get("name", ""))
    return {name: value for name, value in values.items() if value}


def committed(state: State) -> str:
    """The revision that the schema is at, as far as it was read; "" when it never was."""
    if state.database is not None and len(state.database.revisions) == 1:
        return state.database.revisions[0]
    if len(state.migration.heads) == 1:
        return state.migration.heads[0]
    points = [point.head for point in state.recovery_points if point.head]
    return points[-1] if points else ""


def job_lines(state: State) -> list[str]:
    """What the migration's Job of this attempt has printed, as far as State keeps it."""
    job = state.operations.get("migrate/migration-job")
    return [] if job is None else [each.text for each in state.log if each.source == "job" and each.t >= job.intended]


def running_revision(state: State) -> str:
    """The revision that the migration's log was in last; "" before the first. For reading on in the middle."""
    return state.migration.revisions[-1].revision if state.migration.revisions else ""


def why_it_ended(state: State) -> str:
    """Why the migration ended: the known failure that its log shows, with its mend, else its last lines."""
    lines = tuple(job_lines(state))
    found = _shown(lines, running_revision(state))
    if found is None:
        last = [line.strip() for line in lines if line.strip()][-LAST_LINES:]
        return f"No known failure shows in its log; its last lines: {' | '.join(last)}." if last else "It said nothing."
    mend = filled(found.failure.entry.mend[0].do, {**known(state), **found.values})
    return f"Known failure {found.failure.id}: {found.failure.title}. {mend} f has the commands."


@lru_cache(maxsize=4)
def _shown(lines: tuple[str, ...], revision: str) -> Match | None:
    """What these lines show; asked every second and by every drawing while a migration has failed."""
    return match_log(lines, "migrate", revision=revision)


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its places filled; one that nobody knows stands as <name>."""
    values = {"kubectl": "kubectl --context <context> -n <namespace>", **values}
    if revision := values.get("revision"):
        values.setdefault("revision_version", revisions.version_of(revision) or "a version this cockpit does not know")
    return _PLACE.sub(lambda match: values.get(match[1]) or f"<{match[1]}>", text)


BAD = {
    "expected": "expected: nothing needs to be done",
    "careful": "careful: look at it",
    "bad": "bad: act on it before anything else",
}
"""What a severity asks of a person."""


class Said(NamedTuple):
    """A paragraph of an explanation under its heading; a command is copied, not wrapped."""

    heading: str
    text: str
    command: bool = False


def explain(failure: Failure, values: Mapping[str, str]) -> Iterator[Said]:
    """An entry for a person: what is seen, why, the mend step by step, how sure."""
    entry = failure.entry
    yield Said("What you see", entry.see)
    yield Said("Why", entry.why)
    yield Said("How bad", bad(failure))
    for mend in entry.mend:
        yield Said("Mend", filled(mend.do, values))
        for line in filled(mend.run, values).strip("\n").splitlines():
            yield Said("Mend", line, command=True)
    if entry.key:
        yield Said("In the cockpit", f"key {entry.key}: {entry.key_does}")
    yield Said("How sure", f"{SURE[entry.sure]}: {entry.source}")


def bad(failure: Failure) -> str:
    """How bad it is, by step."""
    if not failure.entry.by_step:
        return BAD[failure.entry.severity]
    parts = [failure.entry.severity] if STEP_IDS[0] not in failure.entry.by_step else []
    parts += [f"{severity} from step {step} on" for step, severity in failure.entry.by_step.items()]
    return "; ".join(parts)


def current_step(state: State) -> str:
    """The step by which severity is judged: the one that runs, else the next one, else the last."""
    step = state.running_step or state.next_step
    if step is not None:
        return step.id
    return STEP_IDS[-1] if state.steps else ""
