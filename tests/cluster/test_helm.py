"""Real helm 3 and 4 on a real cluster, through the cockpit's operations, and the rehearsal's helm beside them."""

from __future__ import annotations

import asyncio
import base64
import difflib
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.actions import cluster as seen
from migration_cockpit.actions.helm import HelmUpgrade
from migration_cockpit.actions.helm_rollback import HelmRollback
from migration_cockpit.actions.operation import OperationError, Status
from migration_cockpit.actions.own_connection import PointSecret
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.stopping import ScaleToZero
from tests.actions.test_cluster_operations import Heard
from tests.conformance.worlds import World, eventually

from .releases import MOVED, WITHOUT_JOBS, Installed

HELMS = ("helm3", "helm4", "rehearsal")


async def _counts(site: Site) -> dict[str, int]:
    return {each.component: each.replicas for each in await seen.workloads(site)}


def _connection(world: World) -> str:
    secret = world.ok("GET", world.path("secrets", "airflow-metadata"))
    return base64.b64decode(secret["data"]["connection"]).decode()


@pytest.mark.parametrize("which", HELMS)
async def test_up_and_back(world: World, tmp_path: Path, which: str) -> None:
    """What the steps rest on: an upgrade undoes the scale-to-zero, a rollback brings the old Secret back, pods of
    StatefulSets stay stuck until they are deleted."""
    release = Installed(world, which, tmp_path)
    jobs = world.ok("GET", world.path("batch/v1/jobs"))["items"]
    assert jobs == [], "the migration and the user hook ran and were deleted for their success"
    async with release.site() as site:
        started = ("2.11.2", "Running")
        eventually(lambda: set(release.pods().values()) == {started} and len(release.pods()) == 4)
        before = await seen.workloads(site)
        counts = await _counts(site)
        assert counts == {"scheduler": 1, "webserver": 1, "triggerer": 1, "worker": 1}
        await ScaleToZero(site, before).run(Heard())
        assert set((await _counts(site)).values()) == {0}
        eventually(lambda: not release.pods())

        upgrade = HelmUpgrade(site)
        assert "revision 2 is deployed" in await upgrade.run(Heard())
        assert (await upgrade.observe()).status is Status.DONE
        assert await _counts(site) == dict.fromkeys(
            ("scheduler", "api-server", "dag-processor", "triggerer", "worker"), 1
        )
        assert "@new-db:" in _connection(world)
        eventually(lambda: set(release.pods().values()) == {("3.2.2", "Pending")} and len(release.pods()) == 5)
        newest = await site.live.releases.newest()
        assert newest is not None
        assert (newest.revision, newest.description, newest.chart_version) == (2, upgrade.key, "1.22.0")
        assert newest.values["airflowVersion"] == "3.2.2"
        assert newest.computed()["scheduler"]["replicas"] == 1, "the chart's own default"
        assert {hook.name for hook in newest.hooks} == set(), "both Jobs are switched off"
        manifest = {(item["kind"], item["metadata"]["name"]) for item in newest.objects()}
        assert ("Deployment", "airflow-api-server") in manifest

        rollback = HelmRollback(site, 1, after=2)
        assert "revision 3 is deployed: Rollback to 1" in await rollback.run(Heard())
        assert "@old-db:" in _connection(world)
        assert await _counts(site) == counts, "at the stored numbers, not at zero"
        stuck = ("3.2.2", "Pending")
        expected = {"scheduler": started, "webserver": started, "triggerer": stuck, "worker": stuck}
        eventually(lambda: release.pods() == expected)
        for pod in world.ok("GET", world.path("pods"))["items"]:
            if pod["metadata"]["labels"]["component"] in ("triggerer", "worker"):
                world.ok("DELETE", world.path("pods", pod["metadata"]["name"]))
        eventually(lambda: set(release.pods().values()) == {started} and len(release.pods()) == 4)
        history = [(each.revision, each.status, each.description) for each in await site.live.releases.history()]
        assert history == [
            (1, "superseded", "Install complete"),
            (2, "superseded", upgrade.key),
            (3, "deployed", "Rollback to 1"),
        ]


async def test_helm_4_runs_into_an_edited_count_and_says_who(world: World, tmp_path: Path) -> None:
    """`kubectl edit` owns replicas, `kubectl scale` does not: only the first stops a server-side apply."""
    release = Installed(world, "helm4", tmp_path, **WITHOUT_JOBS)
    where = world.path("apps/v1/deployments", "airflow-scheduler")
    world.ok("PATCH", where, {"spec": {"replicas": 0}}, patch="merge", query={"fieldManager": "kubectl-edit"})
    async with release.site() as site:
        with pytest.raises(OperationError, match=r"conflict with \"kubectl-edit\".*\.spec\.replicas"):
            await HelmUpgrade(site).run(Heard())
        newest = await site.live.releases.newest()
        assert newest is not None
        assert (newest.revision, newest.status) == (2, "failed")
        seen_now = await HelmUpgrade(site).observe()
        assert seen_now.status is Status.NOT_STARTED
        assert "revision 2 is failed" in seen_now.detail


async def test_helm_3_takes_an_edited_count_back_without_a_word(world: World, tmp_path: Path) -> None:
    release = Installed(world, "helm3", tmp_path, **WITHOUT_JOBS)
    where = world.path("apps/v1/deployments", "airflow-scheduler")
    world.ok("PATCH", where, {"spec": {"replicas": 0}}, patch="merge", query={"fieldManager": "kubectl-edit"})
    async with release.site() as site:
        await HelmUpgrade(site).run(Heard())
        assert (await _counts(site))["scheduler"] == 1


