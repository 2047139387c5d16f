"""What unpausing starts: intervals missed while paused, runs that start at once, and intervals that never will run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from migration_cockpit.connections import Unreachable
from migration_cockpit.connections.errors import one_line
from migration_cockpit.playbook.flight import Flight

LINES = 12
"""DAGs named in the evidence; the rest are counted."""


@dataclass(frozen=True)
class DueRuns:
    """What the given DAGs start together, and a line each for the first of them."""

    first_wave: int
    """Runs that start at once."""
    skipped: int
    """Intervals that will never run, because catchup is off."""
    lines: tuple[str, ...]
    by_dag: dict[str, int]
    """Runs that start at once, by DAG; DAGs that are not due are not in it."""


async def due_runs(flight: Flight, dag_ids: Sequence[str]) -> DueRuns:
    """Count it in the database, against the free pool slots. Raises Unreachable."""
    query = files(__package__).joinpath("catchup.sql").read_text(encoding="utf-8")
    pools = """
        select p.slots - (select coalesce(sum(t.pool_slots), 0) from task_instance t
                        where t.pool = p.pool and t.state in ('running', 'queued'))
        from slot_pool p where p.pool = 'default_pool'
    """
    async with flight.connections.postgres() as connection:
        import psycopg  # loaded by the connection

        try:
            rows = await (await connection.execute(query, {"dag_ids": list(dag_ids)})).fetchall()
            slots = await (await connection.execute(pools)).fetchone()
        except psycopg.Error as error:
            raise Unreachable("Postgres", one_line(error)) from error
    lines = [_line(*row) for row in rows[:LINES]]
    if len(rows) > LINES:
        lines.append(f"… and {len(rows) - LINES} more DAGs that are due")
    first_wave = sum(int(row[4]) for row in rows)
    skipped = sum(int(row[2]) - int(row[3]) for row in rows)
    not_due = len(dag_ids) - len(rows)
    words = "DAGs are not due by their schedule: they start what is half done or waits for assets"
    lines.append(f"{not_due} of {len(dag_ids)} {words}")
    if slots is not None:
        lines.append(f"default_pool has {slots[0]} free slots")
    if skipped:
        lines.append(f"{skipped} missed intervals will never run: catchup is off, which is the default of 3.x")
    by_dag = {str(row[0]): int(row[4]) for row in rows}
    return DueRuns(first_wave=first_wave, skipped=skipped, lines=tuple(lines), by_dag=by_dag)


def _line(dag_id: str, catchup: bool, intervals: int, runs: int, first_wave: int) -> str:
    how = "catchup" if catchup else "no catchup"
    never = f", {intervals - runs} never" if intervals > runs else ""
    return f"{dag_id}: {intervals} missed ({how}) → {first_wave} at once of {runs}{never}"
