"""The fifteen in a rehearsal's world: in order they hold, and each seeded defect is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import yaml

from migration_cockpit.config import Schedule, SecretRef, load
from migration_cockpit.playbook.prepare import backup, examine, signoffs
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, SIGNED, UNKNOWN, Result
from migration_cockpit.playbook.prepare.signoffs import SignOff
from tests.flight.world import environment
from tests.playbook.prepare.test_looks import FREEZE, LOG, alertmanager, session, silence

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
    base = psycopg.conninfo.make_conninfo(**place(directory, "airflow"))
    written = subprocess.run(
        [team.settings.dump.pg_dump, "-Fc", "--no-owner", "--no-acl", base], capture_output=True, check=True
    ).stdout
    artifacts = team.sessions / f"{team.settings.deployment.name}-20260512-090000" / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    (artifacts / "airflow.dump").write_bytes(written)
    return str(artifacts / "airflow.dump")


async def test_what_can_be_seen_holds_and_the_rest_waits_for_a_word(team: Team) -> None:
    found = await team.results()
    holds = {name for name, each in found.items() if each.status == HOLDS}
    wanted = {
        "source",
        "violations",
        "consumers",
        "chart",
        "rollback",
        "team",
        "secrets",
        "packages",
        "schedules",
    }
    assert holds == wanted, "\n".join(words(each) for each in found.values())
    assert {each.status for name, each in found.items() if name not in wanted} == {UNKNOWN}
    secrets = [path.read_text().strip() for path in (team.directory / "secrets").iterdir()]
    told = "\n".join(words(each) for each in found.values())
    assert not [secret for secret in secrets if secret != "admin" and secret in told]


def sign(team: Team, *names: str) -> None:
    """Sign these off as a person would."""
    for name in names:
        word = SignOff(name, "ada", datetime.now(UTC), "looked at with the team")
        signoffs.add(signoffs.path(team.sessions, team.settings.deployment.name), word)


def silenced(team: Team, url: str) -> None:
    """An Alertmanager to ask."""
    prepare = msgspec.structs.replace(team.settings.prepare, alertmanager=url)
    team.settings = msgspec.structs.replace(team.settings, prepare=prepare)


def covering(team: Team) -> bytes:
    """A silence that covers the window and two hours more."""
    schedule = team.settings.schedule
    begins, ends = schedule.announce - timedelta(hours=1), schedule.window_end + timedelta(hours=3)
    return json.dumps([silence(begins.isoformat(), ends.isoformat())]).encode()


async def test_all_fifteen_become_ready_by_evidence_or_a_word(team: Team, dump: str) -> None:
    scratch_by(team, "airflow")
    assert not (await backup.restore_alone(team.settings, team.sessions, None)).why
    # A world's staging has no cluster whose Helm values could be read.
    by_word = {"checks", "messages", "window", "staging"}
    sign(team, *by_word)
    with alertmanager(covering(team)) as url:
        silenced(team, url)
        found = await team.results()
    assert [name for name, each in found.items() if not each.ready] == [], [words(each) for each in found.values()]
    assert {name for name, each in found.items() if each.status == SIGNED} == by_word
    assert all(each.seen.found for each in found.values()), "each says what was seen"


@contextmanager
def bad_xcom(team: Team) -> Iterator[None]:
    """An empty XCom, which the migration cannot turn into jsonb, as long as it is needed."""
    copied = "dag_run_id, task_id, map_index, dag_id, run_id, timestamp"
    with psycopg.connect(**place(team.directory, "airflow"), autocommit=True) as connection:
        connection.execute(
            f"insert into xcom (key, value, {copied}) select 'bad', ''::bytea, {copied} from xcom limit 1"
        )
        try:
            yield
        finally:
            connection.execute("delete from xcom where key = 'bad'")


async def test_each_seeded_defect_turns_its_own_red(team: Team, dump: str) -> None:
    team.values({"webserver": {"replicas": 2}}, drop="jwtSecretName")
    (team.home / "pins.yaml").write_text(PINS.replace("catchup_by_default: 'True'", "catchup_by_default: 'False'"))
    (team.home / "dags" / "old.py").write_text("from airflow import DAG\nDAG('d', schedule_interval='@daily')\n")
    (team.home / "access.log").write_text(LOG)
    (team.home / "target.txt").write_text(FREEZE.replace("9.4.0", "9.3.1"))
    (team.home / "staging.txt").write_text(FREEZE.replace("9.4.0", "9.3.1"))
    spoil(Path(dump))
    prepare = msgspec.structs.replace(team.settings.prepare, staging_packages=str(team.home / "staging.txt"))
    deployment = msgspec.structs.replace(team.settings.deployment, source_version="2.11.0")
    friday = over(team.settings.schedule, timedelta(days=6))
    team.settings = msgspec.structs.replace(team.settings, deployment=deployment, prepare=prepare, schedule=friday)
    with bad_xcom(team), alertmanager(b"[]") as url:
        silenced(team, url)
        found = await team.results()
    expected = {
        "source": "airflow version: 2.11.2",
        "staging": "staging is behind: apache-airflow-providers-amazon 9.3.1, production has 9.4.0",
        "checks": "XComs that stop the migration: 1 empty",
        "violations": "old.py:2 AIR301",
        "consumers": "10.0.0.9 (billing/1.2): 2 calls of GET /api/v1/dags",
        "chart": "webserver → apiServer",
        "backup": "airflow.dump",
        "window": "a Friday evening",
        "packages": "amazon 9.3.1, production has 9.4.0",
        "schedules": "catchup_by_default: production has True, the target's values say False",
        "alerts": "none of 0 silences covers the window",
    }
    for name, said in expected.items():
        assert (found[name].status, said in words(found[name])) == (FAILS, True), words(found[name])
    assert {name for name, each in found.items() if each.status == FAILS} == set(expected)
    assert "the JWT secret is not pinned (jwtSecretName)" in words(found["chart"])
    assert "DAGs follow the default of catchup" in words(found["schedules"])


def over(schedule: Schedule, later: timedelta) -> Schedule:
    """The same plan, so much later, begun at half past four."""
    names = [each.name for each in msgspec.structs.fields(Schedule)]
    moved = {name: getattr(schedule, name) + later + timedelta(hours=7, minutes=30) for name in names}
    return msgspec.structs.replace(schedule, **moved)


async def test_what_the_render_refers_to_and_is_not_there_is_missed(team: Team) -> None:
    env = "- secretRef: {name: no-secret}\n- configMapRef: {name: no-configmap}\n"
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "no-claim"}}
    team.values({"jwtSecretName": "not-there", "extraEnvFrom": env, "scheduler": {"extraVolumes": [claim]}})
    found = (await team.results())["chart"]
    assert found.status == FAILS, words(found)
    for missing in (
        "Secret not-there",
        "Secret no-secret",
        "ConfigMap no-configmap",
        "PersistentVolumeClaim no-claim",
    ):
        assert missing in words(found)


# -- the backup's test


def scratch_by(team: Team, user: str) -> None:
    """Name the world's own server as the one with room, by this role."""
    file = team.home / "scratch-dsn"
    file.write_text(psycopg.conninfo.make_conninfo(**place(team.directory, user)))
    prepare = msgspec.structs.replace(team.settings.prepare, scratch_dsn=SecretRef(file=str(file)))
    team.settings = msgspec.structs.replace(team.settings, prepare=prepare)


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