async def test_helm_4_stops_at_the_secret_that_a_way_back_changed_until_the_values_agree(
    world: World, tmp_path: Path
) -> None:
    """What is told then is what mends it: other values for an upgrade, --force-conflicts for a rollback."""
    release = Installed(world, "helm4", tmp_path, **WITHOUT_JOBS)
    async with release.site() as site:
        await PointSecret(site, ("airflow-metadata", "connection"), ("restored", 5432)).run(Heard())
        with pytest.raises(OperationError) as refused:
            await HelmUpgrade(site).run(Heard())
        assert 'conflict with "migration-cockpit" using v1: .data.connection' in str(refused.value)
        assert "Let data.metadataConnection in helm.values lead there too" in str(refused.value)
        assert "@restored:" in _connection(world)
        release.values("3.2.2", data={**MOVED, "metadataConnection": {"host": "restored"}})
        assert "revision 3 is deployed" in await HelmUpgrade(site).run(Heard())
        rollback = HelmRollback(site, 1, after=3)
        with pytest.raises(OperationError) as kept:
            await rollback.run(Heard())
        command = re.search(r"here: (\S+ rollback .* --force-conflicts), then try again", str(kept.value))
        assert command is not None, str(kept.value)
        line = [*shlex.split(command[1]), "--kubeconfig", str(tmp_path / "kubeconfig")]
        await asyncio.to_thread(subprocess.run, line, check=True, timeout=60)
        assert (await rollback.observe()).status is Status.DONE
        assert "@old-db:" in _connection(world)


async def test_helm_3_leads_a_secret_that_a_way_back_changed_to_the_old_server_again(
    world: World, tmp_path: Path
) -> None:
    release = Installed(world, "helm3", tmp_path, **WITHOUT_JOBS)
    async with release.site() as site:
        await PointSecret(site, ("airflow-metadata", "connection"), ("restored", 5432)).run(Heard())
        await HelmUpgrade(site).run(Heard())
        assert "@new-db:" in _connection(world)


def _plain(value: Any, namespace: str, path: Path) -> Any:
    """Without what differs between two runs of one helm: times, the folder, the namespace's name and sums over it."""
    text = json.dumps(value).replace(namespace, "NS").replace(str(path), "DIR")
    text = re.sub(r"\b[0-9a-f]{64}\b", "SHA256", text)
    text = re.sub(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d)( UTC)?)?", "TIME", text)
    return json.loads(re.sub(r'"\d{10}"', '"EPOCH"', text))


def _differences(where: str, ours: Any, theirs: Any) -> Iterator[str]:
    """Every place where two stories differ, texts line by line."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in {**theirs, **ours}:
            yield from _differences(f"{where}/{key}", ours.get(key, "absent"), theirs.get(key, "absent"))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(f"{where}/{index}", one, other)
    elif isinstance(ours, str) and isinstance(theirs, str) and "\n" in ours + theirs and ours != theirs:
        yield where
        yield from difflib.unified_diff(theirs.splitlines(), ours.splitlines(), "helm", "ours", n=1, lineterm="")
    elif ours != theirs:
        yield f"{where}: {ours!r:.300}, helm has {theirs!r:.300}"


async def _story(world: World, directory: Path, which: str) -> dict[str, Any]:
    """Everything that a helm leaves and answers on the way up and back."""
    release = Installed(world, which, directory)
    async with release.site() as site:
        await HelmUpgrade(site).run(Heard())
        await HelmRollback(site, 1, after=2).run(Heard())
    told: dict[str, Any] = {}
    for revision in (1, 2, 3):
        secret, record = release.record(revision)
        told[f"secret {revision}"] = {
            key: secret["metadata"].get(key) for key in ("name", "labels", "ownerReferences")
        } | {"type": secret["type"]}
        told[f"record {revision}"] = record
    for words in (
        ("history", "airflow", "-o", "json"),
        ("list", "-o", "json"),
        ("get", "values", "airflow", "-o", "json"),
        ("get", "values", "airflow", "--revision", "2", "-o", "json"),
        ("status", "airflow", "-o", "json"),
    ):
        told[" ".join(words)] = json.loads(release.ok(*words))
    told["get manifest"] = release.ok("get", "manifest", "airflow")
    told["get hooks"] = release.ok("get", "hooks", "airflow")
    for line in ("rollback airflow 9", "get values nothing", "history nothing"):
        done = release.run(*line.split())
        told[f"refusal of {line}"] = (done.returncode, done.stderr.strip().splitlines()[-1:])
    told["objects"] = {
        resource: sorted(item["metadata"]["name"] for item in world.ok("GET", world.path(resource))["items"])
        for resource in ("secrets", "configmaps", "services", "serviceaccounts", "apps/v1/deployments",
                         "apps/v1/statefulsets", "batch/v1/jobs", "policy/v1/poddisruptionbudgets")
    }  # fmt: skip
    return {key: _plain(value, world.namespace, directory) for key, value in told.items()}


async def test_the_rehearsals_helm_leaves_and_answers_what_helm_3_does(
    world: World, other: World, tmp_path: Path
) -> None:
    theirs = await _story(world, tmp_path / "helm3", "helm3")
    ours = await _story(other, tmp_path / "rehearsal", "rehearsal")
    assert list(ours) == list(theirs)
    found = list(_differences("", ours, theirs))
    assert not found, "\n".join(found)
