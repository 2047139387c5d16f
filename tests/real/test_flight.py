"""Airflow itself: a 2.11.2 database with DAGs, runs, tasks and xcoms is migrated to 3.2.2, works, and goes back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from migration_cockpit.actions import cluster
from migration_cockpit.actions.site import Site
from migration_cockpit.config import STEP_IDS, Settings, load
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.connections.support import connected
from tests.flight import world as rehearsal
from tests.flight.somebody import assert_cost_was_what_is_missing, rows_of_the_old_one

PASSWORD = "hunter2hunter2"


def test_real_airflow_migrates_with_every_step_verified_and_goes_back_with_every_table_as_before(
    tmp_path: Path,
) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world", "--airflow=real") as world:
        assert_the_day_before_holds(world, tmp_path / "state")
        flown = rehearsal.fly_once(world, session, back=("success", "restore"), timeout=800)
        assert flown.returncode == 0, flown.stdout[-6000:] + flown.stderr[-2000:]
        kept = rows_of_the_old_one(world, session)
    assert_cost_was_what_is_missing(session, kept)
    assert [told for told in rehearsal.steps_of(session) if told[1] != "started"] == [
        (step, "verified") for step in STEP_IDS
    ]
    assert rehearsal.chain_is_whole(session)
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    smoke = next(e for e in events if isinstance(e, ev.StepEnded) and e.step == "smoke")
    canary = next(check for check in smoke.checks if check.name.startswith("canary"))
    assert canary.found.endswith("success")
    lines = [e.text for e in events if isinstance(e, ev.LogLine) and e.source == "job"]
    started = [line for line in lines if "Running upgrade" in line]
    assert len(started) == len(set(started)) == 83, "82 core revisions and one of FAB, each once"
    assert_it_went_back(events)


def assert_the_day_before_holds(world: Path, home: Path) -> None:
    """A password that 2.x itself has stored is opened by the key that its pods are given; the snapshot is there."""
    asyncio.run(store_connection(load(world / "config.toml")))
    program = [
        sys.executable,
        "-m",
        "migration_cockpit",
        "day",
        "D-1",
        "--json",
        "--config",
        str(world / "config.toml"),
    ]
    surroundings = rehearsal.environment(world) | {"XDG_STATE_HOME": str(home)}
    ran = subprocess.run(program, env=surroundings, capture_output=True, text=True, timeout=120, check=False)
    found = {each["look"]: each for each in json.loads(ran.stdout)["found"]}
    assert {name: each["status"] for name, each in found.items()} == dict.fromkeys(
        ("release", "fernet", "snapshot", "dump"), "holds"
    ), ran.stdout
    assert "opens 1 stored value" in found["fernet"]["found"][0]
    assert found["fernet"]["found"][1].endswith("the same key")
    assert PASSWORD not in ran.stdout


async def store_connection(settings: Settings) -> None:
    """By the command line of 2.x, in its scheduler's pod."""
    async with connected(settings) as there:
        pods = await cluster.pods(Site(settings, "test", there))
        pod = next(each for each in pods if each.component == "scheduler" and each.ready)
        words = ["airflow", "connections", "add", "warehouse_of_2x", "--conn-type", "postgres"]
        words += ["--conn-password", PASSWORD]
        ran = await there.kube.exec(pod.name, words, container="scheduler", timeout=120)
    assert ran.code == 0, ran.out + ran.err


def assert_it_went_back(events: list[ev.Event]) -> None:
    """Every table was proved equal row for row before anything of 2.x started, and 2.x works as before."""
    stages = {e.stage: e for e in events if isinstance(e, ev.RollbackStageEnded)}
    assert {stage.outcome for stage in stages.values()} == {"verified"}
    order = list(stages)
    assert order.index("compare") < order.index("helm"), "compared before a component of 2.x could start"
    tables = next(check for check in stages["compare"].checks if check.name == "tables")
    assert "tables equal row for row" in tables.found
    active = next(check for check in stages["unpause"].checks if check.name == "active as in the ledger")
    assert active.holds
    assert stages["verify"].checks[0].name == "from inside the pods"
    ended = next(e for e in events if isinstance(e, ev.RollbackEnded))
    assert ended.outcome == "rolled back"
