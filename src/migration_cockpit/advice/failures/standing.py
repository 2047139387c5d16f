"""Which known failures show now, the worst first, judged by the step of now."""

from __future__ import annotations

from dataclasses import dataclass

from migration_cockpit.advice.failures.catalogue import by_id
from migration_cockpit.advice.failures.entry import SEVERITIES, Failure
from migration_cockpit.advice.failures.telling import current_step, known
from migration_cockpit.session.state import FailureState, State


@dataclass(frozen=True)
class Standing:
    """A known failure of this session. `failure` is None when this catalogue does not have it any more."""

    id: str
    state: FailureState
    severity: str
    failure: Failure | None

    @property
    def over(self) -> bool:
        """Whether it shows no more."""
        return self.state.ended is not None

    def values(self, state: State) -> dict[str, str]:
        """What fills its mend: what the session knows, and what was found."""
        return {**known(state), **self.state.event.values}


def standing(state: State) -> list[Standing]:
    """Every known failure that has shown: those that show now first, the worst of them on top, then the newest."""
    step = current_step(state)
    found = []
    for name, each in state.failures.items():
        failure = by_id(name)
        severity = failure.severity(step) if failure else each.event.severity
        found.append(Standing(name, each, severity, failure))
    return sorted(found, key=lambda one: (one.over, -SEVERITIES.index(one.severity), -one.state.since.timestamp()))
