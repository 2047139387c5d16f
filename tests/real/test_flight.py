"""Airflow itself: a 2.11.2 database with DAGs, runs, tasks and xcoms is migrated to 3.2.2 and does real work."""

from __future__ import annotations

from pathlib import Path

from migration_cockpit.config import STEP_IDS
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.flight import world as rehearsal


def test_the_headless_rehearsal_with_real_airflow_verifies_every_step(tmp_path: Path) -> None:
    session = tmp_path / "session"
    flown = rehearsal.rehearse("--airflow", "real", "--session", str(session), timeout=850)
    assert flown.returncode == 0, flown.stdout[-6000:] + flown.stderr[-2000:]
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
