"""The sections of a report, in the order in which people ask: what came of it, when, by whom, what went wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from migration_cockpit.advice.metrics import COMPARED, change, change_percent, settled
from migration_cockpit.report.charts import charts, step_marks
from migration_cockpit.report.days import days
from migration_cockpit.report.document import Bar, Block, Commands, Document, Heading, Items, Plan, Table, Text
from migration_cockpit.report.gather import Gathered, OperationRun
from migration_cockpit.report.way_back import way_back
from migration_cockpit.session.state import STEP_TITLES, State, StepState
from migration_cockpit.session.words import long, minutes, number, plural, size

KEPT_DAYS = 35
"""Snapshots of the migration are deleted after this many days, as the playbook says."""
LIMITED_HOURS = 24
"""For how long after the critical DAGs are back the playbook keeps max_active_runs low."""
_TONES = {"verified": "good", "done": "good", "found": "good", "failed": "bad", "aborted": "bad", "": ""}


def document(found: Gathered) -> Document:
    """The whole report of a session. A journal without its first event has nothing to tell but that."""
    session = found.state.session
    if session is None:
        return Document("Migration report", (Text("The journal holds no session: nothing was opened in it."),))
    title = f"Migration of {session.deployment}, {session.source_version} to {session.target_version}"
    blocks: list[Block] = []
    for section in (
        _summary,
        _timeline,
        way_back,
        _incidents,
        _verdicts,
        _overrides,
        _acts,
        charts,
        _messages,
        days,
        _rests,
        _world,
    ):
        blocks += section(found)
    return Document(title, tuple(blocks))


def day(moment: datetime | None) -> str:
    """2026-05-16 09:00:07, or a dash."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "—"


def clock(moment: datetime | None) -> str:
    """09:00:07, or a dash."""
    return f"{moment:%H:%M:%S}" if moment else "—"


def tone(outcome: str) -> str:
    """The tone of an outcome."""
    return _TONES.get(outcome, "careful")


# --- What came of it --------------------------------------------------------------------------------------------------


def _summary(found: Gathered) -> list[Block]:
    state, session = found.state, found.state.session
    assert session is not None
    assert found.last is not None
    took = (found.last - (found.first or found.last)).total_seconds()
    kind = "rehearsal" if session.rehearsal else "production" if session.production else "not production"
    rows = [
        ("Outcome", _outcome(state)),
        ("Deployment", f"{session.deployment} ({kind}), release {session.release}"),
        ("Cluster", f"{session.context} / {session.namespace}"),
        ("Versions", f"{session.source_version} → {session.target_version}"),
        ("Recorded", f"{day(found.first)} to {day(found.last)} UTC, {long(took)}"),
        ("Steps", _counted(state)),
        ("Nothing scheduled", _standstill(state)),
        ("Window", _window(state)),
        ("Overrides", str(len(state.overrides)) if state.overrides else "none"),
        ("Incidents", str(sum(not each.expected for each in found.incidents.told()) + found.incidents.left_off)),
        ("Flown by", ", ".join(dict.fromkeys(act.operator for act in found.acts)) or "nobody"),
        ("Session", f"{session.session}, {found.events} events, written by cockpit {session.program}"),
    ]
    blocks: list[Block] = [Heading("Summary"), Table(("", ""), tuple(rows))]
    if found.damage:
        blocks.append(Text(f"This report ends where the journal is damaged. {found.damage}"))
    return blocks


def _outcome(state: State) -> str:
    told = {
        "verified": "complete, every step verified",
        "overridden": "complete, with overrides or skipped steps",
        "failed": "not complete: a step failed",
        "rolled back": "rolled back",
        "postponed": "postponed: nothing was upgraded",
    }
    if state.outcome:
        return told.get(state.outcome, state.outcome)
    due = state.running_step or state.next_step
    return f"not finished: {STEP_TITLES.get(due.id, due.id)} is next" if due else "not closed"


def _counted(state: State) -> str:
    steps = list(state.steps.values())
    parts = [f"{sum(step.outcome == 'verified' for step in steps)} of {len(steps)} verified"]
    for outcome in ("overridden", "skipped", "failed", "aborted"):
        names = [STEP_TITLES.get(step.id, step.id) for step in steps if step.outcome == outcome]
        if names:
            parts.append(f"{outcome}: {', '.join(names)}")
    return "; ".join(parts)


