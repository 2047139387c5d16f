"""Installing from a lock: what happens without an index, with a wrong hash, half way, and twice at the same time.

The lock of these tests holds one small package instead of Airflow's hundred and fifty; the index is the machine's own.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from migration_cockpit.rehearsal.real import environment

VERSION = "3.0.0"
GOOD = (
    "six==1.17.0 \\\n"
    "    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274 \\\n"
    "    --hash=sha256:ff70335d468e7eb6ec65b95b99d3a2836546063f63acc5171de367e834932a81\n"
)

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty cache and a lock of one package; with and without uv on PATH."""
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path / "requirements")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_lock(tmp_path, GOOD)
    name = str(request.param)
    if name == "pip":
        monkeypatch.delenv("UV", raising=False)
        found = shutil.which
        monkeypatch.setattr(shutil, "which", lambda program, *more: None if program == "uv" else found(program, *more))
    elif shutil.which("uv") is None and "UV" not in os.environ:
        pytest.fail("these tests run under uv: start them by `uv run`")
    return name


def write_lock(tmp_path: Path, text: str) -> None:
    """Write the lock of VERSION."""
    folder = tmp_path / "requirements"
    folder.mkdir(exist_ok=True)
    (folder / f"airflow-{VERSION}.txt").write_text(text, "utf-8")


def cut_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point both installers at an index that nobody serves, with caches that hold nothing."""
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    for name in ("UV_FIND_LINKS", "PIP_FIND_LINKS", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)


def installed(path: Path) -> bool:
    """Whether the locked package is in an environment."""
    return any(path.glob("lib/python*/site-packages/six.py"))


def test_first_use_installs_and_the_second_needs_nothing(
    installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    path = environment.ensure(VERSION, told.append)
    assert installed(path)
    assert path == environment.environment_path(VERSION)
    assert told[0].startswith(f"installing Airflow {VERSION}")
    cut_off(monkeypatch, tmp_path)
    told.clear()
    assert environment.ensure(VERSION, told.append) == path
    assert told == []


def test_no_index_is_one_clear_sentence(installer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off(monkeypatch, tmp_path)
    with pytest.raises(environment.EnvironmentInstallError, match="index cannot be reached") as caught:
        environment.ensure(VERSION)
    assert "--airflow standin" in str(caught.value)
    assert not environment.is_installed(VERSION)


def test_a_wrong_hash_installs_nothing(installer: str, tmp_path: Path) -> None:
    write_lock(tmp_path, f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(environment.EnvironmentInstallError, match="could not be installed") as caught:
        environment.ensure(VERSION)
    assert "hash" in str(caught.value).lower()
    assert not environment.is_installed(VERSION)
    assert not installed(environment.environment_path(VERSION))


def test_an_interrupted_installation_is_done_again(installer: str, tmp_path: Path) -> None:
    path = environment.environment_path(VERSION)
    (path / "lib").mkdir(parents=True)
    (path / "lib" / "half").touch()
    assert not environment.is_installed(VERSION)
    environment.ensure(VERSION)
    assert environment.is_installed(VERSION)
    assert not (path / "lib" / "half").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(installer: str, tmp_path: Path) -> None:
    path = environment.ensure(VERSION)
    (path / "bin" / "python").unlink()
    assert not environment.is_installed(VERSION)
    environment.ensure(VERSION)
    assert (path / "bin" / "python").exists()


async def test_two_processes_install_once(installer: str, tmp_path: Path) -> None:
    code = (
        "import sys, shutil\n"
        "from pathlib import Path\n"
        "from migration_cockpit.rehearsal.real import environment\n"
        f"environment.REQUIREMENTS = Path({str(tmp_path / 'requirements')!r})\n"
        "found = shutil.which\n"
        f"if {installer!r} == 'pip': shutil.which = lambda name, *more: None if name == 'uv' else found(name, *more)\n"
        f"environment.ensure({VERSION!r}, lambda line: print(line, flush=True))\n"
    )
    both = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [(await process.communicate())[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(f"installing Airflow {VERSION} into" in output for output in outputs) == 1
    assert installed(environment.environment_path(VERSION))
