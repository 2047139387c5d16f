"""D+7: did all that matters run, is it as fast as before, and what is left to clean up."""

from __future__ import annotations

from datetime import timedelta

from migration_cockpit.actions import cluster
from migration_cockpit.actions.cluster import Workload
from migration_cockpit.actions.snapshot import describe
from migration_cockpit.connections import Unreachable
from migration_cockpit.playbook.days.first_day import NOT_FLOWN, follow_ups, import_errors, measured, v1_calls
from migration_cockpit.playbook.days.shape import Day, Ground
from migration_cockpit.playbook.gates import site_of
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, together
from migration_cockpit.playbook.prepare.values import setting
from migration_cockpit.playbook.prepare.versions import query
from migration_cockpit.session.events import RecoveryPoint

KEPT = timedelta(days=35)
"""How long the backups of the source version are kept."""
SECONDS = 60.0
LIMIT = "max_active_runs_per_dag"
"""Of [core]: what is set low for the first day."""
_RUNS = """
select dag_id, count(*) filter (where state = 'success'), count(*) filter (where state = 'failed'),
  (array_agg(state::text order by end_date desc) filter (where state in ('success', 'failed')))[1]
from dag_run where end_date >= '{since}' group by dag_id
"""


async def critical(ground: Ground) -> Seen:
    """Every critical DAG ended well at least once since the cut-over, and last of all."""
    names = ground.settings.dags.critical
    if not names:
        return Seen(UNKNOWN, ("no DAG is called critical",), "name them: dags.critical")
    if ground.flown is None or ground.flown.cutover is None:
        return Seen(UNKNOWN, (NOT_FLOWN,))
    found = await query(
        ground.flight.connections, _RUNS.format(since=ground.flown.cutover.isoformat()), seconds=SECONDS
    )
    runs = {dag: (good, bad, last) for dag, good, bad, last in found}
    return together([_ran(name, *runs.get(name, (0, 0, None))) for name in names])


def _ran(name: str, good: int, bad: int, last: str | None) -> Seen:
    if not good and not bad:
        return Seen(FAILS, (f"{name} has not run since the cut-over",), "is it paused, is its schedule what it was?")
    text = f"{name}: {good} runs well, {bad} failed, the last one {last}"
    if last != "success":
        return Seen(FAILS, (text,), "read the log of its last run")
    return Seen(HOLDS, (text,))


async def backups(ground: Ground) -> Seen:
    """Until when each backup of the source version is kept, and which may go."""
    points = {each.name: each for each in ground.state.recovery_points}
    if ground.flown is not None:
        points |= {each.name: each for each in ground.flown.state.recovery_points}
    if not points:
        return Seen(UNKNOWN, ("no backup is known here",), "look in RDS: keep those of the day for 35 days")
    ordered = sorted(points.values(), key=lambda each: each.taken)
    late = [each for each in ordered if ground.now >= each.taken + KEPT]
    lines = [_line(each, each in late) for each in ordered]
    left = {each.name: await _is_left(ground, each) for each in ordered if each not in late}
    if gone := [name for name, there in left.items() if there is False]:
        return Seen(FAILS, (f"gone before their time: {', '.join(gone)}", *lines), "look who deletes backups")
    if late:
        return Seen(FAILS, tuple(lines), "their 35 days are over: delete them, they hold production's data")
    if unseen := [name for name, there in left.items() if there is None]:
        return Seen(UNKNOWN, (f"nobody sees from here: {', '.join(unseen)}", *lines), "look where they are kept")
    return Seen(HOLDS, tuple(lines))


async def _is_left(ground: Ground, point: RecoveryPoint) -> bool | None:
    """Whether a backup is still there; None where that cannot be seen from here. Raises Unreachable."""
    if point.method == "snapshot":
        if ground.settings.rds is None:
            return None
        return await _described(ground, point.name)
    homes = [ground.artifacts, *([ground.flown.journal.parent / "artifacts"] if ground.flown else [])]
    return True if any((home / point.name).is_file() for home in homes) else None


async def _described(ground: Ground, name: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        return await describe(site_of(ground.flight), name) is not None
    except ClientError as error:
        raise Unreachable("AWS", str(error)[:200]) from error


def _line(point: RecoveryPoint, late: bool) -> str:
    until = f"{point.taken + KEPT:%Y-%m-%d}"
    return f"{point.method} {point.name}: {'may go since' if late else 'keep until'} {until}"


async def limit(ground: Ground) -> Seen:
    """Whether the limit of the first day is lifted."""
    newest = await ground.flight.connections.releases.current()
    if newest is None:
        return Seen(UNKNOWN, ("no revision of the release is deployed",), "see `migration-cockpit check`")
    given = setting(newest.computed(), "core", LIMIT)
    if given in (None, "", 16, "16"):
        return Seen(HOLDS, (f"{LIMIT} is {'as Airflow has it' if given in (None, '') else given}",))
    text = f"{LIMIT} is {given} in revision {newest.revision}"
    return Seen(FAILS, (text,), "take it out of the values and upgrade, or sign in a note that it stays")


async def scaled(ground: Ground) -> Seen:
    """Whether anything that the day stopped still stands still."""
    site = site_of(ground.flight)
    idle = [each.name for each in await cluster.workloads(site) if not each.replicas]
    held = [f"{each.resource}/{each.name}" for each in await cluster.autoscalers(site) if _held(each.paused)]
    crons = {str(name) for name in (ground.flown.state.fact("helm", "cronjobs") if ground.flown else None) or ()}
    asleep = [
        item["metadata"]["name"]
        for item in await ground.flight.connections.kube.list("cronjobs")
        if item["metadata"]["name"] in crons and item["spec"].get("suspend")
    ]
    found = [
        f"{words}: {', '.join(names)}"
        for words, names in (("at no replicas", idle), ("autoscalers held", held), ("CronJobs suspended", asleep))
        if names
    ]
    if found:
        return Seen(FAILS, tuple(found), "give each back what it had; the session's report says what that was")
    return Seen(HOLDS, (f"{_running(await cluster.workloads(site))}; no autoscaler is held",))


def _held(paused: str | None) -> bool:
    return paused in {"0", "Disabled"}


def _running(loads: tuple[Workload, ...]) -> str:
    return ", ".join(f"{each.component} {each.replicas}" for each in loads)


D_PLUS_7 = Day(
    "D+7",
    "the week, and what is left to clean up",
    (
        ("critical", critical),
        ("metrics", measured),
        ("import-errors", import_errors),
        ("v1", v1_calls),
        ("backups", backups),
        ("limit", limit),
        ("scaled", scaled),
        ("follow-ups", follow_ups),
    ),
)
