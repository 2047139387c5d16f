"""What a rollback would cost now: what is lost, how long it takes, until when it still fits, and what its age means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from migration_cockpit.advice import revisions
from migration_cockpit.advice.times import clock
from migration_cockpit.advice.window import WAY_BACK
from migration_cockpit.session.cost import Change, CostReading
from migration_cockpit.session.events import RecoveryMarked, RecoveryPoint
from migration_cockpit.session.state import State
from migration_cockpit.session.words import count, long, plural

HOUR = 3600.0
LEAST = 1 * HOUR
DECIDE = (2 * HOUR, 4 * HOUR)
LATE = 24 * HOUR
"""Seconds after 3.x came into service: the playbook's ages of a rollback."""
UNSEEN = "unknown, the database is not seen"
THREE_WAYS = (
    "Fix forward: mend what is broken under the new version. After this long it is nearly always the cheapest.",
    "Reconcile by hand: export the rows that came since, restore beside, and bring over what must not be lost.",
    "Accept the loss: rollback.late = true in the config, then this dialog runs it; what is listed is gone.",
)


@dataclass(frozen=True)
class Cost:
    """What a rollback would cost, for the screen and the dialog."""

    reading: CostReading | None
    expected: float
    """Seconds."""
    basis: str
    """What the duration rests on."""
    last_moment: datetime | None
    """The last moment at which a rollback still ends inside the window."""
    in_service: float | None
    """Seconds since the database migration ended well and 3.x could write; None before."""
    now: datetime
    served: bool = True
    """Whether anything of 3.x that could write was seen ready since then."""
    upgraded: bool = True
    """Whether anything was upgraded: before that the way back loses nothing by its nature."""
    aim: str = ""
    """What is gone back to, where that is not what is counted; empty: it is counted."""
    still: str = ""
    """The moment that is gone back to, where nothing wrote between the recovery point that is counted and it."""

    @property
    def late(self) -> bool:
        """More than 24 h in service: a rollback is no way any more that is gone without a thought."""
        return self.in_service is not None and self.in_service >= LATE

    @property
    def over(self) -> bool:
        """Whether a rollback begun now would end after the window."""
        return self.last_moment is not None and self.now > self.last_moment

    @property
    def tone(self) -> str:
        """`good`, `careful` or `bad`."""
        if self.over or self.late:
            return "bad"
        known = self.in_service is None or (self.reading is not None and not self.reading.unknown)
        in_time = self.in_service is None or self.in_service < DECIDE[1]
        return "good" if known and in_time else "careful"

    @property
    def line(self) -> str:
        """All of it in one line of at most 76 characters."""
        time = f"~{long(self.expected)}"
        if self.last_moment is not None:
            time += ", too late" if self.over else f", until {clock(self.last_moment)}"
        return f"Rollback {self._short_loss()} · {time}"

    def _short_loss(self) -> str:
        found = self.reading
        if not self.upgraded:
            return "loses nothing"
        if found is None or not found.point:
            return "loses an unknown amount" if self.in_service is not None else "loses nothing that ran"
        if found.unknown:
            return f"loses: {found.unknown}"
        if found.nothing:
            return f"loses nothing but {plural(found.logs, 'log row')}" if found.logs else "loses nothing"
        parts = [_few(found.dag_runs, "run"), _few(found.task_instances, "task")]
        parts += [_few(len(found.connections) + len(found.variables), "setting")]
        return f"loses {', '.join(part for part in parts if part) or _few(found.xcoms + found.went_on, 'row')}"

    @property
    def loss(self) -> tuple[str, ...]:
        """What is lost, a sentence each; the newest by name."""
        found = self.reading
        if not self.upgraded:
            return ("Nothing was upgraded: nothing is lost.",)
        if found is None or not found.point:
            aim = self.aim or "the recovery point"
            return (f"What came since {aim} is not counted: it has no marks, or none was read yet.",)
        said = [f"What came since {self.aim} cannot be counted, only since {found.point}."] if self.aim else []
        if found.unknown:
            counted = f"counted last at {clock(found.as_of)}" if found.as_of else "not counted yet"
            said.append(f"{found.unknown.capitalize()}; {counted}.")
            if found.as_of is None:
                return tuple(said)
        rows = [
            plural(found.dag_runs, "DAG run"),
            plural(found.task_instances, "task instance"),
            plural(found.xcoms, "xcom"),
            plural(found.logs, "log row"),
        ]
        since = f"since {found.point}" + (
            f" (counted at {clock(found.as_of)})" if found.as_of and not found.unknown else ""
        )
        since += f"; nothing wrote between that and {self.still}" if self.still else ""
        said.append(f"A restore loses {', '.join(rows)} {since}.")
        if found.went_on:
            tasks = (
                "1 task of an earlier run" if found.went_on == 1 else f"{count(found.went_on)} tasks of earlier runs"
            )
            said.append(f"{tasks} ended since and will run once more.")
        changed = (("connections", found.connections), ("variables", found.variables))
        settings = "; ".join(f"{name} {_changes(each)}" for name, each in changed if each)
        if settings:
            said.append(f"{settings[0].upper()}{settings[1:]}.")
        if found.newest:
            runs = [f"{run.dag_id}{f' {clock(run.at)}' if run.at else ''}" for run in found.newest[:3]]
            said.append(f"Newest runs: {', '.join(runs)}{' and others' if found.dag_runs > 3 else ''}.")
        return tuple(said)

    @property
    def rows(self) -> tuple[str, ...]:
        """The sentences of `loss` with the counts of rows, for the last look before it begins."""
        return self.loss[: 2 if self.aim else 1]

    @property
    def age(self) -> str:
        """What the playbook says of this moment."""
        since = self.in_service
        if since is None:
            return "The new version is not in service: nothing has run under it."
        said = f"In service for {long(since)}: "
        if not self.served:
            said = f"The schema has been 3.x's for {long(since)}, no scheduler or API server of it is ready yet: "
        if since < LEAST:
            return said + "within the first hour the least is lost."
        if since < DECIDE[1]:
            left = self.now + timedelta(seconds=DECIDE[1] - since)
            return said + f"the decision belongs into the first 2 to 4 hours, until {clock(left)}."
        if since < LATE:
            return said + "past 4 hours, commit to fixing forward."
        return said + "past 24 hours a rollback is not the way any more."

    @property
    def time(self) -> str:
        """How long, on what grounds, and until when."""
        said = f"About {long(self.expected)} ({self.basis})."
        if self.last_moment is None:
            return said
        if self.over:
            day = "" if self.last_moment.date() == self.now.date() else f" on {self.last_moment:%Y-%m-%d}"
            return f"{said} The last moment for one that ends inside the window was {clock(self.last_moment)}{day}."
        return f"{said} The last moment for one that ends inside the window is {clock(self.last_moment)}."


