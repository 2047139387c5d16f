"""`init` against an embedded world: what it writes is accepted by `check`; what it cannot know it says."""

from __future__ import annotations

import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from migration_cockpit.config import STEP_IDS, load
from migration_cockpit.playbook.discovery import DraftError, fill, schedule, target_values, template
from tests.flight.world import ROOT, environment, world
from tests.pace import PATIENCE

pytestmark = pytest.mark.world
CONTEXT = ("--context", "rehearsal", "--namespace", "airflow")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with world(tmp_path_factory.mktemp("init") / "world", "--dags=8", "--task-instances=500") as running:
        yield running


def cockpit(directory: Path, *words: str, answers: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "migration_cockpit", *words],
        cwd=ROOT,
        env=environment(directory),
        input=answers,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def told(directory: Path) -> list[str]:
    """What only a person knows, taken from the world's own config."""
    own = tomllib.loads((directory / "config.toml").read_text())
    secrets = directory / "secrets"
    pairs = {
        "airflow.url": own["airflow"]["url"],
        "airflow.username": own["airflow"]["username"],
        "airflow.password": f'{{ file = "{secrets / "airflow-password"}" }}',
        "postgres.dsn": f'{{ file = "{secrets / "dsn"}" }}',
        "helm.binary": str(directory / "helm"),
        "dags.canary": own["dags"]["canary"],
        "dump.pg_dump": own["dump"]["pg_dump"],
        "dump.pg_restore": own["dump"]["pg_restore"],
        "slack.webhook": f'{{ file = "{secrets / "slack-webhook"}" }}',
    }
    return [word for key, value in pairs.items() for word in ("--set", f"{key}={value}")]


def test_what_it_writes_is_accepted_by_check(directory: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    place = ("--kubeconfig", str(directory / "kubeconfig"), *CONTEXT, "-o", str(config))
    ran = cockpit(directory, "init", *place, *told(directory))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "airflow/airflow: Airflow 2.11.2, airflow-1.22.0, revision 1" in ran.stdout
    assert "scheduler 1" in ran.stdout
    settings = load(config)
    assert (settings.deployment.source_version, settings.kubernetes.release) == ("2.11.2", "airflow")
    assert settings.rds is None
    assert settings.dump.enabled, "the world's database is no RDS endpoint"
    assert settings.grafana is None
    assert settings.slack is not None
    for path in (config, tmp_path / "values-3x.yaml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert yaml.safe_load((tmp_path / "values-3x.yaml").read_text())["airflowVersion"] == "3.2.2"
    checked = cockpit(directory, "check", "--config", str(config))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_context_is_asked_for_by_number_and_nothing_is_overwritten(directory: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    place = ("--kubeconfig", str(directory / "kubeconfig"), "--namespace", "airflow", "-o", str(config))
    ran = cockpit(directory, "init", *place, answers="9\n1\n")
    assert ran.returncode == 0, ran.stderr
    assert "9 is not one of them" in ran.stdout
    assert "→ airflow.username and airflow.password" in ran.stdout
    before = config.read_text()
    again = cockpit(directory, "init", *place, answers="1\n")
    assert again.returncode == 2
    assert "is there already: --force writes over it" in again.stderr
    assert config.read_text() == before


def test_where_nobody_answers_or_nothing_is_there_it_says_what_to_give(directory: Path, tmp_path: Path) -> None:
    kubeconfig = ("--kubeconfig", str(directory / "kubeconfig"))
    config = str(tmp_path / "config.toml")
    silent = cockpit(directory, "init", *kubeconfig, "-o", config)
    assert silent.returncode == 2
    assert "give it as an option" in silent.stderr
    everywhere = cockpit(directory, "init", *kubeconfig, "--context", "rehearsal", "-o", config)
    assert everywhere.returncode == 1
    assert "name one with --namespace" in everywhere.stderr
    other = cockpit(directory, "init", *kubeconfig, *CONTEXT, "--release", "other", "-o", config)
    assert other.returncode == 1
    assert "only airflow/airflow" in other.stderr
    wrong = cockpit(directory, "init", *kubeconfig, *CONTEXT, "--set", "airflow.uri=x", "-o", config)
    assert wrong.returncode == 2
    assert "airflow.uri: is no key" in wrong.stderr
    typed = cockpit(directory, "init", *kubeconfig, *CONTEXT, "--set", "limits.soak=long", "-o", config)
    assert typed.returncode == 2
    assert "limits.soak: found 'long', takes a number" in typed.stderr
    assert not Path(config).exists()


def test_every_comment_of_the_example_stays(tmp_path: Path) -> None:
    text = fill(template(), {"limits.soak": 60, "kubernetes.context": "x"}, without={"slack"})
    assert "soak = 60" in text
    assert 'context = "x"                         # always named, never whatever is current' in text
    assert "# [slack]" in text
    notes = [line.rpartition("# ")[2].strip() for line in template().splitlines() if "#" in line]
    assert [note for note in notes if note not in text] == ["soak = 7200"]
    with pytest.raises(DraftError, match=r"slack\.webhook"):
        fill(template(), {"slack.webhook": "x"}, without={"slack"})


def test_the_day_is_a_saturday_to_come_and_in_the_playbooks_order() -> None:
    friday = datetime(2026, 11, 27, 22, 0, tzinfo=UTC)
    planned = schedule(friday)
    assert planned["schedule.announce"] == datetime(2026, 12, 5, 9, 0, tzinfo=UTC)
    assert [key.partition(".")[2] for key in sorted(planned, key=lambda key: planned[key])] == [*STEP_IDS, "window_end"]


def test_an_image_of_ones_own_keeps_its_repository() -> None:
    own = {"images": {"airflow": {"repository": "registry.example.com/airflow", "tag": "2.11.2-7"}}, "executor": "X"}
    assert target_values(own, "3.2.2") == {
        "images": {"airflow": {"repository": "registry.example.com/airflow", "tag": "3.2.2"}},
        "executor": "X",
        "airflowVersion": "3.2.2",
    }
    assert target_values({}, "3.2.2") == {"airflowVersion": "3.2.2", "defaultAirflowTag": "3.2.2"}
