"""D-7 in a world with a staging: in order it holds; what was made worse there is named, and nothing else."""

from __future__ import annotations

import base64
import io
import json
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from cryptography.fernet import Fernet

from migration_cockpit.cli import main
from migration_cockpit.cockpit.opening import opening
from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.rehearsal import faults
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.flight.world import environment

pytestmark = pytest.mark.world
SMOKE = "import sys; print('asked', sys.argv[1]); sys.exit(int(sys.argv[2]))"


class Days:
    """The command as a person would type it, with a home of its own."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory, self.home = directory, home
        self.config = directory / "days.toml"
        self.smoke(0)

    def smoke(self, code: int) -> None:
        """Let the consumers' smoke script end with this code."""
        words = json.dumps([sys.executable, "-c", SMOKE, "--target=staging", str(code)])
        text = (self.directory / "config.toml").read_text()
        self.config.write_text(text.replace("[prepare]\n", f"[prepare]\nsmoke = {words}\n"))

    def run(self, day: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`migration-cockpit day`, in this process: starting one takes longer than the day does."""
        out, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(errors):
            code = main(["day", day, "--config", str(self.config), *arguments])
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), errors.getvalue())

    def data(self, day: str) -> dict[str, Any]:
        """What it says to programs."""
        ran = self.run(day, "--json")
        assert ran.stdout, ran.stderr
        found: dict[str, Any] = json.loads(ran.stdout)
        assert ran.returncode == (0 if found["outcome"] == "holds" else 1)
        return found

    def until_worse(self, day: str, word: str) -> list[str]:
        """What the metrics say as soon as one is told to be worse: the world's summaries forget within seconds."""
        deadline = time.monotonic() + 60
        while True:
            status, found = look(self.data(day), "metrics")
            if status == "fails" and word in found[0]:
                return found
            assert time.monotonic() < deadline, found

    def migrated(self) -> datetime:
        """Let production be what staging is, as after a migration that a session here flew; returns the cut-over."""
        settings = load(self.config)
        text = (self.directory / "config.toml").read_text()
        place, metrics = settings.prepare.staging_airflow, settings.prepare.staging_grafana
        assert settings.grafana is not None
        assert place is not None
        assert metrics is not None
        for before, after in {
            f'url = "{settings.airflow.url}"': f'url = "{place.url}"',
            f'url = "{settings.grafana.url}"': f'url = "{metrics.url}"\nbaseline_minutes = 0.1',
            'file = "secrets/grafana-token"': 'file = "secrets/staging-grafana-token"',
            'file = "secrets/dsn"': 'file = "secrets/staging-dsn"',
            "[prepare]": f'[prepare]\naccess_logs = ["{self.home}/*.log"]',
        }.items():
            assert before in text
            text = text.replace(before, after)
        self.config.write_text(text)
        directory = self.home / "migration-cockpit" / "sessions" / "rehearsal-20260516-090000"
        directory.mkdir(parents=True)
        recorder = Recorder(directory, SystemClock(), Redactor())
        recorder.record(opening(settings, directory.name))
        for step in STEP_IDS:
            recorder.record(ev.StepStarted(step=step, operator="ada"))
            recorder.record(ev.StepEnded(step=step, operator="ada", outcome="verified"))
        gate = ev.Check(name="gate window", holds=False, found="closed")
        recorder.record(ev.GateOverridden(step="success", operator="ada", reason="approved by phone", gates=(gate,)))
        recorder.record(ev.Note(operator="ada", text="follow-up: tell billing"))
        recorder.close()
        ended = recorder.state.steps["migrate"].ended
        assert ended is not None
        return ended

    def fail(self, dag: str, at: datetime) -> None:
        """Let a task of the DAG have failed since."""
        with psycopg.connect(self.owner, autocommit=True) as connection:
            connection.execute(
                "update task_instance set state = 'failed', end_date = %s where id = (select id from task_instance"
                " where dag_id = %s and state = 'success' order by end_date limit 1)",
                (at + timedelta(milliseconds=1), dag),
            )

    def secret(self, name: str, key: str) -> bytes:
        """A value of a Secret in the world's cluster."""
        kubeconfig = yaml.safe_load((self.directory / "kubeconfig-admin").read_text())
        server, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
        request = urllib.request.Request(f"{server['server']}/api/v1/namespaces/airflow/secrets/{name}")  # noqa: S310
        request.add_header("Authorization", f"Bearer {user['token']}")
        trust = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
        with urllib.request.urlopen(request, timeout=10, context=trust) as answer:  # noqa: S310
            return base64.b64decode(json.load(answer)["data"][key])

    def store(self, conn_id: str, password: str) -> None:
        """Let production have a connection whose password is stored so."""
        with psycopg.connect(self.production, autocommit=True) as connection:
            connection.execute(
                "update connection set password = %s, is_encrypted = true where conn_id = %s", (password, conn_id)
            )

    @property
    def production(self) -> str:
        """Production's database as its owner reaches it."""
        return self._owned("dsn")

    @property
    def owner(self) -> str:
        """Staging's database as its owner reaches it."""
        return self._owned("staging-dsn")

    def _owned(self, secret: str) -> str:
        values = yaml.safe_load((self.directory / "values-3x.yaml").read_text())["data"]["metadataConnection"]
        dsn = (self.directory / "secrets" / secret).read_text()
        return psycopg.conninfo.make_conninfo(dsn, user=values["user"], password=values["pass"])

    @property
    def journal(self) -> Path:
        """Where it is kept."""
        return next((self.home / "migration-cockpit" / "days").glob(f"*/{journal.FILE}"))


@pytest.fixture
def days(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    for name, value in (environment(directory) | {"XDG_STATE_HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    return Days(directory, tmp_path)


def points(days: Days) -> list[dict[str, Any]]:
    """The recovery points that the journal of the days knows."""
    lines = [json.loads(line) for line in days.journal.read_text().splitlines()]
    return [line["data"] for line in lines if line["kind"] == "recovery.point"]


def look(data: dict[str, Any], name: str) -> tuple[str, list[str]]:
    """Status and findings of one look."""
    found = next(each for each in data["found"] if each["look"] == name)
    return found["status"], found["found"]


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


def test_who_copies_the_announcement_says_so(days: Days) -> None:
    assert look(days.data("D-3"), "announcement")[0] == "unknown"
    ran = days.run("D-3", "--copied", "--operator", "ada")
    assert "ada says that it was sent by hand" in ran.stdout
    assert look(days.data("D-3"), "announcement")[0] == "holds"
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
