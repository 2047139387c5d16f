"""The protocol of the lease: one driver, stale only by what was seen, given by an offer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from migration_cockpit.session.lease import DURATION, RENEW_DEADLINE, RENEW_EVERY, Conflict, Holder, Keeper, Lease
from tests.session.test_recovery import Hands


class Memory:
    """A lease kept in memory; `down` fails every call."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.down = False
        self._written = 0

    async def read(self) -> Lease | None:
        await asyncio.sleep(0)
        if self.down:
            raise ConnectionError("no route to host")
        return self.lease

    async def write(self, lease: Lease) -> Lease:
        await asyncio.sleep(0)
        if self.down:
            raise ConnectionError("no route to host")
        if lease.version != (self.lease.version if self.lease else ""):
            raise Conflict
        self._written += 1
        self.lease = replace(lease, version=str(self._written))
        return self.lease


def holder(name: str, place: str = "") -> Holder:
    return Holder(operator=name, host="bastion", session="s", place=place or name, token=f"token-{name}")


def keeper(store: Memory, clock: Hands, name: str, place: str = "", *, locked: bool = True) -> Keeper:
    return Keeper(store, clock, holder(name, place), locked=locked)


async def test_the_first_drives_and_the_second_observes_for_as_long_as_it_sees_renewals() -> None:
    store, clock = Memory(), Hands()
    first, second = keeper(store, clock, "a"), keeper(store, clock, "b")
    for _ in range(20):
        await first.look()
        await second.look()
        clock.run(RENEW_EVERY)
        assert (first.drives, second.drives, second.stale) == (True, False, False)
        assert second.holder == first.me
        assert not await second.take()


async def test_a_stale_lease_is_taken_by_asking_only() -> None:
    store, clock = Memory(), Hands()
    first, second = keeper(store, clock, "a"), keeper(store, clock, "b")
    await first.look()
    await second.look()
    clock.run(DURATION - 1)
    await second.look()
    assert not second.stale
    clock.run(1)
    await second.look()
    assert second.stale
    assert not second.drives
    assert await second.take()
    await first.look()
    assert not first.drives
    assert first.holder == second.me


async def test_a_driver_that_cannot_renew_stops_before_it_is_stale_and_goes_on_when_it_can() -> None:
    store, clock = Memory(), Hands()
    driver = keeper(store, clock, "a")
    await driver.look()
    store.down = True
    clock.run(RENEW_DEADLINE - 0.1)
    assert driver.drives
    clock.run(0.2)
    assert not driver.drives
    assert RENEW_DEADLINE < DURATION
    store.down = False
    await driver.look()
    assert driver.drives


async def test_a_driver_that_slept_does_not_drive_until_it_has_looked() -> None:
    store, clock = Memory(), Hands()
    first, second = keeper(store, clock, "a"), keeper(store, clock, "b")
    await first.look()
    await second.look()
    clock.run(600, asleep=True)
    assert not first.drives
    assert await second.take()
    await first.look()
    assert not first.drives


async def test_an_observer_that_slept_sees_that_the_driver_lives() -> None:
    store, clock = Memory(), Hands()
    first, second = keeper(store, clock, "a"), keeper(store, clock, "b")
    await first.look()
    await second.look()
    clock.run(600, asleep=True)
    await first.look()
    assert not await second.take(), "it looks before it takes"


async def test_wall_clocks_are_not_compared() -> None:
    store, clock, wrong = Memory(), Hands(), Hands()
    first, second = keeper(store, clock, "a"), keeper(store, wrong, "b")
    await first.look()
    await second.look()
    wrong.moment = wrong.moment.replace(year=2031)
    assert not second.stale


async def test_a_process_that_died_in_our_directory_is_followed_at_once() -> None:
    store, clock = Memory(), Hands()
    dead = Keeper(store, clock, replace(holder("a", "here"), token="old"), locked=True)
    await dead.look()
    observer = keeper(store, clock, "b", "here", locked=False)
    await observer.look()
    assert not observer.drives, "without the directory's lock it may be alive"
    again = keeper(store, clock, "a", "here")
    await again.look()
    assert again.drives


async def test_an_offer_is_for_one_operator_of_the_same_session() -> None:
    store, clock = Memory(), Hands()
    driver = keeper(store, clock, "a", "here")
    named, other = keeper(store, clock, "b", "here", locked=False), keeper(store, clock, "c", "here", locked=False)
    elsewhere = keeper(store, clock, "b", "there")
    await driver.look()
    assert await driver.offer("b")
    for each in (named, other, elsewhere):
        await each.look()
    assert (named.offered, other.offered, elsewhere.offered) == (True, False, False)
    assert not await other.take()
    assert not await elsewhere.take()
    assert await named.take()
    await driver.look()
    assert not driver.drives
    assert store.lease is not None
    assert store.lease.offered == "", "an offer is good once"


async def test_a_lease_that_was_given_back_goes_to_the_next_start_not_to_an_observer_by_itself() -> None:
    store, clock = Memory(), Hands()
    first, observer = keeper(store, clock, "a"), keeper(store, clock, "b")
    await first.look()
    await observer.look()
    await first.release()
    await observer.look()
    assert not observer.drives
    assert observer.stale
    fresh = keeper(store, clock, "c")
    await fresh.look()
    assert fresh.drives


async def test_a_lease_that_somebody_deleted_is_written_again_by_the_driver_only() -> None:
    store, clock = Memory(), Hands()
    driver, observer = keeper(store, clock, "a"), keeper(store, clock, "b")
    await driver.look()
    await observer.look()
    store.lease = None
    await observer.look()
    assert not observer.drives
    await driver.look()
    assert driver.drives


async def test_of_a_hundred_simultaneous_starts_one_drives() -> None:
    store, clock = Memory(), Hands()
    keepers = [keeper(store, clock, f"k{number}") for number in range(100)]
    for _ in range(3):
        await asyncio.gather(*(each.look() for each in keepers))
        assert sum(each.drives for each in keepers) == 1
    await asyncio.gather(*(each.take() for each in keepers))
    assert sum(each.drives for each in keepers) == 1
