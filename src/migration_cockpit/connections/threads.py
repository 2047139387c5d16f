"""Blocking clients on daemon threads: they never hold up the event loop, nor the end of the process."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


KEPT = 6
"""Threads that wait for work at most: sources read some times a second, and a thread's start holds up the loop."""


class _Workers:
    """Daemon threads that take calls one after another. There is one for each call that is under way, however many."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._free = 0
        """Threads that wait, less the calls that are queued for them."""

    def give(self, call: Callable[[], None]) -> None:
        """Have it run at once; it raises nothing."""
        with self._lock:
            there = self._free > 0
            self._free -= there
        if there:
            self._calls.put(call)
        else:
            threading.Thread(target=self._work, args=(call,), daemon=True, name="call").start()

    def _work(self, call: Callable[[], None]) -> None:
        while True:
            call()
            with self._lock:
                if self._free >= KEPT:
                    return
                self._free += 1
            call = self._calls.get()


_workers = _Workers()


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run a blocking function on a daemon thread.

    Unlike asyncio's executor such a thread is not waited for at exit: a call that hangs cannot keep the cockpit from
    ending. A cancelled call goes on unseen until its own time-out.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # no error: the function returned a T

    def work() -> None:
        result: T | None = None
        failed: BaseException | None = None
        try:
            result = function(*arguments)
        except BaseException as error:  # noqa: BLE001  # handed to whoever awaits the call
            failed = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    _workers.give(work)
    return await future


class Feed(Generic[T]):
    """Items that a daemon thread produces, as an async iterator; what the thread raises is raised to the reader."""

    def __init__(self, produce: Callable[[Callable[[T], None]], None], stop: Callable[[], None]) -> None:
        """`produce` gets a function that hands over an item; `stop` makes it return soon, from another thread."""
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[tuple[T | None, BaseException | None]] = asyncio.Queue()
        self._produce = produce
        self._stop = stop
        self._thread = threading.Thread(target=self._work, daemon=True, name="feed")

    def _hand(self, item: T | None, error: BaseException | None = None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._items.put_nowait, (item, error))

    def _work(self) -> None:
        try:
            self._produce(self._hand)
        except BaseException as error:  # noqa: BLE001  # handed to the reader
            self._hand(None, error)
        else:
            self._hand(None, StopAsyncIteration())

    async def read(self) -> AsyncGenerator[T, None]:
        """The items, until the thread ends or the reader goes away."""
        self._thread.start()
        try:
            while True:
                item, error = await self._items.get()
                if isinstance(error, StopAsyncIteration):
                    return
                if error is not None:
                    raise error
                yield item  # type: ignore[misc]  # no error: the item is a T
        finally:
            self._stop()
