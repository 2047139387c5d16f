"""D+1: the first day on the target version against what was there before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.days import metrics
from migration_cockpit.playbook.days.flown import Flown
from migration_cockpit.playbook.days.shape import Day, Ground
from migration_cockpit.playbook.prepare import consumers
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen
from migration_cockpit.playbook.prepare.versions import query
from migration_cockpit.session.state import STEP_TITLES
from migration_cockpit.session.words import hm, long, plural

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SHOWN = 8
SECONDS = 60.0
"""Failed task instances have an index of their own; of millions they may take a while all the same."""
NOT_FLOWN = "no session here migrated these versions"
FOLLOW_UP = "follow-up"
"""A note that begins so is one."""
_FAILED = """
select dag_id,
  count(*) filter (where end_date >= '{begin}' and end_date < '{end}'),
  count(*) filter (where end_date >= '{begin}'::timestamptz - interval '7 days'
                     and end_date < '{end}'::timestamptz - interval '7 days')
from task_instance where state = 'failed' and end_date >= '{begin}'::timestamptz - interval '7 days'
group by dag_id
"""
_ENDED = """
select count(*) from task_instance where state in ('success', 'failed', 'skipped', 'upstream_failed')
  and end_date >= '{begin}' and end_date < '{end}'
"""
_ERRORS = "select filename from import_error order by 1"


def window(flown: Flown, now: datetime) -> tuple[datetime, datetime]:
    """The day that is looked at: the last 24 hours, none of them before the cut-over."""
    assert flown.cutover is not None
    return max(flown.cutover, now - DAY), now


async def failures(ground: Ground) -> Seen:
    """Failed tasks by DAG against the same hours of the same weekday before."""
    if ground.flown is None:
        return Seen(UNKNOWN, (NOT_FLOWN,), "without the cut-over nobody knows what is before and what after")
    begin, end = window(ground.flown, ground.now)
    span_of = {"begin": begin.isoformat(), "end": end.isoformat()}
    connections = ground.flight.connections
    rows = await query(connections, _FAILED.format(**span_of), seconds=SECONDS)
    ended = (await query(connections, _ENDED.format(**span_of), seconds=SECONDS))[0][0]
    hours = f"in the {long((end - begin).total_seconds())} since {begin:%a} {hm(begin)}"
    if not ended:
        return Seen(UNKNOWN, (f"no task has ended {hours}",), "nothing that ran can have failed: look again later")
    more = sorted(((now - then, now, then, dag) for dag, now, then in rows if now > then), reverse=True)
    total, past = sum(row[1] for row in rows), sum(row[2] for row in rows)
    counted = f"{plural(total, 'failed task')} of {ended} {hours}, a week before {past}"
    if not more:
        return Seen(HOLDS, (counted,))
    lines = [f"{dag}: {now}, a week before {then}" for _, now, then, dag in more]
    mend = "read their logs; what 2.x did not have is the migration's until shown otherwise"
    return Seen(FAILS, (counted, *_short(lines)), mend)


async def measured(ground: Ground) -> Seen:
    """The metrics against those of production before, as D-7 left them."""
    grafana = ground.settings.grafana
    if grafana is None:
        return Seen(UNKNOWN, ("there is no Grafana to ask",), "set [grafana] in the config")
    running = await ground.flight.connections.airflow.version()
    target = ground.settings.deployment.target_version
    if running != target:
        return Seen(UNKNOWN, (f"production runs {running}, not {target}",), "there is no after to compare yet")
    since = ground.flown.cutover if ground.flown else None
    now = await metrics.measure(ground, metrics.PRODUCTION, ground.flight.connections, since)
    known = metrics.before(ground, "D-7")
    if known is None:
        return Seen(UNKNOWN, ("nothing was measured before the migration",), "compare them in Grafana by eye")
    taken, where = known
    words = (f"on {where}", "now")
    return metrics.compare(taken.values, now, grafana.regression_percent, words)


async def v1_calls(ground: Ground) -> Seen:
    """Who still calls what is gone, since the cut-over."""
    if ground.flown is None or ground.flown.cutover is None:
        return Seen(UNKNOWN, (NOT_FLOWN,))
    patterns = ground.settings.prepare.access_logs
    if not patterns:
        return Seen(UNKNOWN, ("no access log is named",), "name the ingress' access logs: prepare.access_logs")
    return await in_thread(consumers.read, patterns, ground.flown.cutover)


async def import_errors(ground: Ground) -> Seen:
    """DAG files that the target version cannot import."""
    files = [str(row[0]) for row in await query(ground.flight.connections, _ERRORS)]
    if not files:
        return Seen(HOLDS, ("none",))
    mend = "ruff check --select AIR30,AIR31 names most of them; migration-cockpit failures explains the words"
    return Seen(FAILS, (plural(len(files), "DAG file"), *_short(files)), mend)


async def follow_ups(ground: Ground) -> Seen:
    """What the day left open: steps that are not verified, overrides, failures that still show, notes that say so."""
    if ground.flown is None:
        return Seen(UNKNOWN, (NOT_FLOWN,))
    found = _open(ground.flown)
    if not found:
        return Seen(HOLDS, (f"{ground.flown.name} left none",))
    mend = f"settle each; a note that begins with `{FOLLOW_UP}` is one too"
    return Seen(FAILS, (plural(len(found), "open follow-up"), *_short(found)), mend)


def _open(flown: Flown) -> list[str]:
    state = flown.state
    steps = [
        f"step {STEP_TITLES[each.id]} {each.outcome or 'not flown'}{f': {each.why}' if each.why else ''}"
        for each in state.steps.values()
        if each.outcome != "verified"
    ]
    overrides = [
        f"{', '.join(gate.name for gate in each.gates)} went past by {each.operator}: {each.reason}"
        for each in state.overrides
    ]
    failing = [
        f"{name}: {each.event.title}"
        for name, each in state.failures.items()
        if each.ended is None and each.event.severity != "expected"
    ]
    unsent = [f"message {name} was never sent" for name, each in state.messages.items() if each.sent is None]
    notes = [each.text for _, each in state.notes if each.text.lower().startswith(FOLLOW_UP)]
    return [*steps, *overrides, *failing, *unsent, *notes]


def _short(lines: Iterable[str]) -> tuple[str, ...]:
    every = list(lines)
    more = (f"… {len(every) - SHOWN} more",) if len(every) > SHOWN else ()
    return (*every[:SHOWN], *more)


D_PLUS_1 = Day(
    "D+1",
    "the first day against the time before",
    (
        ("failures", failures),
        ("metrics", measured),
        ("v1", v1_calls),
        ("import-errors", import_errors),
        ("follow-ups", follow_ups),
    ),
)
