"""Scheduler metrics of two Airflows, or of one before and after, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from migration_cockpit.advice.metrics import COMPARED, change, change_percent
from migration_cockpit.connections import Connections, WorldError
from migration_cockpit.playbook import averages
from migration_cockpit.playbook.days.shape import Ground
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, together
from migration_cockpit.session.events import DayMeasured, Measurement
from migration_cockpit.session.words import number
from migration_cockpit.sources.metrics import UNITS

PRODUCTION, STAGING = "production", "staging"
TITLES = {"loop_duration": "scheduler loop duration", "parse_time": "total parse time"}
MOST_QUEUED = 1.0
"""So many queued tasks are none: one may be queued at any moment."""


async def measure(
    ground: Ground, where: str, connections: Connections, since: datetime | None = None
) -> averages.Courses:
    """Read the metrics of one Airflow and write them down. Raises WorldError when it cannot be asked.

    Nothing of before `since` counts: the cut-over, after which it is another Airflow.
    """
    courses = await averages.read(connections, since)
    grafana = connections.settings.grafana
    version = ""
    if where == PRODUCTION or ground.settings.prepare.staging_airflow is not None:
        with suppress(WorldError):  # said by the look at the versions
            version = await connections.airflow.version()
    if courses.points and grafana is not None:
        ground.flight.record(
            DayMeasured(
                day=ground.day,
                where=where,
                values=courses.means,
                minutes=grafana.baseline_minutes,
                version=version,
            )
        )
    return courses


def compare(before: Mapping[str, float], after: averages.Courses, percent: float, words: tuple[str, str]) -> Seen:
    """Whether no compared metric is worse by more than so many percent; `words` say what is compared with what."""
    means, missing = after.means, after.missing
    parts = [
        _one(name, before.get(name), means.get(name), percent, words, missing.get(name, ""))
        for name in UNITS
        if name in COMPARED
    ]
    seen = together(parts)
    if seen.status == HOLDS:
        return seen
    worse = [part.found[0] for part in parts if part.status == FAILS]
    rest = [part.found[0] for part in parts if part.status != FAILS]
    # What is worse stands first, whatever else is not known.
    return Seen(seen.status, (*worse, *rest), seen.mend)


def _one(
    name: str, before: float | None, after: float | None, percent: float, words: tuple[str, str], missing: str
) -> Seen:
    title, unit = TITLES.get(name, name), UNITS[name]
    more = change_percent(after, before)
    if more is None or before is None or after is None:
        blank = [word for word, value in zip(words, (before, after), strict=True) if value is None]
        why = f"nothing of {' and '.join(blank)}" if blank else f"{words[0]} had zero"
        why += f" ({missing})" if missing else ""
        mend = "is statsd on, are the queries those of this Airflow? See grafana.queries"
        return Seen(UNKNOWN, (f"{title}: {why}",), mend)
    by = change(name, after, before, unit)
    text = f"{title}: {words[0]} {number(before)} {unit}, {words[1]} {number(after)} {unit} ({by})"
    if more > percent:
        mend = f"slower by more than {percent:g} %: find out why; the dag-processor, its parallelism, the database"
        return Seen(FAILS, (f"WORSE {text}",), mend)
    return Seen(HOLDS, (text,))


def settle(staging: averages.Courses, production: averages.Courses) -> Seen:
    """Whether staging's queue empties, or comes down to what production has on average."""
    course = staging.points.get("queued_tasks")
    if not course:
        return Seen(UNKNOWN, ("queued tasks of staging are not known",), "see grafana.queries")
    usual = production.means.get("queued_tasks")
    last = course[-max(1, len(course) // 3) :]
    most = max(MOST_QUEUED, usual or 0.0)
    mean = f", production has {number(round(usual, 1))} on average" if usual is not None else ""
    text = f"queued tasks on staging: {number(min(last))} to {number(max(last))} lately{mean}"
    if min(last) > most:
        return Seen(FAILS, (f"{text}: they do not come down",), "look at executor, pools and parallelism on staging")
    return Seen(HOLDS, (text,))


def before(ground: Ground, day: str) -> tuple[Measurement, str] | None:
    """What production was like before the migration, and where that was learned: on D-7, else on the day itself."""
    then = ground.state.days.get(day)
    taken = then.measured.get(PRODUCTION) if then else None
    source = ground.settings.deployment.source_version
    if taken is not None and taken.version in {"", source}:
        return taken, f"{day} ({taken.at:%Y-%m-%d})"
    flown = ground.flown
    if flown is not None and flown.state.baseline is not None and flown.state.baseline.values:
        at = flown.state.steps["announce"].started or flown.state.opened or ground.now
        return Measurement(at=at, values=flown.state.baseline.values, minutes=0.0), f"the day ({at:%Y-%m-%d})"
    return None
