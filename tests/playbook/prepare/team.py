"""A careful team in a world with a staging, and what can be done to what it has in order."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg
import yaml

from migration_cockpit.actions.operation import Report
from migration_cockpit.config import load
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.playbook.prepare import backup, examine, signoffs
from migration_cockpit.playbook.prepare.backup import Tested
from migration_cockpit.playbook.prepare.shape import Result, Where
from migration_cockpit.playbook.prepare.signoffs import SignOff
from migration_cockpit.rehearsal.staging import DIFFERS
from tests.playbook.prepare.test_looks import FREEZE, dated, session

PINS = "config: {scheduler: {catchup_by_default: 'True', create_cron_data_intervals: 'True'}}\n"
EVIDENCE = {
    *("source", "staging", "checks", "violations", "consumers", "chart", "rollback", "team", "secrets", "packages"),
    "schedules",
}
"""What holds in a world whose team has its files in order; for the rest something must be done first."""


class Team:
    """What a careful team has in order beside the world, in files that a test can spoil."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory, self.home, self.sessions = directory, home, home / "sessions"
        dags = home / "dags"
        dags.mkdir()
        (dags / "new.py").write_text("from airflow.sdk import DAG\nwith DAG('e', schedule='@daily'):\n    pass\n")
        (home / "pins.yaml").write_text(PINS)
        (home / "access.log").write_text(dated(4, 10))
        (home / "production.txt").write_text(FREEZE)
        (home / "target.txt").write_text(FREEZE.replace("2.11.2", "3.2.2"))
        session(self.sessions, "r", "ada", "verified")
        session(self.sessions, "b", "ada", "rolled back")
        settings = load(directory / "config.toml")
        schedule = settings.schedule
        begin = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=7)
        shift = begin - timedelta(days=(begin.weekday() - 5) % 7) - schedule.announce
        names = [each.name for each in msgspec.structs.fields(type(schedule))]
        self.settings = msgspec.structs.replace(
            settings,
            schedule=msgspec.structs.replace(schedule, **{name: getattr(schedule, name) + shift for name in names}),
            helm=msgspec.structs.replace(settings.helm, values=(*settings.helm.values, str(home / "pins.yaml"))),
            prepare=msgspec.structs.replace(
                settings.prepare,
                dags=str(dags),
                access_logs=(str(home / "*.log"),),
                staging_differs=(*DIFFERS, "config", "webserver", "extraEnvFrom", "scheduler", "jwtSecretName"),
                production_packages=str(home / "production.txt"),
                staging_packages=str(home / "production.txt"),
                target_packages=str(home / "target.txt"),
                alertmanager=None,
            ),
        )

    def values(self, change: dict[str, Any], drop: str = "") -> None:
        """Change the values for the target version."""
        last = self.settings.helm.values[0]
        given = yaml.safe_load(Path(last).read_text())
        given.pop(drop, None)
        (self.home / "values.yaml").write_text(yaml.safe_dump(given | change))
        files = (str(self.home / "values.yaml"), str(self.home / "pins.yaml"))
        self.settings = msgspec.structs.replace(
            self.settings, helm=msgspec.structs.replace(self.settings.helm, values=files)
        )

    def prepare(self, **changes: Any) -> None:
        """Change what the config says of the preparation."""
        prepare = msgspec.structs.replace(self.settings.prepare, **changes)
        self.settings = msgspec.structs.replace(self.settings, prepare=prepare)

    def where(self) -> Where:
        """What a look gets that asks nobody."""
        return Where(Place(self.settings, cast("Connections", None), self.sessions), None, datetime.now(UTC))

    async def results(self) -> dict[str, Result]:
        """All fifteen by id."""
        found = await examine(self.settings, sessions=self.sessions, now=datetime.now(UTC))
        assert [each.asked.number for each in found] == list(range(1, 16))
        return {each.asked.id: each for each in found}


def spoil(dump: Path) -> None:
    """Cut a dump off, as a full disk does."""
    whole = dump.read_bytes()
    dump.write_bytes(whole[: len(whole) // 3])


def words(result: Result) -> str:
    return " | ".join((result.asked.id, result.status, *result.seen.found, result.seen.mend))


def statuses(found: dict[str, Result]) -> dict[str, str]:
    return {name: each.status for name, each in found.items()}


def dumped(team: Team) -> str:
    """A real dump of production's database among the sessions."""
    base = psycopg.conninfo.make_conninfo(**place(team.directory, "airflow"))
    written = subprocess.run(
        [team.settings.dump.pg_dump, "-Fc", "--no-owner", "--no-acl", base], capture_output=True, check=True
    ).stdout
    artifacts = team.sessions / f"{team.settings.deployment.name}-20260512-090000" / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    (artifacts / "airflow.dump").write_bytes(written)
    return str(artifacts / "airflow.dump")


def place(directory: Path, user: str) -> dict[str, Any]:
    """How this role reaches the world's database."""
    owner = psycopg.conninfo.conninfo_to_dict((directory / "secrets" / "dsn").read_text())
    values = yaml.safe_load((directory / "values-3x.yaml").read_text())["data"]["metadataConnection"]
    if user == "cockpit":
        return {**owner, "dbname": values["db"]}
    return {
        "host": owner["host"],
        "port": int(values["port"]),
        "dbname": values["db"],
        "user": values["user"],
        "password": values["pass"],
    }


async def backup_tested(team: Team, dump: Path | None = None, report: Report | None = None) -> Tested:
    """What `prepare test-backup` does."""
    shown = backup.operation(team.settings, team.sessions, dump, None)
    return await backup.restore_alone(team.settings, team.sessions, shown, report)


def sign(team: Team, *names: str) -> None:
    """Sign these off as a person would."""
    for name in names:
        word = SignOff(name, "ada", datetime.now(UTC), "looked at with the team")
        signoffs.add(signoffs.path(team.sessions, team.settings.deployment.name), word)


def silenced(team: Team, url: str) -> None:
    """An Alertmanager to ask."""
    team.prepare(alertmanager=url)
