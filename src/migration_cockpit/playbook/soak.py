"""Step 10: watch for as long as the playbook says, with the criteria that end it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from migration_cockpit.actions.operation import Operation
from migration_cockpit.advice.metrics import COMPARED, regressions
from migration_cockpit.config import Settings
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check
from migration_cockpit.session.readings import MetricsReading
from migration_cockpit.session.state import State
from migration_cockpit.session.words import long, seconds_between

LOOK_EVERY = 1.0
FIRST_READINGS = 10.0
"""Seconds that the sources of a cockpit that has just started get to read."""


class Soak:
    """Two hours of watching: pods, task failures since the cut-over, scheduler metrics against before."""

    id = "soak"
    title = "soak"
    key = "0"
    purpose = "Watch the migrated Airflow do real work for the soak time before anyone is told that it is done."
    undo = "Nothing was changed. Rolling back is still possible, and costs what ran since the recovery point."
    differs = (
        "`airflow tasks list-failed` does not exist: failures are counted in the database. "
        "A metric without data is not a good metric: it is unknown."
    )

    def expected(self, settings: Settings) -> float:
        """The soak time."""
        return settings.limits.soak

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """None but the steps before it."""
        return ()

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """It changes nothing."""
        return ()

    def verification(self, settings: Settings) -> Sequence[str]:
        """The criteria, in words."""
        lines = [
            "every component has as many ready pods as it wants, none in back-off",
            f"at most {settings.limits.soak_failures} task instances failed since the cut-over",
        ]
        if settings.grafana:
            percent = settings.grafana.regression_percent
            lines.append(f"loop duration and parse time are at most {percent:g} % above those before the migration")
        return lines

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Watch until the soak time is over; the criteria are judged from what the sources read."""
        soak = flight.settings.limits.soak
        started = flight.state.step(self.id).started
        assert started is not None
        # What a cockpit before this one watched counts; from here on it is time that passed, whatever the clock says.
        before = seconds_between(started, flight.clock.now()) - flight.clock.monotonic()
        watched = Watched()
        while (elapsed := before + flight.clock.monotonic()) < soak:
            watched.see(flight.state.metrics)
            checks = criteria(flight.settings, flight.state, flight.clock.now(), watched)
            failing = [check.name for check in checks if not check.holds]
            text = f"{elapsed / 60:.0f} of {soak / 60:.0f} min · " + ("; ".join(failing) or "all criteria hold")
            flight.progress(self.id, text, int(elapsed), int(soak))
            await flight.clock.sleep(min(LOOK_EVERY, soak - elapsed))

        async def look() -> Sequence[Check]:
            watched.see(flight.state.metrics)
            return criteria(flight.settings, flight.state, flight.clock.now(), watched)

        # A reading that is stale at the very end gets a few cadences to come back before it counts as unknown; so does
        # the first one of a cockpit that comes back when the time is over.
        return await flight.verify(self.id, look, timeout=max(3 * flight.settings.cadence.metrics, FIRST_READINGS))


class Watched:
    """The metrics' readings during the soak: what came before it is not what is judged."""

    def __init__(self) -> None:
        self._last: MetricsReading | None = None
        self.values: dict[str, list[float | None]] = {}

    def see(self, reading: MetricsReading | None) -> None:
        """Take a reading once."""
        if reading is None or reading is self._last:
            return
        self._last = reading
        for metric in reading.metrics:
            self.values.setdefault(metric.name, []).append(metric.value)

    def median(self, name: str) -> float | None:
        """The median of a metric's readings; None when there was no data in any of them."""
        known = [value for value in self.values.get(name, []) if value is not None]
        return median(known) if known else None


def criteria(settings: Settings, state: State, now: datetime, watched: Watched) -> tuple[Check, ...]:
    """The criteria of the soak, from what is known now; a source that fails makes its criterion unknown."""
    return (
        _components(settings, state, now),
        failures(settings, state, now),
        *_metrics(settings, state, now, watched),
    )


def _unseen(settings: Settings, state: State, now: datetime, source: str) -> str:
    """Why this source cannot be relied on; empty when it reads. What another cockpit read hours ago is no reading."""
    known = state.sources.get(source)
    if known is None or known.read is None:
        return f"{source} was never read"
    if known.failing_since:
        return f"stale: {known.why}"
    old = seconds_between(known.read, now)
    return f"stale: read last {long(old)} ago" if old > settings.cadence.late(source) else ""


def _components(settings: Settings, state: State, now: datetime) -> Check:
    name = "components ready"
    if (why := _unseen(settings, state, now, "pods")) or state.pods is None:
        return Check(name=name, holds=False, known=False, found=why, mend="see the pods pane")
    short = [f"{load.name} {load.ready}/{load.desired}" for load in state.pods.workloads if load.ready < load.desired]
    looping = [pod.name for pod in state.pods.pods if "BackOff" in pod.phase]
    bad = [*short, *(f"{pod} in back-off" for pod in looping)]
    loads = len(state.pods.workloads)
    found = ", ".join(bad) or (f"{loads} of {loads}" if loads else "no workload of the release is seen")
    holds = bool(loads) and not bad
    return Check(name=name, holds=holds, found=found, mend="" if holds else "look at the pod's events and log")


def failures(settings: Settings, state: State, now: datetime) -> Check:
    """Task instances that failed since the cut-over; unknown while the database is not read."""
    name = "task failures since the cut-over"
    if (why := _unseen(settings, state, now, "tasks")) or state.tasks is None:
        return Check(name=name, holds=False, known=False, found=why, mend="see the tasks pane")
    count, most = state.tasks.failures, settings.limits.soak_failures
    newest = ", ".join(f"{task.dag_id}.{task.task_id}" for task in state.tasks.newest_failures[:3])
    return Check(
        name=name,
        holds=count <= most,
        found=f"{count}{f': {newest}' if newest and count else ''}",
        mend="read the task's log; a failure that 2.x did not have decides about going back" if count > most else "",
    )


def _metrics(settings: Settings, state: State, now: datetime, watched: Watched) -> tuple[Check, ...]:
    if settings.grafana is None:
        return ()
    name = "scheduler metrics"
    if (why := _unseen(settings, state, now, "metrics")) or state.metrics is None:
        return (Check(name=name, holds=False, known=False, found=why, mend="see the scheduler pane"),)
    if state.baseline is None or not state.baseline.values:
        return (
            Check(
                name=name,
                holds=False,
                known=False,
                found="no baseline was taken",
                mend="compare them in Grafana by eye",
            ),
        )
    medians = {metric.name: watched.median(metric.name) for metric in state.metrics.metrics}
    worse, unknown = regressions(medians, state.baseline.values, settings.grafana.regression_percent)
    if unknown and not worse:
        found = f"no data: {', '.join(unknown)}"
        return (Check(name=name, holds=False, known=False, found=found, mend="is statsd up, is the query right?"),)
    judged = [name for name in medians if name in COMPARED and state.baseline.values.get(name)]
    if not judged:
        found = f"nothing to compare: {' and '.join(sorted(COMPARED))} were not measured before and now"
        return (Check(name=name, holds=False, known=False, found=found, mend="compare them in Grafana by eye"),)
    found = "; ".join(worse) or f"{' and '.join(judged)} within {settings.grafana.regression_percent:g} %"
    mend = "more than the playbook allows: look for its cause before calling it done" if worse else ""
    return (Check(name=name, holds=not worse, found=found, mend=mend),)
