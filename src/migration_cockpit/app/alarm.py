"""The terminal's bell, for those who do not look: tmux makes an alert of it."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.advice.now import advise
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.session.state import State

TONES = {"careful", "bad"}


class Alarm:
    """Knows what the advice said last, so that each change to something careful or bad rings once."""

    def __init__(self) -> None:
        self._last: tuple[str, str] | None = None

    def rings(self, state: State, now: datetime, rules: Rules) -> bool:
        """Whether the advice has become another one that must be seen: a verdict, a decision, a window that closes."""
        advice = advise(state, now, rules.limits, rules.rates)
        said, before = (advice.word, advice.tone), self._last
        self._last = said
        return before is not None and said != before and advice.tone in TONES
