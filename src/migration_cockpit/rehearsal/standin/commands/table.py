"""Which commands each release has, with their options; what a command needs is imported when it runs."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.cli import AirflowParser, Call, Handler

if TYPE_CHECKING:
    from migration_cockpit.rehearsal.standin.releases import Release

_Sub = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
_HERE = "migration_cockpit.rehearsal.standin"


def parser(release: Release) -> AirflowParser:
    """The whole command line of `release`."""
    top = AirflowParser(prog="airflow")
    top.removed = {"webserver": "api-server"} if release.is3 else {}
    groups = top.add_subparsers(dest="group", metavar="GROUP_OR_COMMAND", required=True)
    _db(groups)
    _dags(groups)
    _others(groups)
    _components(groups, release)
    return top


def _lazy(where: str) -> Handler:
    module, _, function = where.partition(":")

    def handler(call: Call) -> int:
        run: Handler = getattr(import_module(f"{_HERE}.{module}"), function)
        return run(call)

    return handler


def _command(group: _Sub[AirflowParser], name: str, where: str) -> AirflowParser:
    made = group.add_parser(name)
    made.set_defaults(handler=_lazy(where))
    made.add_argument("-v", "--verbose", action="store_true")
    return made


def _group(groups: _Sub[AirflowParser], name: str) -> _Sub[AirflowParser]:
    return groups.add_parser(name).add_subparsers(dest="command", metavar="COMMAND", required=True)


def _db(groups: _Sub[AirflowParser]) -> None:
    db = _group(groups, "db")
    _command(db, "check", "commands.db:check")
    waiting = _command(db, "check-migrations", "commands.db:check_migrations")
    waiting.add_argument("-t", "--migration-wait-timeout", type=int, default=60)
    migrate = _command(db, "migrate", "commands.db:migrate")
    _versions(migrate)
    migrate.add_argument("-m", "--use-migration-files", action="store_true")
    downgrade = _command(db, "downgrade", "commands.db:downgrade")
    _versions(downgrade)
    downgrade.add_argument("-y", "--yes", action="store_true")


def _versions(command: AirflowParser) -> None:
    command.add_argument("--from-revision")
    command.add_argument("--from-version")
    command.add_argument("-r", "--to-revision")
    command.add_argument("-n", "--to-version")
    command.add_argument("-s", "--show-sql-only", action="store_true")


def _dags(groups: _Sub[AirflowParser]) -> None:
    dags = _group(groups, "dags")
    listing = _command(dags, "list", "commands.dags:list_dags")
    errors = _command(dags, "list-import-errors", "commands.dags:list_import_errors")
    for command in (listing, errors):
        _output(command)
        command.add_argument("-l", "--local", action="store_true")
        command.add_argument("-S", "--subdir")
    for name in ("pause", "unpause"):
        pausing = _command(dags, name, f"commands.dags:{name}")
        pausing.add_argument("dag_id")
        pausing.add_argument("--treat-dag-id-as-regex", "--treat-dag-as-regex", action="store_true", dest="regex")
        pausing.add_argument("-y", "--yes", action="store_true")
        _output(pausing)
    trigger = _command(dags, "trigger", "commands.runs:trigger")
    trigger.add_argument("dag_id")
    trigger.add_argument("-r", "--run-id")
    trigger.add_argument("-c", "--conf")
    trigger.add_argument("-e", "--exec-date", "-l", "--logical-date", dest="date")
    _output(trigger)
    test = _command(dags, "test", "commands.runs:test")
    test.add_argument("dag_id")
    test.add_argument("date", nargs="?")
    _command(dags, "reserialize", "commands.dags:reserialize")


def _others(groups: _Sub[AirflowParser]) -> None:
    _command(groups, "version", "commands.misc:version")
    _command(groups, "info", "commands.misc:info")
    check = _command(_group(groups, "jobs"), "check", "commands.misc:jobs_check")
    check.add_argument("--job-type")
    check.add_argument("--hostname", default="")
    check.add_argument("--local", action="store_true")
    check.add_argument("--limit", type=int, default=1)
    check.add_argument("--allow-multiple", action="store_true")
    config = _group(groups, "config")
    _command(config, "lint", "commands.lint:config_lint")
    value = _command(config, "get-value", "commands.misc:config_get_value")
    value.add_argument("section")
    value.add_argument("option")
    _command(_group(groups, "tasks"), "list", "commands.dags:list_tasks").add_argument("dag_id")
    users = _group(groups, "users")
    _output(_command(users, "list", "commands.users:list_users"))
    create = _command(users, "create", "commands.users:create")
    for short, name in (("-r", "role"), ("-u", "username"), ("-e", "email"), ("-f", "firstname"), ("-l", "lastname")):
        create.add_argument(short, f"--{name}", required=True)
    create.add_argument("-p", "--password")
    create.add_argument("--use-random-password", action="store_true")
    _output(_command(_group(groups, "connections"), "list", "commands.users:list_connections"))


def _components(groups: _Sub[AirflowParser], release: Release) -> None:
    scheduler = _command(groups, "scheduler", "components.scheduler:main")
    scheduler.add_argument("-n", "--num-runs", type=int, default=-1)
    _command(groups, "dag-processor", "components.processor:main")
    _command(groups, "triggerer", "components.triggerer:main")
    worker = _command(_group(groups, "celery"), "worker", "components.worker:main")
    worker.add_argument("-q", "--queues")
    worker.add_argument("-c", "--concurrency", type=int, default=16)
    server = _command(groups, "api-server" if release.is3 else "webserver", "api.server:main")
    server.add_argument("-p", "--port", type=int)


def _output(command: AirflowParser) -> None:
    command.add_argument("-o", "--output", choices=("json", "plain", "table", "yaml"), default="table")
