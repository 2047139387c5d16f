"""The rows that a way back to a recovery point would lose, as a file of the session: by name, without values."""

from __future__ import annotations

from pathlib import Path

from migration_cockpit.connections import Unreachable, postgres
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.session.events import RecoveryMarked
from migration_cockpit.sources.cost import read_rows

SECONDS = 300


async def export(flight: Flight, marked: RecoveryMarked) -> Path:
    """Write one JSON document a line: runs, tasks, keys of xcoms, log rows, names of connections and variables.

    Nothing in it is a value that Airflow keeps secret, but names are data: the file is readable by its owner only.
    Raises WorldError and JournalError.
    """
    import psycopg

    try:
        rows = await read_rows(flight.connections, marked, seconds=SECONDS)
    except psycopg.Error as error:
        raise Unreachable(postgres.WHAT, postgres.why(error)) from error
    path = flight.recorder.write_artifact(
        f"rows-since-{marked.point}.jsonl", "".join(f"{row}\n" for row in rows).encode()
    )
    flight.say(f"{len(rows)} rows since {marked.point} are listed in {path.name}")
    return path
