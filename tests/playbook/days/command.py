"""The command of the days as a person would type it, and what its world can be made to be."""

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
import yaml

from migration_cockpit.cli import main
from migration_cockpit.cockpit.opening import opening
from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.session import events as ev
from migration_cockpit.session import journal
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.pace import PATIENCE

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
        deadline = time.monotonic() + PATIENCE
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
            'access_logs = ["ingress-access.log"]': f'access_logs = ["{self.home}/*.log"]',
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
        with urllib.request.urlopen(request, timeout=60, context=trust) as answer:  # noqa: S310
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

    @contextmanager
    def recorder(self) -> Iterator[Recorder]:
        """The journal of the days, as a process writes it that was killed then."""
        recorder = Recorder(self.journal.parent, SystemClock(), Redactor())
        try:
            yield recorder
        finally:
            recorder.close()

    @property
    def journal(self) -> Path:
        """Where it is kept."""
        return next((self.home / "migration-cockpit" / "days").glob(f"*/{journal.FILE}"))


def points(days: Days) -> list[dict[str, Any]]:
    """The recovery points that the journal of the days knows."""
    lines = [json.loads(line) for line in days.journal.read_text().splitlines()]
    return [line["data"] for line in lines if line["kind"] == "recovery.point"]


def look(data: dict[str, Any], name: str) -> tuple[str, list[str]]:
    """Status and findings of one look."""
    found = next(each for each in data["found"] if each["look"] == name)
    return found["status"], found["found"]
