"""Cached environments of real Airflow, installed once from hash-locked requirements.

An environment is `$XDG_CACHE_HOME/migration-cockpit/airflow-<version>-<lock hash>/` and is complete when its
marker file says so. It is built in place, because a virtual environment's scripts carry absolute interpreter
paths and do not survive a rename: a build that was interrupted has no marker and is thrown away by the next one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REQUIREMENTS: Final = Path(__file__).with_name("requirements")
MARKER: Final = ".complete"
# What each release's own metadata accepts, cut to what the locks were resolved for (3.11 and newer).
PYTHONS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "2": ((3, 11), (3, 12)),
    "3": ((3, 11), (3, 12), (3, 13)),
}
_UNREACHABLE: Final = (
    "error sending request",
    "failed to fetch",
    "dns error",
    "name resolution",
    "connection refused",
    "network is unreachable",
    "newconnectionerror",
    "timed out",
    "proxyerror",
    "no route to host",
    "could not connect",
    "nodename nor servname",
    "(from versions: none)",  # pip says no more than this about an index that does not answer
)


class EnvironmentInstallError(RuntimeError):
    """An environment could not be made; the message says what to do, for a person."""


def versions() -> list[str]:
    """The Airflow versions that have a lock file, of this program or resolved on this machine."""
    places = (REQUIREMENTS, resolved_locks())
    return sorted({path.stem.removeprefix("airflow-") for place in places for path in place.glob("airflow-*.txt")})


def resolved_locks() -> Path:
    """Where locks lie that were resolved on this machine, for versions that this program brings none for."""
    return cache_directory() / "locks"


def lock_file(version: str) -> Path:
    """The hash-locked requirements of a version.

    Raises:
        EnvironmentInstallError: there is no lock for this version.
    """
    name = f"airflow-{version}.txt"
    path = REQUIREMENTS / name
    if not path.is_file():
        path = resolved_locks() / name
    if not path.is_file():
        known = ", ".join(versions())
        raise EnvironmentInstallError(f"real Airflow {version} cannot be rehearsed: there are locks for {known}")
    return path


def lock_hash(version: str) -> str:
    """Twelve hex digits over the locked packages and hashes; comments do not count."""
    lines = (line.split("#", 1)[0].rstrip() for line in lock_file(version).read_text("utf-8").splitlines())
    return hashlib.sha256("\n".join(line for line in lines if line).encode()).hexdigest()[:12]


def cache_directory() -> Path:
    """Where environments and prepared databases are kept between rehearsals."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "migration-cockpit"


def environment_path(version: str) -> Path:
    """Where the environment of this version and this lock lives, installed or not."""
    return cache_directory() / f"airflow-{version}-{lock_hash(version)}"


def is_installed(version: str) -> bool:
    """Whether `ensure` will return at once and without the network."""
    path = environment_path(version)
    # The interpreter behind the symlink can disappear with a system upgrade: then the build is worth nothing.
    return (path / MARKER).is_file() and (path / "bin" / "python").exists()


def ensure(version: str, on_progress: Callable[[str], None] = lambda _line: None) -> Path:
    """Return the environment of an Airflow version, installing it first when it is not cached.

    Blocks for as long as the installation takes (a minute or two, about 200 MB); call it in a thread from
    asyncio. Two processes that want the same environment install it once. A cached one needs no network.

    Args:
        version: an exact version that has a lock, such as `3.2.2`.
        on_progress: gets one line of text at a time, from the calling thread.

    Raises:
        EnvironmentInstallError: no lock, no fitting Python, no index, or the installer failed.
    """
    path = environment_path(version)
    if is_installed(version):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _installer_lock(path.with_name(path.name + ".lock"), version, on_progress):
        if not is_installed(version):
            if path.exists():
                shutil.rmtree(path)
            _build(path, version, on_progress)
    return path


@contextmanager
def _installer_lock(path: Path, version: str, on_progress: Callable[[str], None]) -> Iterator[None]:
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_progress(f"another process is installing Airflow {version}: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(path: Path, version: str, on_progress: Callable[[str], None]) -> None:
    # `uv run` names itself in UV: it need not be on the PATH.
    uv = shutil.which("uv") or shutil.which(os.environ.get("UV", ""))
    python = _interpreter(version, uv)
    on_progress(f"installing Airflow {version} into {path} (first use; about 200 MB, a minute or two)")
    # Compiled here, because a first import of Airflow costs several seconds of compiling in every process.
    lock = str(lock_file(version))
    inside = str(path / "bin" / "python")
    if uv:
        install = [uv, "pip", "install", "--python", inside, "--compile-bytecode"]
        steps = [[uv, "venv", "--python", python, str(path)]]
    else:
        install = [inside, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "off", "--compile"]
        steps = [[python, "-m", "venv", str(path)]]
    steps.append([*install, "--no-deps", "--require-hashes", "-r", lock])
    for step in steps:
        _run(step, path, version, on_progress)
    marker = {"version": version, "lock": lock_hash(version), "installer": "uv" if uv else "pip"}
    (path / MARKER).write_text(json.dumps(marker) + "\n", "utf-8")
    on_progress(f"Airflow {version} is installed")


def _run(step: Sequence[str], path: Path, version: str, on_progress: Callable[[str], None]) -> None:
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV"}
    }
    process = subprocess.Popen(
        step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, env=env
    )
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for raw in process.stdout:
            if line := raw.strip():
                lines.append(line)
                on_progress(line)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.wait() != 0:
        raise EnvironmentInstallError(_explain(lines, path, version))


def _explain(lines: list[str], path: Path, version: str) -> str:
    tail = " / ".join(lines[-3:]) or "the installer said nothing"
    if any(sign in line.lower() for line in lines for sign in _UNREACHABLE):
        return (
            f"Airflow {version} is not in the cache ({path}) and the Python package index cannot be reached: {tail}. "
            "Give this machine an index (UV_DEFAULT_INDEX or PIP_INDEX_URL name a mirror), "
            "or rehearse with the stand-in (--airflow standin), which needs none"
        )
    return f"Airflow {version} could not be installed into {path}: {tail}"


def _interpreter(version: str, uv: str | None) -> str:
    accepted = PYTHONS[version.partition(".")[0]]
    if sys.version_info[:2] in accepted:
        return sys.executable
    for major, minor in accepted:
        if found := shutil.which(f"python{major}.{minor}"):
            return found
    names = [f"{major}.{minor}" for major, minor in accepted]
    if uv:
        return names[-1]  # uv finds an installed one elsewhere, or fetches one
    raise EnvironmentInstallError(
        f"Airflow {version} runs on Python {', '.join(names)}, and none of them is on PATH "
        f"(this one is {sys.version_info[0]}.{sys.version_info[1]}): install one, or uv"
    )
