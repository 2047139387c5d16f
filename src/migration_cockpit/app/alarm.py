"""The terminal's bell, for those who do not look: tmux makes an alert of it."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.advice.alerts import alerts
from migration_cockpit.advice.now import advise
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.session.state import State

TONES = {"careful", "bad"}


class Alarm:
    """Knows what was said last, so that each change to something careful or bad, and each new alert, rings once."""

    def __init__(self) -> None:
        self._last: tuple[str, str] | None = None
        self._stood: frozenset[str] = frozenset()

    def rings(self, state: State, now: datetime, rules: Rules) -> bool:
        """Whether something must be seen that was not there before: another advice, a verdict, a step due, a decision
        point, a window or a credential that is about to end."""
        advice = advise(state, now, rules.limits, rules.rates)
        said, before = (advice.word, advice.tone), self._last
        self._last = said
        stands = frozenset(each.key for each in alerts(state, now, rules.limits))
        new, self._stood = stands - self._stood, stands
        if before is None:
            return False
        return bool(new) or (said != before and advice.tone in TONES)
