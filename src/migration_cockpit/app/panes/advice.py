"""What to do now, always on the screen; and why the last key did nothing."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import badge
from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, fit, line, wrap
from cockpit_widgets.spans import width as cells
from migration_cockpit.advice.advice import Advice
from migration_cockpit.advice.alerts import alerts
from migration_cockpit.advice.now import advise
from migration_cockpit.advice.rollback_cost import cost
from migration_cockpit.advice.verdict import as_recorded, judge
from migration_cockpit.app.panes.frame import Rules
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
    notices = (
        [
            line(("▲ " if n == 0 else "  ", "careful-bold"), (text, "careful-bold"))
            for n, text in enumerate(wrap(notice, width - 2)[: max(1, height - 1)])
        ]
        if notice
        else []
    )
    lines = [*banner(state, now, width, rules), *_advice(advice, width)]
    room = max(1, height - len(notices))
    foot = line(("a", "bold"), (f" shows all {len(lines)} lines", "dim")) if len(lines) > room else ()
    tone = f"border-{advice.tone}" if advice.tone in {"careful", "bad"} else "border-focus"
    return View((*lines[:room], *notices), _way_back(state, now), foot, tone)


def banner(state: State, now: datetime, width: int, rules: Rules) -> list[Line]:
    """What must be seen without reading, in one row in reverse: the worst first, what has no room is counted."""
    found = alerts(state, now, rules.limits)
    if not found:
        return []
    said, left = found[0].text, len(found) - 1
    for each in found[1:]:
        longer = f"{said} · {each.text}"
        if cells(line(longer)) > width - 10:
            break
        said, left = longer, left - 1
    glyph = {"bad": "✖", "careful": "▲", "good": "▶"}[found[0].tone]
    more = f" · {left} more" if left else ""
    tone = f"badge-{found[0].tone}"
    return [fit(line((f" {glyph} {said}{more}", tone)), width, tone=tone)]


def _way_back(state: State, now: datetime) -> Line:
    """What a rollback would cost, in the frame: there it is always seen, whatever the advice has to say."""
    found = cost(state, now)
    if found is None:
        return ()
    glyph = {"good": "", "careful": "▲ ", "bad": "✖ "}[found.tone]
    return line((glyph, found.tone), (found.line, "text" if found.tone == "good" else found.tone))


def _advice(advice: Advice, width: int) -> list[Line]:
    head = line(badge(advice.word, advice.tone), ("  ", "text"))
    first, *rest = wrap(advice.headline, width - cells(head)) or [""]
    more = [text for each in (" ".join(rest), *advice.details) if each for text in wrap(each, width)]
    return [
        line(head, (first, "bright")),
        *(line((text, "text" if n == 0 and rest else "dim")) for n, text in enumerate(more)),
    ]
