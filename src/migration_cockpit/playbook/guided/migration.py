"""The migration fails or stands still: its Job, the schema, who is in its way, what would cut it off, what one can go
back to."""

from __future__ import annotations

from typing import Any

from migration_cockpit.actions.cluster import MIGRATION_COMPONENT
from migration_cockpit.advice import revisions
from migration_cockpit.connections.postgres import MIGRATION_APPLICATION
from migration_cockpit.playbook.guided.shape import Scene, phase_of
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen
from migration_cockpit.playbook.prepare.versions import query

CHART_JOB = "run-airflow-migrations"
_ROWS = "select version_num from alembic_version"
_SHAPE = "select to_regclass('alembic_version')::text, to_regclass('dag_run')::text"
_WAITS = f"""
select waits.pid, holder.pid, coalesce(nullif(holder.application_name, ''), 'no name'), holder.usename, holder.state,
  extract(epoch from now() - waits.query_start)::int
from pg_stat_activity waits
cross join lateral unnest(pg_blocking_pids(waits.pid)) as of(pid) join pg_stat_activity holder on holder.pid = of.pid
where waits.application_name = '{MIGRATION_APPLICATION}'
"""  # noqa: S608 - a constant
_MIGRATES = f"""
select pid, coalesce(wait_event_type, 'none'), extract(epoch from now() - xact_start)::int
from pg_stat_activity where application_name = '{MIGRATION_APPLICATION}'
"""  # noqa: S608 - a constant
_LIMITS = """
select coalesce(r.rolname, 'every role'), setting from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole,
  unnest(s.setconfig) setting
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  and setting ~ '^(statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout)='
  and setting !~ '=0(ms|s)?$'
"""


async def job(scene: Scene) -> Seen:
    """The pods of the migration, and what their logs show."""
    pods = [*await scene.pods(MIGRATION_COMPONENT), *await scene.pods(CHART_JOB)]
    if not pods:
        mend = "step 5 runs it as a Job; with 2.x pods gone and new ones in Init nothing else migrates"
        return Seen(UNKNOWN, ("no pod of a migration is there",), mend)
    found = [f"{pod['metadata']['name']}: {phase_of(pod)}" for pod in pods]
    known: list[str] = []
    for component in (MIGRATION_COMPONENT, CHART_JOB):
        for name, lines in await scene.lines(component):
            known += scene.told(lines, "log", f"pod {name}")
            found += [
                f"last line of {name}: {line.strip()[:160]}" for line in [each for each in lines if each.strip()][-1:]
            ]
    bad = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Failed"]
    if known or bad:
        return Seen(FAILS, (*known, *found), "mend what it says; then step 5 again: a revision that failed is undone")
    return Seen(HOLDS, tuple(found))


async def schema(scene: Scene) -> Seen:
    """At which head the schema is: the source's, the target's, between them, or none."""
    connections, deployment = scene.connections, scene.settings.deployment
    table, runs = (await query(connections, _SHAPE))[0]
    heads = [str(row[0]) for row in await query(connections, _ROWS)] if table else []
    before, after = revisions.head(deployment.source_version), revisions.head(deployment.target_version)
    if (told := scene.state.migration.chains) is not None:
        after = told.core[-1].revision
    if not heads and runs:
        text = "alembic_version has no row although the tables are there"
        mend = "do not migrate, that stamps over the old schema: put the row back (failures alembic-version-empty)"
        return Seen(FAILS, (text,), mend)
    if len(heads) != 1:
        return Seen(FAILS, (f"alembic_version has {len(heads)} rows: {', '.join(heads)}",), "restore a recovery point")
    if heads[0] == after:
        return Seen(HOLDS, (f"{after}: the head of {deployment.target_version}; the schema is migrated",))
    if heads[0] == before:
        return Seen(HOLDS, (f"{before}: the head of {deployment.source_version}; nothing is migrated yet",))
    text = f"{heads[0]} (Airflow {revisions.version_of(heads[0]) or 'unknown'}): between {before} and {after}"
    return Seen(FAILS, (text,), "step 5 again goes on from there: on PostgreSQL what is committed is whole")


async def locks(scene: Scene) -> Seen:
    """Who holds what the migration waits for."""
    rows = await query(scene.connections, _WAITS)
    if rows:
        found = [
            f"pid {waits} waits for pid {pid} ({user}, {name}, {state}) since {age} s"
            for waits, pid, name, user, state, age in rows
        ]
        return Seen(FAILS, tuple(found), "end the one in the way, not the migration: key K shows it and asks")
    working = await query(scene.connections, _MIGRATES)
    if not working:
        return Seen(HOLDS, ("no session of a migration is open, and nobody blocks one",))
    return Seen(
        HOLDS,
        tuple(f"pid {pid} works (waits for: {event}), transaction {age or 0} s old" for pid, event, age in working),
    )


async def timeouts(scene: Scene) -> Seen:
    """Settings of a role or of the database that would cut it off."""
    rows: list[tuple[Any, ...]] = await query(scene.connections, _LIMITS)
    if not rows:
        return Seen(HOLDS, ("no time-out is set on the database or on a role",))
    found = tuple(f"{role}: {setting}" for role, setting in rows)
    return Seen(FAILS, found, "ALTER ROLE … SET statement_timeout = 0 for the role that migrates, until it is through")


async def recovery_points(scene: Scene) -> Seen:
    """What one can go back to, by this session."""
    points = scene.state.recovery_points
    if scene.state.session is None:
        return Seen(UNKNOWN, ("no session is at hand: its recovery points are not known",), "give it by --session")
    if not points:
        return Seen(FAILS, ("the session has no recovery point",), "take one before anything else is tried")
    return Seen(HOLDS, tuple(f"{each.name} holds {each.head or 'an unknown head'}" for each in points[-3:]))
