"""The fifteen in a rehearsal's world: in order they hold, and a person signs what nobody can see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import msgspec
import pytest

from migration_cockpit.cockpit.opening import opening
from migration_cockpit.config import Schedule
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.days import by_id, go_through, opened
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.prepare import people
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, SIGNED, UNKNOWN
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.places import days_of
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.playbook.prepare.team import (
    EVIDENCE,
    Team,
    backup_tested,
    sign,
    silenced,
    statuses,
    words,
)
from tests.playbook.prepare.test_looks import FREEZE, alertmanager, silence

pytestmark = pytest.mark.world


async def test_what_can_be_seen_holds_and_the_rest_waits_for_something_to_be_done(team: Team) -> None:
    found = await team.results()
    told = "\n".join(words(each) for each in found.values())
    assert statuses(found) == {name: HOLDS if name in EVIDENCE else UNKNOWN for name in found}, told
    assert "`airflow config lint` in airflow-scheduler-" in words(found["checks"]), "it was run, not signed"
    secrets = [path.read_text().strip() for path in (team.directory / "secrets").iterdir()]
    assert not [secret for secret in secrets if secret not in {"admin", ""} and secret in told]


def covering(team: Team) -> bytes:
    """A silence that covers the window and two hours more."""
    schedule = team.settings.schedule
    begins, ends = schedule.announce - timedelta(hours=1), schedule.window_end + timedelta(hours=3)
    return json.dumps([silence(begins.isoformat(), ends.isoformat())]).encode()


async def announce(team: Team) -> None:
    """What `day D-3 --send` does."""
    home = days_of(team.sessions, team.settings.deployment.name, "2.11.2", "3.2.2")
    recorder = Recorder(home, SystemClock(), Redactor())
    opened(recorder, opening(team.settings, f"days-{home.name}"))
    connections = Connections(team.settings, Redactor(), SystemClock())
    flight = Flight(team.settings, connections, recorder, SystemClock())
    flight.operator = "ada"
    day = by_id("D-3")
    assert day is not None
    await go_through(day, flight, sessions=team.sessions, send=True)
    await connections.close()
    recorder.close()


async def test_all_fifteen_become_ready_and_only_the_window_by_a_word(team: Team, dump: str) -> None:
    assert not (await backup_tested(team)).why
    await announce(team)
    sign(team, "window")
    with alertmanager(covering(team)) as url:
        silenced(team, url)
        found = await team.results()
        told = "\n".join(words(each) for each in found.values())
        assert statuses(found) == {name: SIGNED if name == "window" else HOLDS for name in found}, told
    assert all(each.seen.found for each in found.values()), "each says what was seen"
    assert found["messages"].seen.found[0].startswith("the announcement was sent to the channel on ")
    later = msgspec.structs.replace(
        team.settings.schedule, window_end=team.settings.schedule.window_end + timedelta(hours=1)
    )
    team.settings = msgspec.structs.replace(team.settings, schedule=later)
    changed = await people.messages(team.where())
    assert (changed.status, "says something else by now" in changed.found[0]) == (UNKNOWN, True)


async def test_the_rest_turns_red_too(team: Team) -> None:
    (team.home / "target.txt").write_text(FREEZE.replace("9.4.0", "9.3.1"))
    team.values({}, drop="jwtSecretName")
    deployment = msgspec.structs.replace(team.settings.deployment, source_version="2.11.0")
    friday = over(team.settings.schedule, timedelta(days=6))
    team.settings = msgspec.structs.replace(team.settings, deployment=deployment, schedule=friday)
    with alertmanager(b"[]") as url:
        silenced(team, url)
        found = await team.results()
    expected = {
        "source": "airflow version: 2.11.2",
        "chart": "the JWT secret is not pinned (jwtSecretName)",
        "window": "a Friday evening",
        "packages": "amazon 9.3.1, production has 9.4.0",
        "alerts": "none of 0 silences covers the window",
    }
    for name, said in expected.items():
        assert (found[name].status, said in words(found[name])) == (FAILS, True), words(found[name])


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
