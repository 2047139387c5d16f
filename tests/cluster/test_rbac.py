"""The Roles of the documentation on a real server: enough for a flight, no more than it uses, and each right missed.

What is used comes from the server's own audit log of a flight with helm 3 and one with helm 4.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from migration_cockpit.actions import cluster as seen
from migration_cockpit.actions.helm import HelmUpgrade
from migration_cockpit.actions.helm_rollback import ForgetRevision, HelmRollback
from migration_cockpit.actions.job_source import build
from migration_cockpit.actions.migration_job import MigrationJob
from migration_cockpit.actions.own_connection import PointSecret
from migration_cockpit.actions.rollback_jobs import EndJob
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.stopping import (
    PauseAutoscalers,
    RestoreAutoscalers,
    RestoreReplicas,
    ResumeCronJobs,
    ScaleToZero,
    SuspendCronJobs,
    delete_stuck_pods,
)
from migration_cockpit.connections.kube_lease import KubeLease
from migration_cockpit.connections.port_forward import PortForward
from migration_cockpit.connections.resources import Resource
from migration_cockpit.playbook.preflight import permissions
from migration_cockpit.playbook.preflight import rulers as others
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.session.clock import SystemClock, until
from migration_cockpit.session.lease import Lease
from tests.actions.test_cluster_operations import Heard
from tests.conformance.worlds import World
from tests.pace import PATIENCE
from tests.rehearsal.helm.conftest import CHARTS

from . import everything
from .real import RealCluster
from .releases import WITHOUT_JOBS, Installed
from .rights import (
    COCKPIT,
    ELSEWHERE,
    GROUP,
    HELM,
    Right,
    applied,
    audited,
    fly_as_cockpit,
    given,
    rulers,
    without_each,
)

Obj = dict[str, Any]
FORWARD = {"port_forward": "svc/airflow-webserver:8080"}
DIRECT = {"direct_dsn": {"value": "postgresql://migrator:secret@new-db/airflow"}}
AUTOSCALED = {
    "webserver": {"hpa": {"enabled": True}},
    "databaseCleanup": {"enabled": True},
    "workers": {"keda": {"enabled": True}},
    "postgresql": {"enabled": False},
}
STARTED = ("2.11.2", "Running")


def _charts(directory: Path) -> Path:
    """Both charts, with an object of every kind."""
    charts = directory / "charts"
    for name in ("airflow-1.20.0", "airflow-1.22.0"):
        everything.chart(CHARTS / name, charts)
    return charts


@asynccontextmanager
async def _watched(site: Site) -> AsyncIterator[None]:
    """The cockpit's sources at work on pods, workloads and events."""

    async def follow(resource: str) -> None:
        async with aclosing(site.live.kube.watch(resource)) as changes:
            async for _ in changes:
                pass

    tasks = [asyncio.create_task(follow(each)) for each in ("pods", "deployments", "statefulsets", "events")]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _all(world: World, wanted: tuple[str, str]) -> bool:
    pods = world.ok("GET", world.path("pods"))["items"]
    found = {(each["spec"]["containers"][0]["image"].rpartition(":")[2], each["status"]["phase"]) for each in pods}
    return found == {wanted}


async def _prepare(world: World, site: Site, directory: Path) -> None:
    """What happens before the first step: check, the driver's lease, the way to a database behind the cluster."""
    kube = site.live.kube
    findings = await permissions.look(Place(site.settings, site.live, directory))
    assert [each.mend for each in findings if not each.ok] == []
    lease = KubeLease(lambda: kube, "airflow")
    await lease.write(await lease.write(Lease(holder=None, offered="", version="")))
    assert await lease.read() is not None
    assert await until(SystemClock(), lambda: _all(world, STARTED), timeout=PATIENCE, every=0.05)
    forward = PortForward(kube.api, world.namespace, FORWARD["port_forward"])
    assert isinstance(world.backend, RealCluster)
    with socket.create_server(("127.0.0.1", world.backend.forwarded)) as listener:
        await asyncio.to_thread(forward.start)
        with socket.create_connection(forward.start(), 10) as mine:
            mine.sendall(b"x")
            await asyncio.to_thread(lambda: listener.accept()[0].close())
    forward.close()


