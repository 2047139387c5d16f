"""The way back where something cannot be read, or is not there: it is never taken for good."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration_cockpit.actions import database
from migration_cockpit.actions.cluster import Workload
from migration_cockpit.actions.database import DagRow
from migration_cockpit.actions.pausing import PauseAll
from migration_cockpit.config import load
from migration_cockpit.connections import Unreachable
from migration_cockpit.playbook import standstill
from migration_cockpit.playbook.rollback import fingerprint, prospect
from migration_cockpit.playbook.rollback.fingerprint import Fingerprint, Table
from migration_cockpit.playbook.rollback.plan import ABORT, HELM, RESTORE, Prospect, Way
from migration_cockpit.playbook.rollback.stages import back, found, quiet, restored
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.session import events as ev
from tests.playbook.test_runner import Bench

SETTINGS = load(Path(__file__).parents[2] / "config.example.toml")


async def test_an_abort_starts_2x_again_where_it_cannot_be_seen_whether_it_stands(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before = Workload(resource="deployments", name="airflow-scheduler", component="scheduler", replicas=1)
    bench.flight.write_fact(standstill.STEP, "workloads", msgspec.to_builtins([before]))
    seen = await prospect.see(bench.flight)
    assert any(why.startswith("workloads: ") for why in seen.unread)
    abort = Way(id=ABORT, title="t", what="w")
    laid_out = prospect.plan(bench.flight, Prospect(seen=seen, ways=(abort,)), ABORT)
    assert [stage.id for stage in laid_out.stages][:2] == ["healthy", "give-back"]


async def test_an_old_instance_that_is_not_found_is_not_taken_for_a_quiet_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "SETTLE_SECONDS", 0.0)
    bench = Bench(tmp_path)
    checks = await found.OldIsQuiet().fly(Trip(SETTINGS, "s", RESTORE, "point", "snapshot", given=bench.flight))
    assert [check.holds for check in checks] == [False]
    assert "look whether somebody has deleted it" in checks[0].found


async def test_a_fingerprint_that_is_lost_is_not_taken_for_one_that_was_never_taken(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    now = Fingerprint(tables={"public.dag": Table(3, "7")})
    for name, known in (("taken", False), ("never", True)):
        kept = "fingerprint-taken.json" if name == "taken" else ""
        bench.flight.record(
            ev.RecoveryPoint(
                step="helm", name=name, method="snapshot", head="x", taken=datetime.now(UTC), fingerprint=kept
            )
        )
        trip = Trip(SETTINGS, "s", RESTORE, name, "snapshot", given=bench.flight)
        assert restored.Compare()._same(trip, now).known is known


async def test_counting_rows_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(*_: object, **__: object) -> Fingerprint:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(fingerprint, "_read", hangs)
    bench = Bench(tmp_path)
    with pytest.raises(Unreachable, match=r"could not be counted within 0 s; raise rollback\.fingerprint_timeout"):
        await fingerprint.read(bench.flight, seconds=0.05)


async def test_dags_that_only_the_way_back_has_paused_come_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = {"daily": False, "resting": True}

    async def dags(_: object) -> tuple[DagRow, ...]:
        return tuple(DagRow(*each) for each in paused.items())

    async def nothing(*_: object, **__: object) -> list[Any]:
        return []

    async def ready(_: object) -> bool:
        return True

    async def do(_: Trip, operation: Any, report: object = None) -> str:
        if isinstance(operation, PauseAll):
            paused.update(dict.fromkeys(paused, True))
        else:
            paused.update(dict.fromkeys(operation._dag_ids or (), operation._paused))
        return ""

    monkeypatch.setattr(database, "dags", dags)
    monkeypatch.setattr(database, "rows", nothing)
    monkeypatch.setattr(quiet, "_scheduler_ready", ready)
    monkeypatch.setattr(Trip, "do", do)
    bench = Bench(tmp_path)
    trip = Trip(SETTINGS, "s", HELM, given=bench.flight)
    assert all(check.holds for check in await quiet.PauseNew().fly(trip))
    assert all(paused.values())
    checks = await back.UnpauseLedger().fly(trip)
    assert all(check.holds for check in checks), checks
    assert paused == {"daily": False, "resting": True}
