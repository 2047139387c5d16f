"""What to do now, always on the screen; and why the last key did nothing."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, fit, line
from cockpit_widgets.spans import width as cells
from migration_cockpit.advice.alerts import alerts
from migration_cockpit.advice.now import advise
from migration_cockpit.advice.rollback_cost import cost
from migration_cockpit.advice.verdict import as_recorded, judge
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.panes.starting import said
from migration_cockpit.session.state import State


def view(
    state: State,
    now: datetime,
    width: int,
    height: int,
    rules: Rules = Rules(),  # noqa: B008 - immutable
    notice: str = "",
) -> View:
    """The banner where something must be seen, the word, the headline and the lines below it; a notice takes the last
    rows."""
    advice = advise(state, now, rules.limits, rules.rates, as_recorded if rules.recorded else judge)
    return said(advice, width, height, notice, banner=banner(state, now, width, rules), title=_way_back(state, now))


def banner(state: State, now: datetime, width: int, rules: Rules) -> list[Line]:
    """What must be seen without reading, in one row in reverse: the worst first, what has no room is counted."""
    found = alerts(state, now, rules.limits)
    if not found:
        return []
    text, left = found[0].text, len(found) - 1
    for each in found[1:]:
        longer = f"{text} · {each.text}"
        if cells(line(longer)) > width - 10:
            break
        text, left = longer, left - 1
    glyph = {"bad": "✖", "careful": "▲", "good": "▶"}[found[0].tone]
    more = f" · {left} more" if left else ""
    tone = f"badge-{found[0].tone}"
    return [fit(line((f" {glyph} {text}{more}", tone)), width, tone=tone)]


def _way_back(state: State, now: datetime) -> Line:
    """What a rollback would cost, in the frame: there it is always seen, whatever the advice has to say."""
    found = cost(state, now)
    if found is None:
        return ()
    glyph = {"good": "", "careful": "▲ ", "bad": "✖ "}[found.tone]
    return line((glyph, found.tone), (found.line, "text" if found.tone == "good" else found.tone))