def cost(state: State, now: datetime) -> Cost | None:
    """What a rollback would cost now; None before step 4 began and once the session went back."""
    helm = state.steps.get("helm")
    back = state.rollback
    if helm is None or helm.started is None or state.postponement is not None:
        return None
    if back is not None and back.outcome != "failed":
        return None
    expected, basis = WAY_BACK, "a guess"
    if state.way_back.expected is not None:
        expected, basis = state.way_back.expected.seconds, state.way_back.expected.basis
    end = state.window_end
    migrate = state.steps.get("migrate")
    ended = migrate.ended if migrate is not None and migrate.passed else None
    return Cost(
        reading=_seen(state),
        expected=expected,
        basis=basis,
        last_moment=end - timedelta(seconds=expected) if end is not None else None,
        in_service=(now - ended).total_seconds() if ended is not None else None,
        now=now,
        served=_served(state),
        upgraded=upgraded(state),
    )


def _seen(state: State) -> CostReading | None:
    """What was counted; where the database is not read any more, it is of then and not of now."""
    reading, source = state.cost, state.sources.get("cost")
    if reading is None or reading.unknown or source is None or source.failing_since is None:
        return reading
    return msgspec.structs.replace(reading, unknown=UNSEEN, as_of=source.read)


def _served(state: State) -> bool:
    healthy = state.steps.get("healthy")
    target = state.session.target_version if state.session else ""
    return (healthy is not None and healthy.passed) or any(
        pod.component in {"scheduler", "api-server"} and pod.version == target and 0 < pod.containers <= pod.ready
        for pod in (state.pods.pods if state.pods else ())
    )


def cost_to(state: State, now: datetime, point: str, method: str) -> Cost | None:
    """What a rollback to this recovery point would cost now: the loss is counted from it, or it is said that it is not.

    A moment lies after the standstill at which the marks were taken: what came since them came after it.
    """
    found = cost(state, now)
    if found is None or not point or (found.reading is not None and found.reading.point == point):
        return found
    if method == "time":
        return replace(found, still=point)
    counted = state.way_back.counted.get(point)
    return replace(found, aim=point) if counted is None else replace(found, reading=counted)


def upgraded(state: State) -> bool:
    """Whether the Helm upgrade or the migration was begun."""
    return bool({"helm/helm-upgrade", "migrate/migration-job"} & state.operations.keys())


def usable(state: State) -> tuple[RecoveryPoint, ...]:
    """The recovery points at the source version's head, the newest first."""
    if state.session is None:
        return ()
    source = revisions.head(state.session.source_version)
    points = [point for point in state.recovery_points if not point.head or source in {None, point.head}]
    return tuple(sorted(points, key=lambda one: one.taken, reverse=True))


def marked(state: State) -> RecoveryMarked | None:
    """The newest usable recovery point that has marks: what is counted from."""
    found = (state.way_back.marks.get(point.name) for point in usable(state))
    return next((each for each in found if each is not None), None)


def _few(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}" if number else ""


def _changes(changed: Sequence[Change], most: int = 6) -> str:
    names = ", ".join(f"{each.name} {each.how}" for each in changed[:most])
    return f"{names} and {len(changed) - most} more" if len(changed) > most else names
