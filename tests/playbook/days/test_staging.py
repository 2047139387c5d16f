"""Prerequisite 2 on two real databases, production's on 2.11 and staging's on 3.x: what staging lacks is named."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg
import pytest
import yaml

from migration_cockpit.config import load
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.playbook.prepare import versions
from migration_cockpit.playbook.prepare.asking import staging_of
from migration_cockpit.playbook.prepare.same_values import differences
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, Seen, Where
from migration_cockpit.rehearsal import faults
from migration_cockpit.rehearsal.staging import DIFFERS
from tests.connections.support import connected
from tests.pace import PATIENCE
from tests.playbook.days.command import Days

pytestmark = pytest.mark.world
FREEZE = "apache-airflow==2.11.2\napache-airflow-providers-amazon==9.4.0\napache-airflow-providers-fab==1.5.4\n"


class Packages:
    """`pip freeze` of both images."""

    def __init__(self, home: Path) -> None:
        self.production, self.staging = home / "production.txt", home / "staging.txt"
        self.production.write_text(FREEZE)
        self.staging.write_text(FREEZE.replace("2.11.2", "3.2.2"))


@asynccontextmanager
async def place(days: Days, packages: Packages, **more: object) -> AsyncIterator[Where]:
    """Both databases, as the config names them."""
    settings = load(days.config)
    named = {"production_packages": str(packages.production), "staging_packages": str(packages.staging)}
    named |= {"target_packages": str(packages.staging)}
    settings = msgspec.structs.replace(settings, prepare=msgspec.structs.replace(settings.prepare, **named, **more))
    there = staging_of(settings)
    assert there is not None
    async with connected(settings) as production, connected(there) as staging:
        yield Where(Place(settings, production, days.home), staging, datetime.now(UTC))


@contextmanager
def without_connection(days: Days, name: str) -> Iterator[None]:
    """While staging has not this connection."""
    with psycopg.connect(days.owner, autocommit=True) as database:
        database.execute("update connection set conn_id = 'put_aside' where conn_id = %s", (name,))
        try:
            yield
        finally:
            database.execute("update connection set conn_id = %s where conn_id = 'put_aside'", (name,))


@contextmanager
def without_dag(days: Days, name: str) -> Iterator[None]:
    """While the file of a DAG is gone on staging: its row stays, stale."""
    faults.switch(days.directory / "staging", "dag-lost", {"dag_id": name})
    try:
        yield
    finally:
        faults.switch(days.directory / "staging", "dag-lost", None)


async def until(where: Where, word: str) -> Seen:
    """What is seen as soon as it names something: the dag-processor looks at its folder every few seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        seen = await versions.staging(where)
        if any(word in text for text in seen.found):
            return seen
        assert time.monotonic() < deadline, seen.found


async def test_a_staging_that_equals_production_holds(days: Days, tmp_path: Path) -> None:
    async with place(days, Packages(tmp_path)) as where:
        seen = await until(where, "8 DAGs")
    assert set(seen.found) == {
        "the same by name: 8 DAGs, 2 connections, 3 variables, 1 pool",
        "at least 50% of production's rows in dag_run, task_instance, xcom",
        "staging runs 3.2.2",
        "staging's revision 1 has production's values for the target version",
        "production has no plugins of its own",
        "staging has all 2 providers of production, none of them older",
    }
    assert seen.status == HOLDS


async def test_a_plugin_that_staging_has_not_loaded_is_named_until_it_is_left_behind(
    days: Days, tmp_path: Path
) -> None:
    folder = days.directory / "plugins"
    folder.mkdir()
    plugin = "class Views(AirflowPlugin):\n    name = 'team_views'\n"
    (folder / "views.py").write_text(f"from airflow.plugins_manager import AirflowPlugin\n{plugin}")
    try:
        async with place(days, Packages(tmp_path)) as where:
            seen = await versions.staging(where)
        async with place(days, Packages(tmp_path), staging_differs=("plugins.team_*", *DIFFERS)) as where:
            left = await versions.staging(where)
    finally:
        shutil.rmtree(folder)
    assert (seen.status, seen.found[0]) == (FAILS, "staging has not loaded the plugin team_views")
    assert left.status == HOLDS, left.found


async def test_a_plugin_that_3_x_cannot_import_is_told_with_its_error(days: Days, tmp_path: Path) -> None:
    folder = days.directory / "staging" / "plugins"
    folder.mkdir()
    (folder / "views.py").write_text("from airflow.www.app import csrf\n")
    try:
        async with place(days, Packages(tmp_path)) as where:
            seen = await versions.packages(where)
    finally:
        shutil.rmtree(folder)
    assert seen.status == FAILS
    assert "No module named 'airflow.www.app'" in seen.found[0]


async def test_a_provider_one_behind_is_named_with_both_versions(days: Days, tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    packages.staging.write_text(FREEZE.replace("9.4.0", "9.3.1"))
    async with place(days, packages) as where:
        seen = await versions.staging(where)
    assert seen.status == FAILS
    assert "staging is behind: apache-airflow-providers-amazon 9.3.1, production has 9.4.0" in seen.found


async def test_a_connection_that_staging_lacks_is_named(days: Days, tmp_path: Path) -> None:
    async with place(days, Packages(tmp_path)) as where:
        with without_connection(days, "warehouse"):
            seen = await versions.staging(where)
    assert seen.status == FAILS
    assert seen.found[:2] == (
        "connections: staging lacks warehouse",
        "connections: only staging has put_aside",
    )
    assert "connections" not in seen.found[2], "what differs is not called the same"


async def test_a_dag_that_staging_lacks_is_named_although_its_row_is_still_there(days: Days, tmp_path: Path) -> None:
    lost = "fraud_detection_pipeline"
    async with place(days, Packages(tmp_path)) as where:
        with without_dag(days, lost):
            seen = await until(where, lost)
        assert (seen.status, seen.found[0]) == (FAILS, f"DAGs: staging lacks {lost}")
        with psycopg.connect(days.owner, autocommit=True) as database:
            assert database.execute("select is_stale from dag where dag_id = %s", (lost,)).fetchone() == (True,)
        await until(where, "8 DAGs")


async def test_the_helm_values_of_staging_are_compared_by_path_and_nothing_of_them_is_shown(
    days: Days, tmp_path: Path
) -> None:
    async with place(days, Packages(tmp_path), staging_differs=()) as where:
        seen = await versions.staging(where)
    told = next(text for text in seen.found if "production's values" in text)
    assert seen.status == FAILS
    assert told.startswith("staging's revision 1 differs from production's values in data.metadataConnection.")
    assert told.endswith("workers.replicas")
    given = yaml.safe_load((days.directory / "values-3x.yaml").read_text())
    assert given["data"]["metadataConnection"]["pass"] not in "".join(seen.found)


def test_a_difference_is_told_by_its_path_unless_it_is_on_purpose() -> None:
    here = {"ingress": {"web": {"host": "a"}}, "executor": "Celery", "env": [1], "same": {"x": 1}}
    there = {"ingress": {"web": {"host": "b"}}, "executor": "Local", "env": [1, 2], "same": {"x": 1}, "new": True}
    assert differences(here, there) == ["env", "executor", "ingress.web.host", "new"]
    assert differences(here, there, ["ingress", "new", "exec*"]) == ["env"]
    assert differences(here, here) == []
