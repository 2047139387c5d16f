"""Which Airflow the world runs: the stand-in that starts in no time, or Airflow itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

USER = "admin"
PASSWORD = "admin"  # noqa: S105 - the account that every seeded rehearsal database has, on loopback only


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
