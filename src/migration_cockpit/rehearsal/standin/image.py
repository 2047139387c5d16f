"""Put the stand-in into the rehearsal cluster as what an Airflow image contains."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[3]


def install_image(world: Path, version: str) -> Path:
    """Create images/apache-airflow-<version>/bin/airflow in `world` and return its path.

    The wrapper needs nothing but /bin/sh: it names the interpreter and its paths itself, skips `site` and keeps
    compiled modules in the user's cache, so that a probe that starts `airflow` every few seconds costs little. Beside
    it stands a `python` that answers the worker's liveness probe and who asks for the revisions.
    """
    folder = world / "images" / f"apache-airflow-{version}" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    package = "migration_cockpit.rehearsal.standin"
    for name, module in (("airflow", f"{package} {version}"), ("python", f"{package}.image_python {version}")):
        target = folder / name
        target.write_text(_script(version, module), encoding="utf-8")
        target.chmod(0o755)
    return folder / "airflow"


def search_path() -> list[str]:
    """Where a program in the cluster finds our packages and those that they need."""
    return list(dict.fromkeys([str(_SOURCE), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]))


def _script(version: str, module: str) -> str:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "migration-cockpit" / "compiled"
    return (
        "#!/bin/sh\n"
        f"# The stand-in for Airflow {version} of a rehearsal.\n"
        "unset PYTHONDONTWRITEBYTECODE PYTHONHOME\n"
        f"export PYTHONPATH={shlex.quote(os.pathsep.join(search_path()))}\n"
        f"export PYTHONPYCACHEPREFIX={shlex.quote(str(cache))}\n"
        f'exec {shlex.quote(sys.executable)} -S -m {module} "$@"\n'
    )
