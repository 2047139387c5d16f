"""The fifteen in a rehearsal's world: in order they hold, and each seeded defect is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import yaml

from migration_cockpit.config import load
from migration_cockpit.playbook.prepare import examine
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Result
from tests.flight.world import environment
from tests.playbook.prepare.test_looks import FREEZE, LOG, session

pytestmark = pytest.mark.world
PINS = "config: {scheduler: {catchup_by_default: 'True', create_cron_data_intervals: 'True'}}\n"


class Team:
    """What a careful team has in order beside the world, in files that a test can spoil."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory, self.home, self.sessions = directory, home, home / "sessions"
        dags = home / "dags"
        dags.mkdir()
        (dags / "new.py").write_text("from airflow.sdk import DAG\nwith DAG('e', schedule='@daily'):\n    pass\n")
        (home / "pins.yaml").write_text(PINS)
        (home / "access.log").write_text('10.0.0.8 - - "GET /api/v2/dags HTTP/1.1" 200 1 "-" "new/1"\n')
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
                production_packages=str(home / "production.txt"),
                staging_packages=str(home / "production.txt"),
                target_packages=str(home / "target.txt"),
                team=("ada",),
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

    async def results(self) -> dict[str, Result]:
        """All fifteen by id."""
        found = await examine(self.settings, sessions=self.sessions, now=datetime.now(UTC))
        assert [each.asked.number for each in found] == list(range(1, 16))
        return {each.asked.id: each for each in found}


@pytest.fixture
def team(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    for name, value in environment(directory).items():
        monkeypatch.setenv(name, value)
    return Team(directory, tmp_path)


def spoil(dump: Path) -> None:
    """Cut a dump off, as a full disk does."""
    whole = dump.read_bytes()
    dump.write_bytes(whole[: len(whole) // 3])


def words(result: Result) -> str:
    return " | ".join((result.asked.id, result.status, *result.seen.found, result.seen.mend))


@pytest.fixture
def dump(directory: Path, team: Team) -> str:
    """A real dump of production's database among the sessions."""
    dsn = (directory / "secrets" / "dsn").read_text()
    owner = psycopg.conninfo.conninfo_to_dict(dsn)
    values = yaml.safe_load((directory / "values-3x.yaml").read_text())["data"]["metadataConnection"]
    place = {"host": str(owner["host"]), "port": int(values["port"]), "dbname": values["db"]}
    base = psycopg.conninfo.make_conninfo(**place, user=values["user"], password=values["pass"])
    written = subprocess.run(
        [team.settings.dump.pg_dump, "-Fc", "--no-owner", "--no-acl", base], capture_output=True, check=True
    ).stdout
    artifacts = team.sessions / "r" / "artifacts"
    artifacts.mkdir(exist_ok=True)
    (artifacts / "airflow.dump").write_bytes(written)
    return str(artifacts / "airflow.dump")


async def test_what_can_be_seen_holds_and_the_rest_waits_for_a_word(team: Team) -> None:
    found = await team.results()
    holds = {name for name, each in found.items() if each.status == HOLDS}
    wanted = {"source", "violations", "consumers", "chart", "rollback", "team", "secrets", "packages", "schedules"}
    assert holds == wanted, "\n".join(words(each) for each in found.values())
    assert {each.status for name, each in found.items() if name not in wanted} == {UNKNOWN}
    secrets = [path.read_text().strip() for path in (team.directory / "secrets").iterdir()]
    told = "\n".join(words(each) for each in found.values())
    assert not [secret for secret in secrets if secret != "admin" and secret in told]


async def test_each_seeded_defect_is_found(team: Team, dump: str) -> None:
    team.values({"webserver": {"replicas": 2}}, drop="jwtSecretName")
    (team.home / "pins.yaml").write_text(PINS.replace("catchup_by_default: 'True'", "catchup_by_default: 'False'"))
    (team.home / "dags" / "old.py").write_text("from airflow import DAG\nDAG('d', schedule_interval='@daily')\n")
    (team.home / "access.log").write_text(LOG)
    (team.home / "target.txt").write_text(FREEZE.replace("9.4.0", "9.3.1"))
    spoil(Path(dump))
    team.settings = msgspec.structs.replace(
        team.settings, deployment=msgspec.structs.replace(team.settings.deployment, source_version="2.11.0")
    )
    found = await team.results()
    for name, said in {
        "source": "airflow version: 2.11.2",
        "violations": "old.py:2 AIR301",
        "consumers": "10.0.0.9 (billing/1.2): 2 calls of GET /api/v1/dags",
        "chart": "webserver → apiServer",
        "backup": "airflow.dump",
        "packages": "amazon 9.3.1, production has 9.4.0",
        "schedules": "catchup_by_default: production has True, the target's values say False",
    }.items():
        assert (found[name].status, said in words(found[name])) == (FAILS, True), words(found[name])
    assert "the JWT secret is not pinned (jwtSecretName)" in words(found["chart"])
    assert "DAGs follow the default of catchup" in words(found["schedules"])


async def test_a_secret_that_the_render_needs_is_missed(team: Team) -> None:
    team.values({"jwtSecretName": "not-there"})
    found = (await team.results())["chart"]
    assert (found.status, "not-there" in words(found)) == (FAILS, True)


async def test_a_readable_dump_waits_for_the_word_that_it_was_restored(team: Team, dump: str) -> None:
    found = (await team.results())["backup"]
    assert found.status == UNKNOWN
    assert "is readable and lists task_instance" in words(found)


def command(team: Team, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`migration-cockpit prepare` as a person would type it."""
    program = [sys.executable, "-m", "migration_cockpit", "prepare", *arguments]
    program += ["--config", str(team.directory / "config.toml")]
    surroundings = os.environ | {"XDG_STATE_HOME": str(team.home / "state")}
    return subprocess.run(program, env=surroundings, capture_output=True, text=True, timeout=120, check=False)


def test_a_person_signs_and_it_is_told_with_name_and_note(team: Team) -> None:
    signed = command(team, "sign", "messages", "--operator", "ada", "--note", "texts shown to support")
    assert (signed.returncode, signed.stderr) == (0, "")
    assert "ada has signed 10 messages: they were read and approved. It counts for 14 days." in signed.stdout
    looked = command(team, "--json")
    assert looked.returncode == 1
    found = {each["id"]: each for each in json.loads(looked.stdout)}
    assert found["messages"]["status"] == "signed"
    assert found["messages"]["signed"]["note"] == "texts shown to support"
    table = command(team).stdout
    assert "✔ signed  10 messages" in table
    assert "signed by ada" in table


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sign", "nothing", "--note", "x"), "nothing is no prerequisite; there are source, staging"),
        (("sign",), "which one is not said"),
        (("sign", "window"), "--note is missing"),
    ],
)
def test_what_cannot_be_signed_is_said_in_a_sentence(team: Team, arguments: tuple[str, ...], said: str) -> None:
    ran = command(team, *arguments)
    assert (ran.returncode, said in ran.stderr) == (2, True)
