"""Who does not answer now, since when and why, and whether the step explains it: for the panes and the advice alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from migration_cockpit.advice.metrics import silence_expected
from migration_cockpit.session.state import LEFT_ALONE, State


@dataclass(frozen=True)
class Silent:
    """A source that does not answer."""

    name: str
    since: datetime
    why: str
    expected: bool
    """Whether the step explains it: nobody has to look for a cause."""


def silent(state: State) -> dict[str, Silent]:
    """The sources that do not answer, by name, in the order of their names."""
    failing = {name: source for name, source in sorted(state.sources.items()) if source.failing_since is not None}
    # Airflow's health has nobody to answer while no scheduler of the new version is ready: that is known only while
    # the pods are seen.
    expected = {"health"} if silence_expected(state) and "pods" not in failing else set()
    # What the cockpit itself leaves alone for the migration's sake is expected too.
    expected |= {name for name, source in failing.items() if source.why == LEFT_ALONE and state.migration.job}
    return {
        name: Silent(name, source.failing_since, source.why, name in expected)
        for name, source in failing.items()
        if source.failing_since is not None
    }