def _standstill(state: State) -> str:
    """From the pause to the end of the step that brought the first DAGs back."""
    paused, back = state.steps["pause"].started, state.steps["critical"].ended
    if paused is None:
        return "DAGs were not paused"
    if back is None or not state.steps["critical"].passed:
        return f"since {clock(paused)}; the critical DAGs are not back in this record"
    return f"{clock(paused)} to {clock(back)}, {long((back - paused).total_seconds())}"


def _window(state: State) -> str:
    end = state.window_end
    if end is None:
        return "none was planned"
    last = max((step.ended for step in state.steps.values() if step.ended), default=None)
    if last is None:
        return f"to {day(end)}"
    left = (end - last).total_seconds()
    kept = f"kept, {long(left)} to spare" if left >= 0 else f"passed by {long(-left)}"
    return f"to {day(end)}; {kept}"


# --- When -------------------------------------------------------------------------------------------------------------


def _timeline(found: Gathered) -> list[Block]:
    steps = list(found.state.steps.values())
    rows, tones, bars = [], [], []
    for count, step in enumerate(steps):
        following = steps[count + 1].planned if count + 1 < len(steps) else found.state.window_end
        rows.append(_step_row(count + 1, step))
        tones.append(tone(step.outcome))
        bars.append(_bar(step, following, found.last))
    head = ("", "Step", "Planned", "Started", "Drift", "Took", "Outcome", "By", "Why")
    marks = step_marks(found.state, steps=False)
    return [
        Heading("Timeline"),
        Text("Times are UTC; drift is minutes behind the plan."),
        Plan("Planned and flown", tuple(bars), marks),
        Table(head, tuple(rows), tuple(tones)),
        *_moves(found),
    ]


def _step_row(count: int, step: StepState) -> tuple[str, ...]:
    drift = minutes((step.started - step.planned).total_seconds()) if step.started else ""
    took = long((step.ended - step.started).total_seconds()) if step.started and step.ended else ""
    tries = f" (attempt {step.attempt})" if step.attempt > 1 else ""
    outcome = step.outcome or ("running" if step.running else "not flown")
    return (
        str(count),
        STEP_TITLES.get(step.id, step.id),
        clock(step.planned),
        clock(step.started),
        drift,
        took,
        outcome + tries,
        step.operator,
        step.why,
    )


def _bar(step: StepState, following: datetime | None, last: datetime | None) -> Bar:
    planned = (step.planned, following if following and following > step.planned else step.planned)
    end = step.ended or last
    actual = (step.started, end) if step.started and end and end >= step.started else None
    said = step.outcome or ("running" if step.running else "not flown")
    return Bar(STEP_TITLES.get(step.id, step.id), planned, actual, tone(step.outcome), said)


def _moves(found: Gathered) -> list[Block]:
    if not found.windows:
        return []
    rows = tuple((clock(t), event.operator, day(event.end), event.reason) for t, event in found.windows)
    return [Text("The window's end was moved:"), Table(("At", "By", "New end", "Reason"), rows)]


# --- What went wrong --------------------------------------------------------------------------------------------------


def _incidents(found: Gathered) -> list[Block]:
    told = [each for each in found.incidents.told() if not each.expected]
    expected = [each for each in found.incidents.told() if each.expected]
    said = "; ".join(f"{each.label}, {clock(each.began)} to {clock(each.ended)}" for each in expected)
    quiet: list[Block] = [Text(f"As expected while Airflow stood still: {said}.")] if expected else []
    if not told:
        return [
            Heading("Incidents"),
            Text("None: no step failed and nothing that must be seen was out of sight."),
            *quiet,
        ]
    rows = tuple(
        (
            clock(each.began),
            clock(each.ended) if each.ended else "not ended",
            long((each.ended - each.began).total_seconds()) if each.ended else "",
            each.label,
            each.cause,
        )
        for each in told
    )
    return [
        Heading("Incidents"),
        Table(("Began", "Ended", "Took", "What", "Cause"), rows),
        *_more(found.incidents.left_off, "incident"),
        *quiet,
    ]


def _more(left_off: int, what: str) -> list[Block]:
    return [Text(f"… and {plural(left_off, what)} more, in the journal.")] if left_off else []


def _verdicts(found: Gathered) -> list[Block]:
    if not found.verdicts:
        return []
    rows = tuple((clock(t), event.verdict, event.evidence) for t, event in found.verdicts)
    return [
        Heading("Verdicts on the migration"),
        Table(("At", "Verdict", "Evidence"), rows),
        *_more(found.left_off["verdicts"], "verdict"),
    ]


