"""The rates of a migration that ran, for the estimate of the next one: a rehearsal on one's own copy measures them."""

from __future__ import annotations

from migration_cockpit.advice.estimate import rows_of
from migration_cockpit.advice.rates import BUILT_IN, Found, toml
from migration_cockpit.session.state import State

LEAST = 0.2
"""Seconds from which a revision's time says something of its rows."""


def measured(state: State) -> list[Found]:
    """What the finished revisions took; those too quick to tell of rates are left out."""
    sizes = state.migration.measured
    found = []
    for run in state.migration.revisions:
        rate = BUILT_IN.by_revision.get(run.revision)
        if rate is None or sizes is None or run.committed is None:
            continue
        seconds = (run.committed - run.started).total_seconds() - run.waited
        rows = rows_of(rate, sizes)[1]
        if seconds >= LEAST and rows >= 1:
            found.append(Found(run.revision, seconds, rows, rate.row_bytes))
    return found


def text(state: State) -> str:
    """The file of rates, for the config key estimate.rates; empty when there is nothing to write."""
    found, migration = measured(state), state.migration
    if not found or state.session is None or migration.created is None:
        return ""
    start = (migration.revisions[0].started - migration.created).total_seconds()
    session = state.session
    said = f"{session.deployment}, {session.source_version} to {session.target_version}, {migration.created:%Y-%m-%d}"
    return toml(found, start, said)