async def _fly(world: World, site: Site, release: Installed) -> None:
    """Everything that the cockpit does in a cluster, one after the other: there, back, and what only some need."""
    kube, heard = site.live.kube, Heard()
    scalers, jobs = await seen.autoscalers(site), await seen.database_cronjobs(site)
    assert {each.resource for each in scalers} == {"scaledobjects", "horizontalpodautoscalers"}
    assert jobs
    before = await seen.workloads(site)
    await PauseAutoscalers(site, scalers).run(heard)
    await SuspendCronJobs(site, jobs).run(heard)
    await ScaleToZero(site, before).run(heard)
    await HelmUpgrade(site).run(heard)
    manifest, dsn = await build(site, "migrate")
    assert "ended with 0" in await MigrationJob(site, "migrate", manifest=manifest, dsn=dsn).run(heard)
    await EndJob(site, "migrate").run(heard)
    await HelmRollback(site, 1, after=2).run(heard)
    await PointSecret(site, ("airflow-metadata", "connection"), ("restored", 5432)).run(heard)
    stuck = [pod.name for pod in await seen.pods(site) if pod.version == "3.2.2"]
    await delete_stuck_pods(site, stuck).run(heard)
    await RestoreAutoscalers(site, scalers).run(heard)
    await ResumeCronJobs(site, jobs).run(heard)
    await RestoreReplicas(site, before).run(heard)
    assert await until(SystemClock(), lambda: _all(world, STARTED), timeout=PATIENCE, every=0.05)
    pod = next(pod for pod in await seen.pods(site) if pod.component == "scheduler")
    assert (await kube.exec(pod.name, ["true"], container="scheduler")).code == 0
    about = {"apiVersion": "v1", "kind": "Namespace", "name": world.namespace, "namespace": world.namespace}
    await kube.create("events", {"metadata": {"name": "head"}, "involvedObject": about, "reason": "Head"})
    release.mark(3, "pending-upgrade")
    newest = await site.live.releases.newest()
    assert await ForgetRevision(site, newest, recorded=1).run(heard) == "revision 3 is forgotten"


async def test_the_roles_give_what_a_flight_uses_and_nothing_else(world: World, other: World, tmp_path: Path) -> None:
    everything.install_custom_resources(world)
    charts, used = _charts(tmp_path), {COCKPIT: set[Right](), HELM: set[Right]()}
    for here, which in ((world, "helm3"), (other, "helm4")):
        release = Installed(here, which, tmp_path / which, charts=charts, **AUTOSCALED, **WITHOUT_JOBS)
        with applied(here) as roles:
            fly_as_cockpit(here, release)
            verbs = ["get", "create", "patch", "delete"]
            here.grant("cockpit", [{"apiGroups": [""], "resources": ["limitranges", "resourcequotas"], "verbs": verbs}])
            async with release.site(postgres={**FORWARD, **DIRECT}) as site, _watched(site):
                await _prepare(here, site, release.directory)
                await _fly(here, site, release)
        for name, agent in ((COCKPIT, "cockpit"), (HELM, "helm")):
            got, denied = audited(here, agent)
            assert denied - {("get", "", "namespaces")} == set(), "helm 3 looks at the namespace, and goes on without"
            used[name] |= got
    used[HELM] = {each for each in used[HELM] if each[2] not in ("limitranges", "resourcequotas", "namespaces")}
    for name, rights in used.items():
        assert sorted(rights - given(roles[name])) == [], f"{name}: used, not given"
        assert sorted(given(roles[name]) - rights - set(ELSEWHERE)) == [], f"{name}: given, never used"
    assert set(ELSEWHERE) <= given(*roles.values())


@asynccontextmanager
async def _place(release: Installed) -> AsyncIterator[Place]:
    async with release.site(postgres=FORWARD) as site:
        yield Place(site.settings, site.live, release.directory)


async def _mends(place: Place) -> set[str]:
    return {each.mend for each in await permissions.look(place) if not each.ok}


