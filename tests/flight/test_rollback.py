"""The way back in the embedded world: from every place to a working 2.x, and nothing twice after a kill -9."""

from __future__ import annotations

from pathlib import Path

from migration_cockpit.rehearsal import faults
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import world as rehearsal

BACK = ("smoke", "restore")
NOT_REPEATABLE = ("restore-instance", "probe-job", "helm-rollback", "set-aside", "take-over")
POINTS = [
    ("before", "operation.ended", "pause-all"),
    ("after", "operation.intended", "scale-to-zero"),
    *(
        (moment, kind, operation)
        for operation in NOT_REPEATABLE
        for moment, kind in (("after", "operation.intended"), ("before", "operation.ended"))
    ),
    ("before", "rollback.stage.ended", ""),
    ("after", "operation.intended", "unpause-critical"),
]
"""Before and after the call of each operation that must not be made twice, and at some others."""
FAULTS = {
    "restore-fails": ("restore", "incompatible-restore"),
    "secret-refused": ("probe", "denied the request"),
    "helm-rollback-fails": ("helm", "failed calling webhook"),
}
"""By fault: the stage that fails, and a word of what it says."""


def stages_of(session: Path) -> list[tuple[str, str]]:
    """How each stage of the way back ended, in order."""
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    return [(event.stage, event.outcome) for event in events if isinstance(event, ev.RollbackStageEnded)]


def check_of(session: Path, stage: str, name: str) -> ev.Check:
    """The last verification of a stage, one line of it."""
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    ended = [e for e in events if isinstance(e, ev.RollbackStageEnded) and e.stage == stage and e.checks]
    return next(check for check in ended[-1].checks if check.name == name)


def assert_2x_works_as_before(world: Path) -> None:
    """What a user of Airflow finds: the schema of 2.x, its DAGs active as they were, and work being done."""
    assert rehearsal.query(world, "select version_num from alembic_version") == [("5f2621c13b39",)]
    paused = rehearsal.query(world, "select count(*) from dag where is_active and is_paused")
    assert paused == [(2,)], "those that were paused on purpose, and no others"
    assert rehearsal.query(world, "select count(*) from dag where is_active") == [(30,)]


def changing(world: Path) -> dict[str, int]:
    """How often each call that must not be made twice arrived at the emulated servers."""
    counted: dict[str, int] = {}
    for (who, call, key), count in rehearsal.made(world).items():
        if (who, call) == ("helm", "rollback"):
            counted["helm rollback"] = counted.get("helm rollback", 0) + count
        elif call in {"RestoreDBInstanceFromDBSnapshot", "create jobs"} or (call == "ModifyDBInstance" and "->" in key):
            counted[f"{call} {key}"] = count
    return counted


def test_killed_and_failing_on_the_way_back_it_ends_well_and_repeats_nothing(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world") as world:
        killed = rehearsal.fly_once(world, session, ("after", "rollback.started", ""), back=BACK)
        assert killed.returncode == -9, killed.stdout[-3000:] + killed.stderr[-2000:]
        runs = rehearsal.query(world, "select count(*) from dag_run where run_id like 'migration-cockpit-%'")
        assert runs == [(1,)], "the canary is what was written since the recovery point"
        for fault, (stage, word) in FAULTS.items():
            if fault == "restore-fails":
                first = [point for point in POINTS if point[2] in {"pause-all", "scale-to-zero"}]
                for point in first:
                    assert rehearsal.fly_once(world, session, point, back=BACK).returncode == -9, point
            faults.switch(world, fault, {})
            failed = rehearsal.fly_once(world, session, back=BACK)
            assert failed.returncode == 1, (fault, failed.stdout[-3000:], failed.stderr[-2000:])
            assert stages_of(session)[-1] == (stage, "failed"), failed.stdout[-3000:]
            assert word in failed.stdout
            assert "try the stage again: what is done is found" in failed.stdout
            faults.switch(world, fault, None)
        for point in POINTS:
            if point[2] in {"pause-all", "scale-to-zero", "restore-instance"}:
                continue
            killed = rehearsal.fly_once(world, session, point, back=BACK)
            assert killed.returncode == -9, (point, killed.stdout[-3000:], killed.stderr[-2000:])
        flown = rehearsal.fly_once(world, session, back=BACK)
        assert flown.returncode == 0, flown.stdout[-4000:] + flown.stderr[-2000:]
        counted = changing(world)
        assert rehearsal.query(world, "select count(*) from dag_run where run_id like 'migration-cockpit-%'") == [(0,)]
        assert_2x_works_as_before(world)
    assert "tables equal row for row" in check_of(session, "compare", "tables").found
    assert check_of(session, "unpause", "active as in the ledger").holds
    assert set(dict(stages_of(session)).values()) == {"verified"}
    assert {count for name, count in counted.items() if name != "helm rollback"} == {1}, counted
    assert counted["helm rollback"] == 2, "the one that failed, and the one that did not"
    assert rehearsal.chain_is_whole(session)
