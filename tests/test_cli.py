"""The commands a person types: help with examples, clear errors, exit codes."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from migration_cockpit.cli import main
from migration_cockpit.config import STEP_IDS
from migration_cockpit.rehearsal.faults import FAULTS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("command", ["rehearse", "run", "plan", "check", "report"])
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
        ["rehearse", "--from", "2.9.3"],
        ["rehearse", "--airflow", "real", "--to", "3.0.6"],
    ],
)
def test_a_usage_error_is_one_sentence_and_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
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
    assert {fault.step for fault in FAULTS.values()} == set(STEP_IDS)


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
