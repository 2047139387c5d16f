"""`airflow version | info | jobs check | config get-value`."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.components.process import require_migrated
from migration_cockpit.rehearsal.standin.database import connect

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.cli import Call

_THRESHOLD = 30


def version(call: Call) -> int:
    """The version and nothing else, the one command with a clean stdout."""
    call.log.plain(call.release.version)
    return 0


def info(call: Call) -> int:
    """A few lines about this installation."""
    for name, value in (
        ("version", call.release.version),
        ("executor", call.settings.executor),
        ("task_logging_handler", "airflow.utils.log.file_task_handler.FileTaskHandler"),
        ("dags_folder", str(call.settings.dags_folder)),
        ("OS", platform.system()),
        ("architecture", platform.machine()),
        ("python_version", sys.version.replace("\n", " ")),
    ):
        call.log.plain(f"{name:<21}| {value}")
    return 0


def jobs_check(call: Call) -> int:
    """rc 0 when a job of the type is alive (a heartbeat in the last 30 s); else rc 1 and one line on stderr."""
    args = call.args
    if args.allow_multiple and not args.limit > 1:
        raise SystemExit("To use option --allow-multiple, you must set the limit to a value greater than 1.")
    if args.hostname and args.local:
        raise SystemExit("You can't use --hostname and --local at the same time")
    call.log.plugin_noise()
    session = connect(call.settings.dsn)
    require_migrated(call, session)
    host = call.settings.hostname if args.local else args.hostname
    rows = session.execute(
        "SELECT latest_heartbeat > now() - make_interval(secs => %s) FROM job WHERE state = 'running' "
        "AND (%s::text IS NULL OR job_type = %s) AND (%s = '' OR hostname = %s) "
        "ORDER BY latest_heartbeat DESC LIMIT %s",
        (_THRESHOLD, args.job_type, args.job_type, host, host, args.limit if args.limit > 0 else None),
    ).fetchall()
    alive = sum(bool(row[0]) for row in rows)
    if alive == 0:
        raise SystemExit("No alive jobs found.")
    if alive > 1 and not args.allow_multiple:
        raise SystemExit(f"Found {alive} alive jobs. Expected only one.")
    call.log.plain("Found one alive job." if alive == 1 else f"Found {alive} alive jobs.")
    return 0


def config_get_value(call: Call) -> int:
    """The value of an option that is set through the environment; others are unknown here, rc 1."""
    section, option = str(call.args.section), str(call.args.option)
    known = {
        ("core", "executor"): call.settings.executor,
        ("core", "dags_folder"): str(call.settings.dags_folder),
        ("core", "parallelism"): str(call.settings.parallelism),
        ("core", "auth_manager"): "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        ("core", "execution_api_server_url"): call.settings.execution_api,
        ("database", "migration_batch_size"): str(call.settings.batch_size),
        ("database", "sql_alchemy_conn"): call.settings.url,
        ("scheduler", "catchup_by_default"): str(call.settings.catchup_by_default),
    }
    value = os.environ.get(f"AIRFLOW__{section.upper()}__{option.upper()}") or known.get((section, option))
    if value is None:
        raise SystemExit(f"The option [{section}/{option}] is not found in config.")
    call.log.plain(value)
    return 0
