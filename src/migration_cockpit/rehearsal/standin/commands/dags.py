"""`airflow dags list | list-import-errors | pause | unpause | reserialize`, with what they get wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.api.dags import set_paused
from migration_cockpit.rehearsal.standin.commands.output import Row, show
from migration_cockpit.rehearsal.standin.components.dagsync import DagSync
from migration_cockpit.rehearsal.standin.components.folder import parse_folder
from migration_cockpit.rehearsal.standin.components.process import require_migrated
from migration_cockpit.rehearsal.standin.database import Connection, connect, sql
from migration_cockpit.rehearsal.standin.failures import AirflowFailure

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call

_GRAPHVIZ = (
    "Could not import graphviz. Rendering graph to the graphical format will not be possible. \n"
    "You might need to install the graphviz package and necessary system packages.\n"
    "Run `pip install graphviz` to attempt to install it."
)


def open_session(call: Call) -> Connection:
    """Start a command as the real one does: noise on stdout first, then the check of the schema (rc 1)."""
    call.log.plugin_noise()
    session = connect(call.settings.dsn)
    require_migrated(call, session)
    if call.release.structured_log:
        call.log.warning(_GRAPHVIZ, "py.warnings", "dag_command.py:50")
    return session


def list_dags(call: Call) -> int:
    """2.x lists what its own dags folder holds (nothing, where there is none); 3.x lists what is serialized."""
    session = open_session(call)
    listed = call.release.is3 and not call.args.local
    rows = _serialized(session) if listed else _local(call, session)
    show(call.log, rows, call.args.output)
    return 0


def list_import_errors(call: Call) -> int:
    """2.x parses its own folder, rc 1 on errors; 3.x reads the table, which is empty right after a migration."""
    session = open_session(call)
    if call.release.is3 and not call.args.local:
        query = "SELECT coalesce(bundle_name, ''), coalesce(filename, ''), coalesce(stacktrace, '') FROM import_error"
        names = ("bundle_name", "filepath", "error")
        show(call.log, [dict(zip(names, row, strict=True)) for row in session.execute(query)], call.args.output)
        return 0
    _, errors = parse_folder(call.settings.dags_folder, call.settings.world, is3=call.release.is3)
    show(call.log, [{"filepath": path, "error": text} for path, text in errors.items()], call.args.output)
    return 1 if errors else 0


def list_tasks(call: Call) -> int:
    """The tasks of a DAG of the local dags folder, one a line."""
    open_session(call)
    found, _ = parse_folder(call.settings.dags_folder, call.settings.world, is3=call.release.is3)
    dag = next((dag for dag in found if dag.dag_id == call.args.dag_id), None)
    if dag is None:
        text = f"Dag '{call.args.dag_id}' could not be found; either it does not exist or it failed to parse."
        raise AirflowFailure(f"airflow.exceptions.AirflowException: {text}")
    for task in dag.tasks:
        call.log.plain(task.task_id)
    return 0


def pause(call: Call) -> int:
    """`airflow dags pause`."""
    return _set(call, True)


def unpause(call: Call) -> int:
    """`airflow dags unpause`."""
    return _set(call, False)


def reserialize(call: Call) -> int:
    """Parse the dags folder into the database at once."""
    session = open_session(call)
    settings, is3 = call.settings, call.release.is3
    found, errors = parse_folder(settings.dags_folder, settings.world, is3=is3)
    folder = str(settings.dags_folder)
    sync = DagSync(session, is3=is3, catchup_default=settings.catchup_by_default, folder=folder)
    now = datetime.now(UTC)
    sync.write(found, now)
    sync.write_errors(errors, now)
    return 0


def _set(call: Call, paused: bool) -> int:
    session = open_session(call)
    live = "NOT is_stale" if call.release.is3 else "is_active"
    args = call.args
    if args.regex and not args.yes:
        raise AirflowFailure("EOFError: EOF when reading a line")
    query = f"SELECT dag_id FROM dag WHERE {live} AND is_paused <> %s ORDER BY dag_id"  # noqa: S608 - one of two texts
    candidates = [str(row[0]) for row in session.execute(sql(query), (paused,))]
    names = [name for name in candidates if (re.match(args.dag_id, name) if args.regex else name == args.dag_id)]
    if not names:
        call.log.plain(f"No {'unpaused' if paused else 'paused'} DAGs were found")
        return 0
    set_paused(session, names, paused, call.settings.world)
    # 3.x prints the flag as it was before the command; so the answer says the opposite of what was done.
    shown = str(not paused) if call.release.is3 else str(paused)
    show(call.log, [{"dag_id": name, "is_paused": shown} for name in names], args.output)
    return 0


def _serialized(session: Connection) -> list[Row]:
    query = (
        "SELECT d.dag_id, d.fileloc, d.owners, d.is_paused, d.bundle_name, d.bundle_version "
        "FROM dag d WHERE EXISTS (SELECT 1 FROM serialized_dag s WHERE s.dag_id = d.dag_id) ORDER BY d.dag_id"
    )
    return [
        {
            "dag_id": dag_id,
            "fileloc": fileloc,
            "owners": str(owners).split(", "),
            "is_paused": str(paused),
            "bundle_name": bundle,
            "bundle_version": version,
        }
        for dag_id, fileloc, owners, paused, bundle, version in session.execute(query).fetchall()
    ]


def _local(call: Call, session: Connection) -> list[Row]:
    found, _ = parse_folder(call.settings.dags_folder, call.settings.world, is3=call.release.is3)
    flags: dict[str, bool] = dict(session.execute("SELECT dag_id, is_paused FROM dag").fetchall())
    is3 = call.release.is3
    rows: list[Row] = [
        {
            "dag_id": dag.dag_id,
            "fileloc": dag.path,
            "owners": [dag.owner] if is3 else dag.owner,
            "is_paused": str(bool(flags.get(dag.dag_id, False))),
        }
        for dag in sorted(found, key=lambda dag: dag.dag_id)
    ]
    return [{**row, "bundle_name": "dags-folder", "bundle_version": None} for row in rows] if is3 else rows