def _overrides(found: Gathered) -> list[Block]:
    if not found.overrides:
        return [Heading("Overrides"), Text("None.")]
    rows = []
    for t, event in found.overrides:
        gates = "; ".join(f"{gate.name}: {gate.found}" for gate in event.gates)
        rows.append((clock(t), STEP_TITLES.get(event.step, event.step), event.operator, gates, event.reason))
    return [
        Heading("Overrides"),
        Table(("At", "Before step", "By", "What did not hold", "Reason"), tuple(rows)),
        *_more(found.left_off["overrides"], "override"),
    ]


def _acts(found: Gathered) -> list[Block]:
    rows = tuple((clock(act.t), act.operator, act.what, act.reason) for act in found.acts)
    return [
        Heading("Who did what"),
        Table(("At", "Who", "What", "Reason"), rows),
        *_more(found.left_off["acts"], "act"),
    ]


# --- What was said and what stays -------------------------------------------------------------------------------------


def _messages(found: Gathered) -> list[Block]:
    messages = found.state.messages.values()
    if not messages:
        return [Heading("Messages"), Text("None was sent.")]
    rows = tuple(
        (
            clock(each.queued),
            clock(each.sent) if each.sent else f"not sent: {each.detail or 'not tried'}",
            STEP_TITLES.get(each.step, each.step),
            each.text,
        )
        for each in messages
    )
    tones = tuple("" if each.sent else "bad" for each in messages)
    return [Heading("Messages"), Table(("Written", "Sent", "In step", "Text"), rows, tones)]


def _rests(found: Gathered) -> list[Block]:
    """What is left to do: what the migration leaves behind and what was not as it should be."""
    state = found.state
    items = [
        f"Delete {point.method} {point.name} ({size(point.size) if point.size else 'size not known'}, head "
        f"{point.head or 'not known'}) on {point.taken + timedelta(days=KEPT_DAYS):%Y-%m-%d}, day {KEPT_DAYS}."
        for point in state.recovery_points
    ]
    back = state.steps["critical"]
    if back.passed and back.ended is not None:
        due = back.ended + timedelta(hours=LIMITED_HOURS)
        items.append(
            f"Lift the limit on max_active_runs, where one was set for the first day, from {due:%Y-%m-%d %H:%M}."
        )
    items += [
        f"Look after the override of step {STEP_TITLES.get(each.step, each.step)}: {each.reason}"
        for each in state.overrides
    ]
    items += [
        f"Tell the people what message {name} was to tell: {each.text}"
        for name, each in state.messages.items()
        if not each.sent
    ]
    items += _slower(found)
    if state.postponement is not None:
        items += state.postponement.starts_from
    return [Heading("Follow-ups"), Items(tuple(items)) if items else Text("None.")]


def _slower(found: Gathered) -> list[str]:
    """Scheduler metrics that ended slower than before, in words."""
    baseline, reading = found.state.baseline, found.last_metrics
    if baseline is None or reading is None:
        return []
    told = []
    for metric in reading.metrics:
        last, before = settled(metric), baseline.values.get(metric.name)
        more = change_percent(last, before)
        if metric.name in COMPARED and last is not None and before is not None and more is not None and more >= 1:
            by = change(metric.name, last, before, metric.unit)
            told.append(f"Watch {metric.name}: {number(last)} at the end, {number(before)} before ({by}).")
    return told


def _world(found: Gathered) -> list[Block]:
    blocks: list[Block] = [Heading("What was done to the world")]
    if not found.operations:
        return [*blocks, Text("Nothing.")]
    rows = tuple(
        (
            clock(run.intended),
            STEP_TITLES.get(run.step, run.step),
            run.operation,
            long((run.ended - run.intended).total_seconds()) if run.ended else "",
            run.outcome or "not known",
            run.detail,
        )
        for run in found.operations
    )
    tones = tuple(tone(run.outcome) for run in found.operations)
    blocks.append(Table(("At", "Step", "Operation", "Took", "Outcome", "Detail"), rows, tones))
    blocks += _more(found.left_off["operations"], "operation")
    return [*blocks, *(_commands(run) for run in found.operations if run.commands)]


def _commands(run: OperationRun) -> Commands:
    texts = [command.text for command in run.commands]
    if run.more:
        texts.append(f"# … and {run.more} more like these, in the journal")
    return Commands(f"{clock(run.intended)} {run.operation}", tuple(texts))
