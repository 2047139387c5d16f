"""Postponing in the embedded world: the DAGs that were active are active again, also when it is cut off."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import DEAF, Desk
from migration_cockpit.cockpit.outcome import exit_code, session_outcome
from migration_cockpit.config import load
from migration_cockpit.playbook.runner import Refused
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.connections.support import eventually
from tests.flight import world as rehearsal
from tests.flight.test_faults import attempt

ACTIVE = "select dag_id from dag where not is_paused order by 1"


async def test_a_postponed_migration_leaves_the_dags_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tmp_path / "session"
    with rehearsal.world(tmp_path / "world") as world:
        for name, value in rehearsal.environment(world).items():
            monkeypatch.setenv(name, value)
        before = rehearsal.query(world, ACTIVE)
        first = Cockpit(load(world / "config.toml"), session, operator="sre")
        await first.start()
        for step in ("announce", "pause"):
            assert await attempt(first, step) == "verified"
        assert rehearsal.query(world, ACTIVE) == []
        desk = Desk(first)
        await desk.press("P")
        assert desk.where == "postpone"
        await asyncio.sleep(DEAF * 1.1)
        await desk.press("enter")
        assert "type the reason" in desk.notice
        desk.type("the network team needs the window")
        await desk.press("enter")
        assert first.state.postponement is not None
        await first.stop("cut off while the DAGs came back")

        second = Cockpit(load(world / "config.toml"), session, operator="sre")
        await second.start()
        await eventually(lambda: second.state.outcome == "postponed")
        assert rehearsal.query(world, ACTIVE) == before
        with pytest.raises(Refused, match="postponed: another session flies it"):
            await second.runner.sheet("drain", "sre")
        with pytest.raises(Refused, match="postponed already"):
            await second.runner.postpone("sre", "once more")
        await eventually(lambda: second.state.messages["postponed"].sent is not None)
        told = second.state.postponement
        await second.stop("test over")
    assert told is not None
    assert any(f"{len(before)} DAGs are active as before" in said for said in told.starts_from)
    assert (session_outcome(second.state), exit_code(second.state)) == ("postponed", 3)
    assert rehearsal.chain_is_whole(session)
    last = list(journal.read(session / journal.FILE))[-1].event
    assert isinstance(last, ev.SessionClosed)
    assert last.outcome == "postponed"
