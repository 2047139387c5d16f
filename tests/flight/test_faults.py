"""Every fault makes its step end not verified and stops what follows; when it is mended the same flight goes on."""

from __future__ import annotations

import asyncio
import re
import subprocess
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psycopg
import pytest

from migration_cockpit.advice import failures
from migration_cockpit.cockpit.autopilot import ANSWERS
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.outcome import exit_code
from migration_cockpit.config import STEP_IDS, Settings, load
from migration_cockpit.playbook.runner import EARLIER_STEPS, Refused
from migration_cockpit.rehearsal import faults
from migration_cockpit.rehearsal.faults import FAULTS
from migration_cockpit.session import journal
from migration_cockpit.session.redact import MASK
from tests.connections.support import eventually
from tests.flight import canaries
from tests.flight import world as rehearsal
from tests.flight.migrating import (
    HANGING,
    at_the_end,
    every_line_once,
    in_the_long_revision,
    job_ended,
    slow_in_time,
    verdict_in_time,
    word,
)
from tests.pace import PATIENCE

LIMITS = {"soak": 16, "dags_settle": 4, "quiet_warning": 3, "quiet": 5, "decision_at": 15}
"""Waited for in any case. The soak outlasts the window of the quantiles, and the DAGs must stand still for longer than
the dag-processor takes to see that one is gone."""
PATIENT = LIMITS | dict.fromkeys(("drain", "stop_components", "helm", "healthy", "smoke", "canary"), PATIENCE)
"""What comes about in any case is waited for as long as a busy machine needs."""
HURRIED = LIMITS | {"drain": 5, "stop_components": 6, "healthy": 15, "smoke": 12, "canary": 12}
"""With a fault each is waited for to its end."""
KNOWN = {
    "helm-pending": "helm-pending",
    "migration-crash": "migration-killed",
    "pod-evicted": "migration-killed",
    "database-restart": "migration-ended-by-hand",
    "disk-filling": "disk-full",
    "alembic-version-deleted": "alembic-version-empty",
    "second-migration": "second-migration",
    "statement-timeout": "statement-timeout",
    "xcom-bad": "xcom-null-character",
    "secret-late": "secret-missing",
    "dagprocessor-stale": "heartbeat-missing",
    "dag-lost": "dags-lost",
    "import-error": "import-removed",
}
"""The known failure that is recognised while a fault does its harm."""
SHUT = {
    "alembic-version-deleted": {"schema version"},
    "xcom-bad": {"XCom values"},
}
"""The gates of step 5 that keep it from being run again until a fault is mended."""


def limited(settings: Settings, limits: Mapping[str, float]) -> Settings:
    """The same with these limits."""
    return msgspec.structs.replace(settings, limits=msgspec.structs.replace(settings.limits, **limits))


