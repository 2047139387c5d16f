"""Which Airflow the world runs: the stand-in that starts in no time, or Airflow itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from migration_cockpit.config import version_tuple

USER = "admin"
PASSWORD = "admin"  # noqa: S105 - the account that every seeded rehearsal database has, on loopback only


STANDIN_SOURCES = ("2.10.3", "2.11.2")
STANDIN_TARGETS = ("3.0.0", "3.2.2")
"""The oldest and the newest release that the stand-in knows on either side."""
STANDIN_UNRELEASED = "3.9.0"
"""A release that does not exist, which no cockpit knows: the stand-in plays it."""


def unsupported(kind: str, source: str, target: str) -> str:
    """Why a rehearsal cannot go from one version to the other, in a sentence; empty when it can."""
    if kind == "real":
        from migration_cockpit.rehearsal.real.environment import versions

        known = versions()
        missing = [version for version in (source, target) if version not in known]
        return f"Airflow {missing[0]} cannot be rehearsed for real: there are {', '.join(known)}" if missing else ""
    for name, version, (oldest, newest) in (
        ("--from", source, STANDIN_SOURCES),
        ("--to", target, STANDIN_TARGETS),
    ):
        try:
            known_here = version_tuple(oldest) <= version_tuple(version) <= version_tuple(newest)
        except ValueError as error:
            return f"{name}: {error}"
        if not known_here and (name, version) != ("--to", STANDIN_UNRELEASED):
            return f"{name} {version}: the stand-in knows {oldest} to {newest}"
    return ""


async def images(
    kind: str, directory: Path, versions: Sequence[str], *, fast: bool, stage: Callable[[str], None]
) -> None:
    """Give the cluster an image of each version. The real one is installed on first use, which takes minutes."""
    if kind == "standin":
        from migration_cockpit.rehearsal.standin.image import install_image as install_standin

        for version in versions:
            await asyncio.to_thread(install_standin, directory, version)
        return
    from migration_cockpit.rehearsal.real.environment import ensure
    from migration_cockpit.rehearsal.real.image import install_image

    for version in versions:
        await asyncio.to_thread(ensure, version, stage)
        await asyncio.to_thread(install_image, directory, version, fast=fast)


async def fill(
    kind: str,
    dsn: str,
    folder: Path,
    version: str,
    *,
    dags: int,
    task_instances: int,
    directory: Path,
    stage: Callable[[str], None],
) -> None:
    """Write the DAG files and make the metadata database of the source version."""
    from migration_cockpit.rehearsal.seed import seed, write_dags

    await asyncio.to_thread(write_dags, folder, dags)
    if kind == "standin":
        await asyncio.to_thread(
            seed, dsn, version=version, dags=dags, task_instances=task_instances, folder=str(folder)
        )
        return
    from migration_cockpit.rehearsal.real.database import prepare

    await prepare(
        dsn, version, folder=folder, dags=dags, task_instances=task_instances, work=directory, on_progress=stage
    )
