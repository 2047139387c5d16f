"""Each seeded defect turns the prerequisite that it should red, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN
from tests.flight.world import kube
from tests.playbook.prepare.team import (
    EVIDENCE,
    PINS,
    Team,
    dumped,
    place,
    spoil,
    statuses,
    words,
)
from tests.playbook.prepare.test_looks import FREEZE

pytestmark = pytest.mark.world


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


@contextmanager
def no_jwt_secret(team: Team) -> Iterator[None]:
    """While the Secret that 3.x signs with is not there."""
    kept = kube(team.directory, "GET", "secrets/airflow-jwt-secret")
    kube(team.directory, "DELETE", "secrets/airflow-jwt-secret")
    try:
        yield
    finally:
        fresh = {"name": "airflow-jwt-secret"}
        kube(team.directory, "POST", "secrets", {**kept, "metadata": fresh})


@contextmanager
def v1_consumer(team: Team) -> Iterator[None]:
    """Somebody asks production's own API, and its ingress has logged it."""
    log = team.directory / "ingress-access.log"
    before = log.read_text()
    httpx.get(f"{team.settings.airflow.url}/api/v1/dags", auth=("admin", "admin"), headers={"User-Agent": "billing/1"})
    team.prepare(access_logs=(str(log),))
    try:
        yield
    finally:
        log.write_text(before)


@contextmanager
def renamed_key(team: Team) -> Iterator[None]:
    team.values({"webserver": {"replicas": 2}})
    yield


@contextmanager
def schedule_interval(team: Team) -> Iterator[None]:
    (team.home / "dags" / "old.py").write_text("from airflow import DAG\nDAG('d', schedule_interval='@daily')\n")
    yield


@contextmanager
def broken_dump(team: Team) -> Iterator[None]:
    spoil(Path(dumped(team)))
    yield


@contextmanager
def staging_behind(team: Team) -> Iterator[None]:
    (team.home / "staging.txt").write_text(FREEZE.replace("9.4.0", "9.3.1"))
    team.prepare(staging_packages=str(team.home / "staging.txt"))
    yield


@contextmanager
def catchup_changed(team: Team) -> Iterator[None]:
    (team.home / "pins.yaml").write_text(PINS.replace("catchup_by_default: 'True'", "catchup_by_default: 'False'"))
    yield


@pytest.mark.parametrize(
    ("defect", "name", "said"),
    [
        (renamed_key, "chart", "webserver → apiServer"),
        (no_jwt_secret, "chart", "the render refers to what is not there: Secret airflow-jwt-secret"),
        (bad_xcom, "checks", "XComs that stop the migration: 1 empty"),
        (schedule_interval, "violations", "old.py:2 AIR301"),
        (v1_consumer, "consumers", "127.0.0.1 (billing/1): 1 call of GET /api/v1/dags"),
        (broken_dump, "backup", "airflow.dump cannot be read"),
        (staging_behind, "staging", "staging is behind: apache-airflow-providers-amazon 9.3.1, production has 9.4.0"),
        (catchup_changed, "schedules", "catchup_by_default: production has True, the target's values say False"),
    ],
)
async def test_a_seeded_defect_turns_its_own_red_and_nothing_else(
    team: Team, defect: Callable[[Team], AbstractContextManager[None]], name: str, said: str
) -> None:
    with defect(team):
        found = await team.results()
    told = "\n".join(words(each) for each in found.values())
    expected = {each: HOLDS if each in EVIDENCE else UNKNOWN for each in found} | {name: FAILS}
    assert statuses(found) == expected, told
    assert said in words(found[name])
