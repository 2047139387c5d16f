"""The flight in one row, above every dialog: each step's key and glyph, then what to do now."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import badge
from cockpit_widgets.spans import Line, clip, line
from migration_cockpit.advice.now import advise
from migration_cockpit.advice.verdict import as_recorded, judge
from migration_cockpit.app.panes import timeline
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.session.state import State


def line_of(state: State, now: datetime, width: int, rules: Rules) -> Line:
    """The marks of the steps, or of the stages of the way back, and the advice's word and headline."""
    advice = advise(state, now, rules.limits, rules.rates, as_recorded if rules.recorded else judge)
    marks = timeline.marks(state)
    gap = (("  ", "text"),) if marks else ()
    said = line(badge(advice.word, advice.tone), (f" {advice.headline}", "text"))
    return clip(line((" ", "text"), marks, gap, said), width)