def databases(team: Team) -> set[str]:
    with psycopg.connect(**place(team.directory, "airflow"), autocommit=True) as connection:
        return {str(row[0]) for row in connection.execute("select datname from pg_database").fetchall()}


async def test_a_dump_counts_once_it_was_restored_and_its_rows_were_equal(team: Team, dump: str) -> None:
    before = (await team.results())["backup"]
    assert before.status == UNKNOWN
    assert "it was not restored yet" in words(before)
    scratch_by(team, "airflow")
    there = databases(team)
    tested = await backup.restore_alone(team.settings, team.sessions, None)
    assert tested.why == ""
    assert tested.rows["public.task_instance"] >= 300
    assert databases(team) == there, "the scratch database is gone again"
    found = (await team.results())["backup"]
    assert (found.status, "rows equal" in words(found)) == (HOLDS, True), words(found)
    assert found.seen.at is not None, "the evidence ages"
    spoil(Path(dump))
    assert (await team.results())["backup"].status == FAILS, "the newest dump is broken: what was tested is gone"


@pytest.mark.parametrize(("user", "said"), [("cockpit", "may not create databases: ALTER ROLE cockpit CREATEDB")])
async def test_a_role_that_may_not_create_databases_is_told_so(team: Team, dump: str, user: str, said: str) -> None:
    scratch_by(team, user)
    assert said in (await backup.restore_alone(team.settings, team.sessions, Path(dump))).why


async def test_a_dump_that_breaks_off_fails_its_test_and_leaves_nothing(team: Team, dump: str) -> None:
    scratch_by(team, "airflow")
    there = databases(team)
    spoil(Path(dump))
    tested = await backup.restore_alone(team.settings, team.sessions, Path(dump))
    assert "cannot be read to its end" in tested.why
    assert databases(team) == there
    found = (await team.results())["backup"]
    assert (found.status, "airflow.dump" in words(found)) == (FAILS, True)


async def test_a_database_of_that_name_that_is_not_the_cockpits_is_left_alone(team: Team, dump: str) -> None:
    scratch_by(team, "airflow")
    name = f"migration_cockpit_scratch_{team.settings.deployment.name}"
    with psycopg.connect(**place(team.directory, "airflow"), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(name)))
        try:
            tested = await backup.restore_alone(team.settings, team.sessions, Path(dump))
            assert "none of the cockpit's" in tested.why
            assert name in databases(team)
        finally:
            connection.execute(psycopg.sql.SQL("drop database {}").format(psycopg.sql.Identifier(name)))


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
