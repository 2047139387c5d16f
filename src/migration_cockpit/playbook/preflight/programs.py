"""The programs that a flight starts on this machine, and the room that a dump takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from migration_cockpit.actions import database
from migration_cockpit.connections.errors import one_line
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place

AREA = "Programs"
OLDEST_HELM = (3, 19, 0)
"""Chart 1.22 takes Helm 3.19 and later (its release notes); older charts take older ones."""
SECONDS = 15.0


async def helm(place: Place) -> list[Finding]:
    """The binary that will be run, with its version."""
    binary, chart = place.settings.helm.binary, place.settings.helm.chart_version
    path = shutil.which(binary)
    if path is None:
        return [Finding(AREA, "helm", False, f"{binary} is not to be found", "install helm, or set helm.binary")]
    code, out, err = await in_thread(_run, path, "version", "--short")
    seen = re.search(r"v(\d+)\.(\d+)\.(\d+)", out)
    if code or not seen:
        text = one_line(Exception(err or out))[:200]
        return [Finding(AREA, "helm", False, f"{path}: {text}", "is helm.binary a helm?")]
    ok = tuple(int(part) for part in seen.groups()) >= OLDEST_HELM
    mend = f"chart {chart} may want {'.'.join(map(str, OLDEST_HELM))} or later"
    return [Finding(AREA, "helm", ok, f"{out.strip()} ({path})", "" if ok else mend)]


async def dump(place: Place) -> list[Finding]:
    """pg_dump and pg_restore at least as new as the server, and room for the dump where sessions are kept."""
    settings = place.settings.dump
    if not settings.enabled:
        return [Finding(AREA, "pg_dump", True, "no dump is configured")]
    server = int((await database.rows(place.database, "select current_setting('server_version_num')"))[0][0]) // 10000
    found = [await in_thread(_version, name, getattr(settings, name), server) for name in ("pg_dump", "pg_restore")]
    size = await database.size(place.database)
    where = await in_thread(_existing, place.sessions)
    free = shutil.disk_usage(where).free
    text = f"{free / 1e9:.1f} GB free at {where}, database {size / 1e9:.1f} GB"
    # A dump is compressed and smaller than the database; how much, only the dump itself would tell.
    mend = "free as much as the database has, or choose another place with --session"
    return [*found, Finding(AREA, "disk for the dump", free > size, text, "" if free > size else mend)]


def _version(name: str, binary: str, server: int) -> Finding:
    path = shutil.which(binary)
    if path is None:
        return Finding(AREA, name, False, f"{binary} is not to be found", f"install it, or set dump.{name}")
    code, out, err = _run(path, "--version")
    seen = re.search(r"(\d+)", out)
    if code or not seen:
        return Finding(AREA, name, False, f"{path}: {one_line(Exception(err or out))[:200]}", f"set dump.{name}")
    ok = int(seen[1]) >= server
    return Finding(AREA, name, ok, f"{out.strip()}, server {server}", "" if ok else f"install {name} {server} or later")


def _existing(path: Path) -> Path:
    """The nearest directory above that exists already: it is on the same disk."""
    return next(parent for parent in (path, *path.parents) if parent.is_dir())


def _run(*words: str) -> tuple[int, str, str]:
    try:
        ran = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, "", type(error).__name__ if isinstance(error, subprocess.TimeoutExpired) else str(error.strerror)
    return ran.returncode, ran.stdout, ran.stderr
