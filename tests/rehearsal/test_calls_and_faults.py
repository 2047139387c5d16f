"""The ledger of calls and the switches of faults, as the world's processes use them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from migration_cockpit.rehearsal import calls, faults

if TYPE_CHECKING:
    from pathlib import Path

STEPS = ["announce", "pause", "drain", "helm", "migrate", "healthy", "smoke", "critical", "rest", "soak", "success"]


def test_calls_are_read_back_in_order(tmp_path: Path) -> None:
    assert calls.read(tmp_path) == []
    calls.record(tmp_path, "rds", "CreateDBSnapshot", "snap-1")
    calls.record(tmp_path, "slack", "post", "T/B/X")
    assert [(call.who, call.call, call.key) for call in calls.read(tmp_path)] == [
        ("rds", "CreateDBSnapshot", "snap-1"),
        ("slack", "post", "T/B/X"),
    ]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    calls.record(tmp_path, "rds", "CreateDBSnapshot", "snap-1")
    with (tmp_path / calls.FILE_NAME).open("a") as file:
        file.write('{"t": 1, "who": "r')
    assert len(calls.read(tmp_path)) == 1


def test_writers_at_the_same_time_do_not_mix_their_lines(tmp_path: Path) -> None:
    def write(who: str) -> None:
        for number in range(100):
            calls.record(tmp_path, who, "call", f"key-{number}" * 20)

    threads = [threading.Thread(target=write, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls.read(tmp_path)) == 400


def test_every_step_has_a_fault_and_every_fault_a_known_step() -> None:
    assert {fault.step for fault in faults.FAULTS.values()} == {*STEPS, "rollback"}


def test_a_fault_is_switched_on_and_off(tmp_path: Path) -> None:
    assert faults.active(tmp_path, "dag-lost") is None
    faults.switch(tmp_path, "dag-lost", {"dag_id": "etl"})
    faults.switch(tmp_path, "canary-fails", {})
    assert faults.active(tmp_path, "dag-lost") == {"dag_id": "etl"}
    assert faults.active(tmp_path, "canary-fails") == {}
    faults.switch(tmp_path, "dag-lost", None)
    assert faults.active(tmp_path, "dag-lost") is None
    assert faults.active(tmp_path, "canary-fails") == {}


def test_an_unknown_fault_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no fault 'typo'"):
        faults.switch(tmp_path, "typo", {})