async def attempt(cockpit: Cockpit, step: str) -> str:
    """Fly a step once, answering as the autopilot does; returns its outcome."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await cockpit.runner.start(step, "test")
                break
            except Refused as refused:
                why = refused
                await asyncio.sleep(0.2)
    assert cockpit.runner._task is not None, why
    async with asyncio.timeout(PATIENCE * 2):
        while cockpit.runner.busy:
            if (decision := cockpit.state.decision) is not None:
                asked = decision.event.decision.split("-")[0]
                cockpit.answer(ANSWERS.get(asked, next(iter(decision.event.choices))))
            await asyncio.sleep(0.05)
    return cockpit.state.step(step).outcome


def showing(cockpit: Cockpit) -> set[str]:
    """The known failures that show now and are not as they must be."""
    return {each.id for each in failures.standing(cockpit.state) if not each.over and each.severity != "expected"}


async def left_as_told(cockpit: Cockpit, world: Path, fault: str) -> None:
    """The verdict of a migration that failed, and its database: committed up to what the sheet says, nothing more."""
    await word(cockpit, FAULTS[fault].verdict)
    verdict_in_time(cockpit.recorder.directory, fault, await job_ended(cockpit))
    why = cockpit.state.step("migrate").why
    rows = rehearsal.query(world, "select version_num from alembic_version")
    if fault == "alembic-version-deleted":
        assert rows == []
        assert "insert into alembic_version values" in why
    else:
        assert [("Committed up to " + revision in why) for (revision,) in rows] == [True], why
    kind = (
        "select format_type(atttypid, null) from pg_attribute where attrelid = 'xcom'::regclass and attname = 'value'"
    )
    assert rehearsal.query(world, kind) == [("bytea",)], "nothing of the revision that converts it is left"
    assert rehearsal.query(world, "select to_regclass('_xcom_archive')") == [(None,)]
    failing: set[str] = set()
    for _ in range(20):  # an orphaned backend of an evicted pod is seen to its end; a reading may be a moment old
        failing = {gate.name for gate in (await cockpit.runner.sheet("migrate", "test")).failing}
        # CloudWatch tells the average of a minute: whether a disk that has just become full shows there is a matter of
        # seconds.
        failing -= {"free storage"} if fault == "disk-filling" else set()
        if failing == SHUT.get(fault, set()):
            return
        await asyncio.sleep(0.5)
    assert failing == SHUT.get(fault, set())


async def as_owner(cockpit: Cockpit, sql: str) -> None:
    """Change the metadata database as Airflow's own role, which is in the release's Secret."""
    secret = await cockpit.flight.connections.kube.get("secrets", "airflow-metadata")
    async with await psycopg.AsyncConnection.connect(b64decode(secret["data"]["connection"]).decode()) as connection:
        await connection.execute(sql.encode())


async def mend(cockpit: Cockpit, world: Path, fault: str, why: str) -> None:
    """What a person does when the cause is gone, where the cockpit cannot do it; `why` is what the step told."""
    faults.switch(world, fault, None)
    if fault == "helm-pending":
        command = [str(world / "helm"), "rollback", "airflow", "1", "--no-hooks", "--namespace", "airflow"]
        command += ["--kubeconfig", str(world / "kubeconfig")]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    if fault == "alembic-version-deleted":
        row = re.search(r"(insert into alembic_version values \('\w+'\))", why)
        assert row is not None, why
        await as_owner(cockpit, row[1])
    if fault == "xcom-bad":
        await as_owner(cockpit, "delete from xcom where key = 'late'")


@pytest.mark.timeout(1800)  # a whole flight, each step of it once more for each fault
async def test_each_fault_fails_its_step_and_once_mended_the_flight_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flown = set()
    # A zombie must be one while tasks still run: that fault is there from the beginning.
    with rehearsal.world(tmp_path / "world", "--fault=zombie-task") as world:
        for name, value in rehearsal.environment(world).items():
            monkeypatch.setenv(name, value)
        secrets = canaries.planted(world)
        helm = canaries.TalkativeHelm(world, tmp_path, secrets)
        settings = limited(load(world / "config.toml"), PATIENT)
        given = ("--set-string", f"config.smtp.smtp_password={canaries.ARGUMENT}")
        changed = msgspec.structs.replace(settings.helm, binary=str(helm.path), arguments=given)
        settings = msgspec.structs.replace(settings, helm=changed)
        monkeypatch.setenv("SOME_TOOLS_TOKEN", canaries.ENVIRONMENT)
        sheets: dict[str, str] = {}
        cockpit = Cockpit(settings, tmp_path / "session", operator="test")
        await cockpit.start()
        for number, step in enumerate(STEP_IDS):
            for fault in [fault.name for fault in FAULTS.values() if fault.step == step and fault.name not in HANGING]:
                faults.switch(world, fault, {})
                # A release that another helm holds is waited for as long as helm may take.
                hurried = HURRIED | ({"helm": 8} if fault == "helm-pending" else {})
                cockpit.flight.settings = limited(settings, hurried)
                # Its Job is the first to come through the revision that takes long: what hangs is met there.
                hanging = asyncio.create_task(in_the_long_revision(cockpit, world)) if fault == "xcom-bad" else None
                outcome = await attempt(cockpit, step)
                if hanging is not None:
                    await hanging
                told = cockpit.state.step(step)
                assert outcome in {"failed", "aborted"}, (fault, told.checks)
                assert len(told.why) > 20, (fault, told.why)
                assert exit_code(cockpit.state) == 1
                if known := KNOWN.get(fault):
                    await eventually(lambda: known in showing(cockpit))
                if number + 1 < len(STEP_IDS):
                    sheet = await cockpit.runner.sheet(STEP_IDS[number + 1], "test")
                    assert EARLIER_STEPS in {gate.name for gate in sheet.failing}
                    sheets[f"sheet of {sheet.step}"] = repr(sheet)
                if step == "migrate":
                    await left_as_told(cockpit, world, fault)
                await mend(cockpit, world, fault, told.why)
                cockpit.flight.settings = settings
                flown.add(fault)
            if step == "helm":
                helm.talk(True)
                assert await attempt(cockpit, step) == "failed"
                helm.talk(False)
            if step == "migrate":  # new pods start the moment the schema is there: it must be missing by then
                faults.switch(world, "secret-late", {})
            hanging = asyncio.create_task(at_the_end(cockpit, world)) if step == "migrate" else None
            assert await attempt(cockpit, step) == "verified", cockpit.state.step(step).why
            if hanging is not None:
                await hanging
                await word(cockpit, "DONE")
                every_line_once(cockpit.recorder.directory, world)
                slow_in_time(cockpit.recorder.directory, settings.limits)
        code = exit_code(cockpit.state)
        secrets |= await canaries.of_the_cluster(cockpit.connections.kube)
        await cockpit.stop("test over")
        left = await canaries.left_behind(tmp_path / "session", tmp_path, secrets)
    assert flown == {name for name, fault in FAULTS.items() if fault.step != "rollback"} - {*HANGING}
    assert code == 0
    assert rehearsal.chain_is_whole(tmp_path / "session")
    assert "cannot reach the release" in left[journal.FILE], "what the talkative helm said is recorded"
    assert MASK in left[journal.FILE]
    assert len(secrets) > 10
    assert "smtp_password" in sheets["sheet of helm"]
    assert canaries.leaks(secrets, left | sheets) == []
