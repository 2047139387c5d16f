"""What the estimate of the migration rests on, measured before its Job is made."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from migration_cockpit.advice import estimate, rates
from migration_cockpit.connections import Connections, Unreachable, postgres
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.session.events import MigrationMeasured
from migration_cockpit.session.migration import Measured, TableSize

COUNT_SECONDS = 30.0
"""The DAG runs to convert are counted for so long at most."""
TRIPS = 5
"""Empty queries whose quickest tells the round trip."""


async def sizes(connections: Connections, *, count_seconds: float = COUNT_SECONDS) -> Measured:
    """Sizes by the catalogue, the DAG runs to convert, the round trip. Raises Unreachable."""
    clock = connections.clock
    async with connections.postgres(statement_timeout_ms=int(count_seconds * 1000)) as connection:
        import psycopg  # imported by then

        try:
            found = await connection.execute(_sql("sizes"), [list(estimate.tables())])
            tables = {name: TableSize(rows=rows, size=size) for name, rows, size in await found.fetchall()}
            trips = []
            for _ in range(TRIPS):
                begun = clock.monotonic()
                await connection.execute("select 1")
                trips.append(clock.monotonic() - begun)
        except psycopg.Error as error:
            raise Unreachable(postgres.WHAT, postgres.why(error)) from error
        try:
            counted = await (await connection.execute(_sql("conf_rows"))).fetchone()
        except psycopg.Error:
            counted = None  # not within the time: all DAG runs bound them
    return Measured(tables=tables, conf=counted[0] if counted else None, round_trip=min(trips))


@cache
def _sql(name: str) -> str:
    return files("migration_cockpit.sources").joinpath(f"sql/{name}.sql").read_text("utf-8")


async def measure(flight: Flight) -> None:
    """Measure, write it down and say the estimate; a database that cannot be asked leaves the progress unweighed."""
    try:
        measured = await sizes(flight.connections)
    except Unreachable as error:
        flight.say(f"there is no estimate of the migration: its tables cannot be measured: {error}", level="careful")
        return
    flight.record(MigrationMeasured(measured=measured))
    deployment = flight.settings.deployment
    told = flight.state.migration.chains
    found = estimate.estimate(
        measured, deployment.source_version, deployment.target_version, rates.of(flight.settings), told
    )
    if found is not None:
        flight.say(f"estimate of the migration: {estimate.words(found)} ({found.said})")
