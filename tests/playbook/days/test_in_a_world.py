"""D-7 in a world with a staging: in order it holds; what was made worse there is named, and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from migration_cockpit.config import load
from migration_cockpit.playbook.prepare import people
from migration_cockpit.rehearsal import faults
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from tests.playbook.days.command import Days, look, points

pytestmark = pytest.mark.world


@contextmanager
def worse(days: Days, metric: str) -> Iterator[None]:
    """While a metric of staging is worse."""
    staging = days.directory / "staging"
    faults.switch(staging, "scheduler-regression", {"metric": metric})
    try:
        yield
    finally:
        faults.switch(staging, "scheduler-regression", None)


def test_staging_in_order_holds_and_is_kept(days: Days) -> None:
    ran = days.run("D-7", "--operator", "ada")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert ran.stdout.count("✔ holds") == 4
    assert "staging runs 3.2.2" in ran.stdout
    assert "cockpit_canary on staging: success" in ran.stdout
    events = [entry.event for entry in journal.read(days.journal)]
    measured = {event.where: event for event in events if isinstance(event, ev.DayMeasured)}
    assert {where: event.version for where, event in measured.items()} == {"production": "2.11.2", "staging": "3.2.2"}
    assert measured["production"].values.keys() >= {"loop_duration", "parse_time", "queued_tasks"}
    kept = days.journal.parent / "artifacts" / "smoke-D-7-1.txt"
    assert kept.read_text() == "asked --target=staging\n"
    intended = [event.operation for event in events if isinstance(event, ev.OperationIntended)]
    assert intended == ["trigger-canary", "smoke-script"]
    secrets = [path.read_text().strip() for path in (days.directory / "secrets").iterdir()]
    told = days.journal.read_text() + ran.stdout
    assert not [secret for secret in secrets if secret != "admin" and secret in told]


def test_the_one_metric_that_was_made_worse_on_staging_is_named(days: Days) -> None:
    with worse(days, "loop_duration"):
        found = days.until_worse("D-7", "scheduler loop duration")
    assert found[0].startswith("WORSE scheduler loop duration: production ")
    assert sum("WORSE" in text for text in found) == 1
    assert any(text.startswith("total parse time: production") for text in found)


def test_the_first_day_rests_on_what_d_7_measured_and_names_what_became_worse(days: Days) -> None:
    days.data("D-7")
    cutover = days.migrated()
    days.fail("daily_revenue_aggregation", cutover)
    log = days.home / "access.log"
    log.write_text(f'10.0.0.9 - - [{cutover:%d/%b/%Y:%H:%M:%S +0000}] "GET /api/v1/dags HTTP/1.1" 404 9 "-" "old/1"\n')
    with worse(days, "parse_time"):
        found = days.until_worse("D+1", "total parse time")
    assert found[0].startswith("WORSE total parse time: on D-7 (")
    assert sum("WORSE" in text for text in found) == 1
    data = days.data("D+1")
    status, failed = look(data, "failures")
    assert (status, failed[1]) == ("fails", "daily_revenue_aggregation: 1, a week before 0")
    assert look(data, "v1") == (
        "fails",
        ["1 line of 1 file looked at", "10.0.0.9 (old/1): 1 call of GET /api/v1/dags"],
    )
    assert look(data, "import-errors") == ("holds", ["none"])
    status, left = look(data, "follow-ups")
    assert status == "fails"
    assert "gate window went past by ada: approved by phone" in left
    assert "follow-up: tell billing" in left


def test_a_week_later_it_says_what_ran_and_what_is_left_to_clean_up(days: Days) -> None:
    days.migrated()
    data = days.data("D+7")
    status, ran = look(data, "critical")
    assert status == "fails"
    assert "daily_revenue_aggregation has not run since the cut-over" in ran
    assert look(data, "limit") == ("holds", ["max_active_runs_per_dag is as Airflow has it"])
    assert look(data, "scaled")[0] == "holds"
    assert look(data, "backups") == ("unknown", ["no backup is known here"])
    status, found = look(data, "report")
    assert status == "holds"
    report = (days.journal.parent / found[0].partition(" tells")[0]).read_text()
    assert "<html" in report
    assert "follow-up: tell billing" in report
    assert "has not run since the cut-over" in report, "what the days found is part of it"


def test_the_announcement_is_kept_to_be_copied_and_sent_once_where_that_is_asked_for(days: Days) -> None:
    kept = look(days.data("D-3"), "announcement")
    assert kept[0] == "unknown"
    artifacts = days.journal.parent / "artifacts"
    mail = (artifacts / "announcement.txt").read_text()
    settings = load(days.config)
    assert mail.startswith(f"Subject: rehearsal moves to Airflow 3.2.2 on {settings.schedule.announce:%A, %d %B}")
    for moment in (settings.schedule.pause, settings.schedule.critical, settings.schedule.window_end):
        assert f"  {moment:%H:%M} UTC - " in mail
    assert "/api/v1 and /health are gone" in mail
    sink = days.directory / "slack.jsonl"
    before = sink.read_text().count("\n") if sink.exists() else 0
    for _ in range(2):
        ran = days.run("D-3", "--send")
        assert "sent to the channel" in ran.stdout
    lines = [json.loads(line)["text"] for line in sink.read_text().splitlines()[before:]]
    assert lines == [(artifacts / "announcement-slack.txt").read_text().strip()], "once"


def test_a_day_that_was_broken_off_is_gone_on_with(days: Days) -> None:
    days.data("D-3")
    with days.recorder() as recorder:
        recorder.record(ev.DayStarted(day="D-3", operator="grace", attempt=2))
    assert [days.data("D-3")["attempt"] for _ in range(2)] == [2, 3]


def test_who_copies_the_announcement_says_so(days: Days) -> None:
    assert look(days.data("D-3"), "announcement")[0] == "unknown"
    ran = days.run("D-3", "--copied", "--operator", "ada")
    assert "ada says that it was sent by hand" in ran.stdout
    assert look(days.data("D-3"), "announcement")[0] == "holds"
    told = people.announced(days.home / "migration-cockpit" / "sessions", load(days.config))
    assert told is not None
    assert told[1:] == ("ada sent the announcement by hand", True), "prerequisite 10 knows of it"
    ran = days.run("D-1", "--send")
    assert (ran.returncode, ran.stderr) == (2, "migration-cockpit day: --send and --copied belong to D-3\n")


def test_the_backups_are_taken_verified_and_the_key_opens_what_is_stored(days: Days) -> None:
    key = days.secret("airflow-fernet-key", "fernet-key")
    days.store("warehouse", Fernet(key).encrypt(b"hunter2hunter2").decode())
    text = (days.directory / "config.toml").read_text()
    days.config.write_text(text.replace("enabled = false", "enabled = true"))
    data = days.data("D-1")
    assert data["outcome"] == "holds", data["found"]
    assert "is available" in look(data, "snapshot")[1][0]
    assert "can be listed and its checksum fits" in look(data, "dump")[1][0]
    assert "opens 1 stored value" in look(data, "fernet")[1][0]
    assert look(data, "fernet")[1][1].endswith("the same key")
    artifacts = days.journal.parent / "artifacts"
    assert (artifacts / "airflow-version.txt").read_text() == "2.11.2\n"
    values = (artifacts / "values-revision-1.json").read_text()
    assert "fernetKeySecretName" in values
    days.store("warehouse", Fernet(Fernet.generate_key()).encrypt(b"hunter2hunter2").decode())
    status, found = look(days.data("D-1"), "fernet")
    assert (status, found) == ("fails", ["the key does not open connection warehouse"])
    everything = days.journal.read_text() + values + json.dumps(data)
    owner = days.production.rpartition("password=")[2].split()[0]
    assert not [secret for secret in (key.decode(), "hunter2", owner) if secret in everything]
    named = {each["name"] for each in points(days)}
    assert len(named) == 4, "each run takes its own"


def test_a_smoke_script_that_fails_is_told_with_its_last_word(days: Days) -> None:
    days.smoke(3)
    assert look(days.data("D-7"), "smoke") == (
        "fails",
        [
            f"{Path(sys.executable).name} it ended with 3: asked --target=staging; "
            "its output is in artifacts/smoke-D-7-1.txt"
        ],
    )


def test_what_is_no_day_is_said_and_nothing_is_touched(days: Days) -> None:
    ran = days.run("D-8")
    assert ran.returncode == 2
    assert "D-8 is no day of the playbook; there are D-7" in ran.stderr
    assert not (days.home / "migration-cockpit").exists()
