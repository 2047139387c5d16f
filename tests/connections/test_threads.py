"""Blocking calls beside the loop: few threads for many calls, and none waits for another."""

from __future__ import annotations

import asyncio
import threading

import pytest

from migration_cockpit.connections.threads import KEPT, in_thread


async def test_calls_one_after_another_share_threads_that_last() -> None:
    assert len({await in_thread(threading.get_ident) for _ in range(200)}) <= KEPT + 1


async def test_as_many_calls_run_at_once_as_are_made() -> None:
    together = threading.Barrier(5 * KEPT)
    async with asyncio.timeout(20):
        await asyncio.gather(*(in_thread(together.wait, 15) for _ in range(5 * KEPT)))


async def test_what_a_call_raises_is_raised_and_its_thread_takes_the_next() -> None:
    for _ in range(3 * KEPT):
        with pytest.raises(ValueError, match="invalid literal"):
            await in_thread(int, "x")
        assert await in_thread(int, "7") == 7