async def _named(place: Place, world: World, role: Obj, kept: frozenset[Right] = frozenset()) -> dict[Right, set[str]]:
    """What `check` says more for each right that is taken out of a Role; what is `kept` another Role gives too."""
    before, said = await _mends(place), {}
    kube, where = place.connections.kube, world.path(f"{GROUP}/roles", role["metadata"]["name"])
    for right, less in without_each(role):
        if right in kept:
            continue
        world.ok("PUT", where, less)
        verb, group, resource = right
        plural, _, sub = resource.partition("/")

        async def gone(verb: str = verb, plural: str = plural, group: str = group, sub: str = sub) -> bool:
            return not await kube.can(verb, Resource(plural, group), subresource=sub)

        assert await until(SystemClock(), gone, timeout=PATIENCE, every=0.01), right
        said[right] = await _mends(place) - before
    return said


def _sentence(world: World, right: Right, whose: str) -> str:
    verb, group, resource = right
    name = f"{resource}.{group}" if group else resource
    return f"add {verb} on {name} in namespace {world.namespace} to {whose}'s Role"


async def test_check_names_exactly_the_right_of_the_cockpits_role_that_is_gone(world: World, tmp_path: Path) -> None:
    everything.install_custom_resources(world)
    release = Installed(world, "helm3", tmp_path, **WITHOUT_JOBS)
    with applied(world) as roles:
        fly_as_cockpit(world, release)
        # Helm's Role has rights that the cockpit's own has too: only the cockpit's own is looked at here.
        world.ok("DELETE", world.path(f"{GROUP}/rolebindings", HELM))
        async with _place(release) as place:
            said = await _named(place, world, roles[COCKPIT])
    assert len(said) > 35
    # Without list on secrets the release cannot be read: nobody knows then what helm will need.
    assert {right: mends for right, mends in said.items() if mends != {_sentence(world, right, "cockpit")}} == {}


async def test_check_names_exactly_the_right_of_helms_role_that_is_gone(world: World, tmp_path: Path) -> None:
    everything.install_custom_resources(world)
    release = Installed(world, "helm3", tmp_path, charts=_charts(tmp_path), **WITHOUT_JOBS)
    with applied(world) as roles:
        fly_as_cockpit(world, release)
        # The cockpit's own Role has some of the same rights: what stays is what its look at the release needs.
        own = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}
        world.ok("PUT", world.path(f"{GROUP}/roles", COCKPIT), {**roles[COCKPIT], "rules": [own]})
        async with _place(release) as place:
            said = await _named(place, world, roles[HELM], frozenset({("list", "", "secrets")}))
    assert len(said) > 60
    wanted = {right: ({_sentence(world, right, "helm")}, {_sentence(world, right, "cockpit")}) for right in said}
    assert {right: mends for right, mends in said.items() if mends not in wanted[right]} == {}


async def test_check_says_what_it_may_not_list_in_all_namespaces(world: World, tmp_path: Path) -> None:
    everything.install_custom_resources(world)
    release = Installed(world, "rehearsal", tmp_path, **WITHOUT_JOBS)
    fly_as_cockpit(world, release)
    with applied(world):
        async with _place(release) as place:

            async def found() -> dict[str, str]:
                return {each.name: each.found for each in await others.look(place) if each.name in ("Argo CD", "Flux")}

            free = "does not rule the release"
            assert await found() == {"Argo CD": free, "Flux": free}
            path = f"/apis/{GROUP}/clusterroles/{rulers(world)}"
            role = world.ok("GET", path)
            for index, (name, resource) in enumerate((("Argo CD", "applications"), ("Flux", "helmreleases"))):
                world.ok(
                    "PUT", path, {**role, "rules": [role["rules"][1 - index]], "metadata": {"name": rulers(world)}}
                )
                words = f"{resource} may not be listed; no object of the release carries its mark"
                wanted = {"Argo CD": free, "Flux": free, name: words}

                async def said(wanted: dict[str, str] = wanted) -> bool:
                    return await found() == wanted

                assert await until(SystemClock(), said, timeout=PATIENCE, every=0.05), await found()
