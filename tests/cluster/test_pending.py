"""A helm that is killed in mid-upgrade, and one that runs twice: real helm 3 and 4, and the rehearsal's beside them."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions import cluster as seen
from migration_cockpit.actions.helm import HelmUpgrade
from migration_cockpit.actions.helm_rollback import ForgetRevision, HelmRollback
from migration_cockpit.actions.operation import OperationError, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.playbook.rollback.stages.manifests import left_over
from migration_cockpit.session.clock import SystemClock, until
from tests.actions.test_cluster_operations import Heard
from tests.conformance.worlds import World
from tests.pace import PATIENCE
from tests.rehearsal.helm.conftest import CHARTS

from .releases import WITHOUT_JOBS, Installed
from .test_helm import HELMS

LONG = pytest.mark.matrix
"""Flown by `make test-cluster` alone: in what lands before every change one helm stands for all."""

HOOK = """
apiVersion: batch/v1
kind: Job
metadata: {{name: held, annotations: {{helm.sh/hook: {event}}}}}
spec:
  suspend: {suspend}
  template: {{spec: {{restartPolicy: Never, containers: [{{name: main, image: "busybox:1"}}]}}}}
"""
RECORD = "sh.helm.release.v1.airflow.v2"


def _one_of(helms: Sequence[str], quick: str) -> list[Any]:
    return [each if each == quick else pytest.param(each, marks=LONG) for each in helms]


def _charts(directory: Path, event: str, *, held: bool = True) -> tuple[Path, Path]:
    """The charts, the newer one with a hook that helm waits for, `held` for ever; and that hook's file."""
    charts = directory / "charts"
    for name in ("airflow-1.20.0", "airflow-1.22.0"):
        shutil.copytree(CHARTS / name, charts / name)
    hook = charts / "airflow-1.22.0" / "templates" / "held.yaml"
    hook.write_text(HOOK.format(event=event, suspend=str(held).lower()), encoding="utf-8")
    return charts, hook


async def _at_work(site: Site) -> int:
    """Wait until helm waits for the hook; its process, as the operation finds it."""
    upgrade = HelmUpgrade(site)

    async def waits() -> bool:
        return await site.live.kube.find("jobs", "held") is not None

    assert await until(SystemClock(), waits, timeout=PATIENCE, every=0.05)
    found = re.fullmatch(
        r"revision 2 is pending-upgrade: helm is at work, process (\d+) of this machine",
        (await upgrade.observe()).detail,
    )
    assert found is not None, (await upgrade.observe()).detail
    return int(found[1])


async def _kill(site: Site, flying: asyncio.Task[str]) -> str:
    """What the upgrade says when its helm is killed as it waits for the hook."""
    os.kill(await _at_work(site), signal.SIGKILL)
    with pytest.raises(OperationError) as failed:
        await asyncio.wait_for(flying, 30)
    return str(failed.value)


@pytest.mark.parametrize("which", _one_of(HELMS, "helm4"))
async def test_a_killed_helm_is_told_from_one_at_work_and_its_mend_lets_the_upgrade_go_on(
    world: World, tmp_path: Path, which: str
) -> None:
    charts, hook = _charts(tmp_path, "pre-upgrade")
    release = Installed(world, which, tmp_path, charts=charts, **WITHOUT_JOBS)
    async with release.site() as site:
        upgrade, heard = HelmUpgrade(site), Heard()
        words = await _kill(site, asyncio.create_task(upgrade.run(heard)))
        mend = site.kubectl("delete secret", RECORD)
        assert (
            f"revision 2 is pending-upgrade: another helm is at work, or was killed. When no helm runs: {mend}" in words
        )
        found = await upgrade.observe()
        assert (found.status, found.detail) == (
            Status.RUNNING,
            f"no helm of this session is at work on this machine; {words}",
        )
        hook.unlink()
        again = asyncio.create_task(upgrade.run(heard))

        async def told() -> bool:
            return any("no helm of this session is at work" in each for each in heard.told)

        assert await until(SystemClock(), told, timeout=PATIENCE, every=0.05)
        world.ok("DELETE", world.path("secrets", RECORD))
        assert await asyncio.wait_for(again, 60) == "revision 2 is deployed, chart 1.22.0"
        assert (await upgrade.observe()).status is Status.DONE


@pytest.mark.parametrize("which", _one_of(HELMS, "helm3"))
async def test_the_way_back_after_a_helm_that_was_killed_when_it_had_changed_everything(
    world: World, tmp_path: Path, which: str
) -> None:
    charts, _ = _charts(tmp_path, "post-upgrade")
    release = Installed(world, which, tmp_path, charts=charts, **WITHOUT_JOBS)
    async with release.site() as site:
        before = {each.name: each for each in await seen.workloads(site)}
        await _kill(site, asyncio.create_task(HelmUpgrade(site).run(Heard())))
        newest = await site.live.releases.newest()
        assert newest is not None
        assert "revision 2 is forgotten" in await ForgetRevision(site, newest, recorded=1).run(Heard())
        rollback = HelmRollback(site, 1, after=1)
        assert await rollback.run(Heard()) == "revision 2 is deployed: Rollback to 1"
        now = {each.name: each for each in await seen.workloads(site)}
        assert {name: now[name].image for name in before} == {name: each.image for name, each in before.items()}
        more = left_over(site, [each for name, each in sorted(now.items()) if name not in before])
        assert site.kubectl("delete deployment/airflow-api-server deployment/airflow-dag-processor") in more


@pytest.mark.parametrize("which", _one_of(HELMS, "helm3"))
async def test_two_helms_of_one_upgrade_make_one_revision(world: World, tmp_path: Path, which: str) -> None:
    """A cockpit that was killed before its helm had written a revision leaves one at work that the next cannot see."""
    charts, _ = _charts(tmp_path, "pre-upgrade", held=False)
    release = Installed(world, which, tmp_path, charts=charts, **WITHOUT_JOBS)
    async with release.site() as one, release.site() as two:
        told = await asyncio.gather(*(HelmUpgrade(site).run(Heard()) for site in (one, two)))
        assert told == ["revision 2 is deployed, chart 1.22.0"] * 2
        history = [(each.revision, each.status) for each in await one.live.releases.history()]
        assert history == [(1, "superseded"), (2, "deployed")]


@LONG
async def test_the_way_back_waits_for_a_helm_that_outlived_its_cockpit(world: World, tmp_path: Path) -> None:
    charts, _ = _charts(tmp_path, "pre-upgrade")
    release = Installed(world, "helm4", tmp_path, charts=charts, **WITHOUT_JOBS)
    async with release.site() as site:
        flying = asyncio.create_task(HelmUpgrade(site).run(Heard()))
        await _at_work(site)
        newest = await site.live.releases.newest()
        heard = Heard()
        forgets = asyncio.create_task(ForgetRevision(site, newest, recorded=1).run(heard))

        async def told() -> bool:
            return any("waits for helm, which is at work on the upgrade" in each for each in heard.told)

        assert await until(SystemClock(), told, timeout=PATIENCE, every=0.05)
        world.ok("PATCH", world.path("batch/v1/jobs", "held"), {"spec": {"suspend": False}}, patch="merge")
        assert await asyncio.wait_for(forgets, 60) == "revision 2 ended by itself: deployed"
        assert "revision 2 is deployed" in await flying
