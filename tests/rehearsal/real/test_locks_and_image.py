"""What the locks may hold, and what the image's wrapper does with a container's environment (no Airflow needed)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from migration_cockpit.rehearsal.real import environment, image
from migration_cockpit.rehearsal.real.environment import EnvironmentInstallError

VERSIONS = ("2.11.2", "3.2.2")


def test_there_is_a_lock_for_the_default_flight() -> None:
    assert set(VERSIONS) <= set(environment.versions())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_locked_package_has_an_exact_version_and_a_hash_and_no_host(version: str) -> None:
    text = environment.lock_file(version).read_text("utf-8")
    entries = re.sub(r"#.*", "", text).replace("\\\n", " ").strip().splitlines()
    entries = [entry for entry in entries if entry.strip()]
    assert len(entries) > 100
    assert [entry for entry in entries if not re.match(r"[a-z0-9.-]+==\S+ ", entry)] == []
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "--index" not in text
    assert f"apache-airflow=={version} " in text


def test_the_cache_is_keyed_by_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path)
    lock = tmp_path / "airflow-9.9.9.txt"
    lock.write_text("# made by somebody\nsix==1.0 --hash=sha256:00  # via airflow\n", "utf-8")
    first = environment.lock_hash("9.9.9")
    lock.write_text("# made by somebody else\n\nsix==1.0 --hash=sha256:00\n", "utf-8")
    assert environment.lock_hash("9.9.9") == first
    lock.write_text("six==1.0 --hash=sha256:01\n", "utf-8")
    assert environment.lock_hash("9.9.9") != first


def test_a_version_without_a_lock_is_refused_by_name() -> None:
    with pytest.raises(EnvironmentInstallError, match=r"real Airflow 2\.9\.0 cannot be rehearsed.*2\.11\.2"):
        environment.ensure("2.9.0")


def test_an_image_needs_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(EnvironmentInstallError, match="is not installed"):
        image.install_image(tmp_path, "3.2.2")


@pytest.fixture(params=VERSIONS)
def installed(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An environment whose `airflow` prints its arguments and then its variables."""
    version = str(request.param)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs = environment.environment_path(version) / "bin"
    programs.mkdir(parents=True)
    for name in ("airflow", "python"):
        program = programs / name
        program.write_text('#!/bin/sh\necho "$*"\nenv\n', "utf-8")
        program.chmod(0o755)
    (programs.parent / environment.MARKER).touch()
    return version


def call(directory: Path, *arguments: str, **variables: str) -> tuple[str, dict[str, str]]:
    """Run the wrapper as the kubelet does; returns the arguments and the environment that Airflow got."""
    done = subprocess.run(
        [str(directory / "bin" / "airflow"), *arguments],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    first, *rest = done.stdout.splitlines()
    return first, dict(line.split("=", 1) for line in rest if "=" in line)


def test_the_wrapper_gives_defaults_and_the_pod_wins(installed: str, tmp_path: Path) -> None:
    directory = image.install_image(tmp_path / "world", installed)
    assert directory == tmp_path / "world" / "images" / f"apache-airflow-{installed}"
    _, found = call(directory, "version")
    assert found["AIRFLOW__CORE__PARALLELISM"] == "4"
    assert found["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    _, found = call(directory, "version", AIRFLOW__CORE__PARALLELISM="16")
    assert found["AIRFLOW__CORE__PARALLELISM"] == "16"


def test_servers_take_the_kubelets_port_and_only_they(installed: str, tmp_path: Path) -> None:
    directory = image.install_image(tmp_path / "world", installed)
    server, host = ("webserver", "--hostname") if installed.startswith("2.") else ("api-server", "--host")
    assert call(directory, server, PORT="4711")[0] == f"{server} --port 4711 {host} 127.0.0.1"
    assert call(directory, server)[0] == server
    assert call(directory, "db", "migrate", PORT="4711")[0] == "db migrate"
    assert call(directory, "scheduler", PORT="4711")[0] == "scheduler --skip-serve-logs"


def test_each_pod_has_a_home_and_all_share_the_logs(installed: str, tmp_path: Path) -> None:
    directory = image.install_image(tmp_path / "a world", installed)
    world = str(tmp_path / "a world")
    _, found = call(directory, "version", REHEARSAL_DIR=world, POD_NAME="scheduler-0")
    assert Path(found["AIRFLOW_HOME"]).is_dir()
    assert "scheduler-0" in found["AIRFLOW_HOME"]
    assert found["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] == f"{world}/airflow-logs"
    _, found = call(directory, "version", REHEARSAL_DIR=world, AIRFLOW_HOME=f"{world}/mine")
    assert found["AIRFLOW_HOME"] == f"{world}/mine"


def test_only_a_fast_rehearsal_has_short_heartbeats() -> None:
    for version in VERSIONS:
        slow, fast = (image.image_environment(version, fast=flag) for flag in (False, True))
        assert "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC" not in slow
        assert fast["AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC"] == "1"
        assert slow.items() <= fast.items()
