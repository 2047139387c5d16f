"""The lease on the Kubernetes API: conflicts decide who was quicker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from migration_cockpit.connections.kube import Kube
from migration_cockpit.connections.kube_lease import KubeLease
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.lease import Conflict, Holder, Keeper, Lease
from tests.connections.support import cluster, make_settings


def holder(name: str) -> Holder:
    return Holder(
        operator=name,
        host="bastion",
        session="s",
        place=name,
        token=f"token-{name}",
        since="2026-05-16T09:00:00.000001Z",
    )


async def test_of_a_hundred_simultaneous_starts_exactly_one_drives(tmp_path: Path) -> None:
    async with cluster(tmp_path):
        kube = Kube(make_settings(tmp_path).kubernetes)
        keepers = [Keeper(KubeLease(lambda: kube, "airflow"), SystemClock(), holder(f"k{n}")) for n in range(100)]
        await asyncio.gather(*(each.look() for each in keepers))
        assert sum(each.drives for each in keepers) == 1
        await asyncio.gather(*(each.look() for each in keepers))
        assert sum(each.drives for each in keepers) == 1
        (driver,) = [each for each in keepers if each.drives]
        assert {each.holder for each in keepers} == {driver.me}
        found = await kube.get("leases", "migration-cockpit-airflow")
        assert found["spec"]["leaseDurationSeconds"] == 15
        assert found["spec"]["holderIdentity"].startswith(f"{driver.me.operator}@bastion/")
        await kube.close()


async def test_who_was_quicker_wins_and_a_stranger_is_shown_as_it_is(tmp_path: Path) -> None:
    async with cluster(tmp_path):
        kube = Kube(make_settings(tmp_path).kubernetes)
        store = KubeLease(lambda: kube, "airflow")
        assert await store.read() is None
        first = await store.write(Lease(holder("a")))
        assert (await store.read()) == first
        with pytest.raises(Conflict):
            await store.write(Lease(holder("b")))
        second = await store.write(Lease(holder("a"), offered="b", version=first.version))
        with pytest.raises(Conflict):
            await store.write(Lease(holder("b"), version=first.version))
        await kube.patch("leases", store.name, {"spec": {"holderIdentity": "kubectl"}})
        edited = await store.read()
        assert edited is not None
        assert edited.holder is not None
        assert (edited.holder.operator, edited.holder.place) == ("kubectl", "?")
        assert edited.version != second.version
        await kube.close()
