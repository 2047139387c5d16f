"""Airflow itself: a 2.11.2 database with DAGs, runs, tasks and xcoms is migrated to 3.2.2, works, and goes back."""

from __future__ import annotations

from pathlib import Path

from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import world as rehearsal
from tests.flight.somebody import assert_cost_was_what_is_missing, rows_of_the_old_one


def test_real_airflow_migrates_with_every_step_verified_and_goes_back_with_every_table_as_before(
    tmp_path: Path,
) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world", "--airflow=real") as world:
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
