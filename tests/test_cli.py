"""The commands a person types: help with examples, clear errors, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from migration_cockpit.cli import main
from migration_cockpit.config import STEP_IDS
from migration_cockpit.rehearsal.faults import FAULTS
from tests.pace import PATIENCE

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command", ["rehearse", "run", "plan", "check", "prepare", "failures", "report", "replay", "watch", "verify"]
)
def test_help_of_each_command_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"examples:\n  migration-cockpit {command}" in text


def test_without_arguments_it_says_what_it_can_do_and_offers_the_rehearsal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "migration-cockpit rehearse " in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["run"],
        ["rehearse", "--pace", "warp"],
        ["rehearse", "--dags", "0"],
        ["rehearse", "--fault", "meteor"],
        ["rehearse", "--headless"],
        ["rehearse", "--to", "3.3.2"],
        ["rehearse", "--to", "3.2"],
        ["rehearse", "--session", ""],
        ["watch", "session.jsonl", "--serve", "--port", "99999"],
        ["rehearse", "--from", "2.9.3"],
        ["rehearse", "--airflow", "real", "--to", "3.1.99"],
    ],
)
def test_a_usage_error_is_one_sentence_and_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # locks that were resolved on this machine are in the cache
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("migration-cockpit")
    assert "\n" not in error


def test_every_step_has_a_fault_that_breaks_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "--list-faults"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in FAULTS)
    assert {fault.step for fault in FAULTS.values()} == {*STEP_IDS, "rollback"}


def test_the_plan_needs_no_connection_and_shows_every_step_with_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--config", str(ROOT / "config.example.toml")]) == 0
    text = capsys.readouterr().out
    numbers = [line.split(".")[0] for line in text.splitlines() if line[:1].isdigit()]
    assert numbers == [str(number) for number in range(1, 12)]
    for command in (
        "helm upgrade airflow",
        "aws rds create-db-snapshot",
        "/api/v1/dags?dag_id_pattern=%25",
        "curl -X POST",
    ):
        assert command in text
    assert "--wait " not in text.split("5. database migration")[0].split("$ helm upgrade")[1].split("#")[0]


def test_python_dash_m_is_the_same_program() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "migration_cockpit", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("migration-cockpit ")


def test_the_resolver_has_not_walked_boto3_back() -> None:
    """kubernetes 37.0.2 wants a python-dateutil that no botocore allows: unpinned, boto3 0.0.3 comes silently."""
    assert tuple(int(part) for part in version("boto3").split(".")[:2]) >= (1, 40)


def test_a_known_failure_is_explained_with_its_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failures", "second-migration"]) == 0
    told = capsys.readouterr().out
    assert "Another migration holds the migration lock" in told
    assert "PostgreSQL reads milliseconds" in " ".join(told.split())
    assert "\n      psql " in told, "a command stands on a line of its own"


def test_the_catalogue_is_listed_for_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failures", "--step", "helm"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"^  unapplied-migrations +expected  Pods wait", listed, re.MULTILINE)
    assert main(["failures", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 45
    assert all(row["mend"] and row["source"] for row in rows)
    assert {row["id"] for row in rows} == set(re.findall(r"^  ([a-z0-9-]+) ", listed, re.MULTILINE))


def test_a_log_is_looked_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "migrate.log"
    log.write_text('Running upgrade a -> eed27faa34e3, Xcom\nDETAIL:  Token "NaN" is invalid.\n', "utf-8")
    assert main(["failures", "--log", str(log)]) == 1
    told = capsys.readouterr().out
    assert "» DETAIL:" in told
    assert "xcom-nan" in told
    log.write_text("Database migration done!\n", "utf-8")
    assert main(["failures", "--log", str(log)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["failures", "xcom-nn"], "did you mean xcom-nan"),
        (["failures", "--log", "/no/such.log"], "/no/such.log cannot be read: No such file"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_stream_without_our_signs_gets_them_in_ascii() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "migration_cockpit", "failures", "xcom-nan"],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert shown.stderr == b""
    assert "xcom-nan - The database migration fails" in shown.stdout.decode("ascii")


@pytest.mark.parametrize("content", ["junk", "[]", "contexts: 5", "a: [b", "contexts: [{name: 1}]"])
@pytest.mark.parametrize("named", [["--context", "prod"], []])
def test_a_kubeconfig_that_is_none_is_a_sentence(
    content: str, named: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(content)
    output = str(tmp_path / "config.toml")
    assert main(["init", "--kubeconfig", str(file), "-o", output, *named]) in {1, 2}
    said = capsys.readouterr().err
    assert said.startswith("migration-cockpit init: ")
    assert "kube" in said
    assert said.count("\n") == 1
    assert "Traceback" not in said
