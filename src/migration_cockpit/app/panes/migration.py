"""How the migration does: its verdict, the bar by cost, the revision with its rows, and when it will be done."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import badge, progress
from cockpit_widgets.spans import Line, clip, flow, line, wrap
from cockpit_widgets.spans import width as cells
from migration_cockpit.advice import estimate
from migration_cockpit.advice.progress import Progress
from migration_cockpit.advice.progress import progress as progress_of
from migration_cockpit.advice.verdict import Verdict, as_recorded, judge
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.words import age, count, hm, hms
from migration_cockpit.session.readings import ProgressView
from migration_cockpit.session.state import State

EVIDENCE = 3
"""Lines of evidence at most; the advice has all of it."""


def shown(state: State) -> bool:
    """Whether there is a migration to show: its Job was made, and later steps have not begun to matter more."""
    return bool(state.migration.job)


def lines(state: State, now: datetime, width: int, rules: Rules) -> tuple[list[Line], list[Line], Verdict | None]:
    """The head of the database pane while the migration runs and after it, what may stand lower, and the verdict.

    While it waits for a lock, who holds it comes before how far it is.
    """
    found = (as_recorded if rules.recorded else judge)(state, now, rules.limits, rules.rates)
    far = progress_of(state, now, rules.rates)
    top: list[Line] = []
    if found is not None:
        top.append(_head(found, state, far, now, width))
    rest: list[Line] = []
    if far is not None:
        top.append(_bar(far, width, tone="chart" if found is None or found.tone == "good" else found.tone))
        done = found is not None and found.word == "DONE"
        rest = [*([] if done else _revision(far, width)), *_times(far, state, now, width, found)]
    evidence: list[Line] = []
    if found is not None:
        tone = "text" if found.tone == "good" else found.tone
        evidence = [line((text, tone)) for text in wrap(found.brief or found.evidence, width)[:EVIDENCE]]
    if found is not None and found.word == "BLOCKED":
        return [*top, *evidence], rest, found
    return [*top, *rest, *evidence], [], found


def _head(found: Verdict, state: State, far: Progress | None, now: datetime, width: int) -> Line:
    recorded = state.verdict_since if state.verdict and state.verdict.verdict == found.word else None
    since = found.since or recorded
    lasts = f" for {age(max(0.0, (now - since).total_seconds()))}" if since and found.word != "DONE" else ""
    head = line(badge(found.word, found.tone), (f" {lasts}" if lasts else "", "dim"))
    if far is None or not far.number:
        return head
    place = line(("  revision ", "dim"), (str(far.number), "bold"), (f" of {far.total}", "text"))
    return line(head, place) if cells(head) + cells(place) <= width else head


def _bar(far: Progress, width: int, *, tone: str) -> Line:
    """The bar by cost."""
    percent = f" {far.percent:3d} %"
    return line(progress(far.share, 1.0, max(8, width - len(percent)), tone=tone), (percent, "bold"))


def _revision(far: Progress, width: int) -> list[Line]:
    """What the running revision does, and how far it is."""
    said: list[Line] = []
    if far.revision:
        said.append(clip(line((f"{far.revision} ", "dim"), (far.message, "text")), width))
    if far.rows_total:
        done, whole = estimate.millions(far.rows), estimate.millions(far.rows_total)
        unit = whole[-2:] if done[-2:] == whole[-2:] else ""
        rows = line((done.removesuffix(unit), "bold"), (f" of {whole} rows", "text"))
        rate = line((f"{count(far.rate)}/s", "text")) if far.rate else ()
        said += flow([rows, rate, line(("for ", "dim"), (age(far.inside), "text"))], width)
    elif far.revision:
        said.append(line(("this revision for ", "dim"), (age(far.inside), "text")))
    return said


def _times(far: Progress, state: State, now: datetime, width: int, found: Verdict | None) -> list[Line]:
    running = line(("running ", "dim"), (age(far.elapsed), "text"))
    if state.migration.ended is not None:
        return [line(("ran for ", "dim"), (age(far.elapsed), "text"))]
    if found is not None and found.word == "DONE":
        return []
    if far.eta is not None:
        said = hms if (far.eta.high - now).total_seconds() < 300 else hm
        when = "\N{EN DASH}".join(dict.fromkeys((said(far.eta.low), said(far.eta.high))))
        rests = line((f"by {far.eta.rests}", "dim"))
        return flow([line(("ETA ", "dim"), (when, "bold")), running, rests], width)
    why = "none while it waits" if found is not None and found.word == "BLOCKED" else "not known yet"
    return flow([line(("ETA ", "dim"), (why, "text")), running], width)


def before(state: State, width: int, rules: Rules) -> list[Line]:
    """The estimate, once it was measured and before the Job."""
    measured, session = state.migration.measured, state.session
    if measured is None or session is None or state.migration.job:
        return []
    source, target, told = session.source_version, session.target_version, state.migration.chains
    found = estimate.estimate(measured, source, target, rules.rates, told)
    if found is None:
        return []
    return [line((text, "text")) for text in wrap(f"estimate {estimate.words(found)} ({found.said})", width)]


def views(progress_views: tuple[ProgressView, ...], width: int) -> list[Line]:
    """Postgres's own progress views, a bar each."""
    said = []
    for each in progress_views[:3]:
        name = f"{each.command} {each.relation}".strip()
        if each.total:
            share = f" {100 * each.done // each.total} %"
            said.append(line((f"{name}: {each.phase}", "text"), (share, "bold")))
        else:
            said.append(line((f"{name}: {each.phase}", "text")))
    return [clip(each, width) if cells(each) > width else each for each in said]
