"""Watches: replay from a resourceVersion, then live; bookmarks; 410 inside the stream; streaming lists."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionError

from ..errors import ApiError, bad_request, expired, invalid
from ..kinds import Kind
from ..objects import namespace_of
from .listing import matcher
from .request import flag, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from multidict import MultiMapping

    from ..store import Change, Store

Obj = dict[str, Any]

BOOKMARK_SECONDS = 60.0
LAST_BOOKMARK_SECONDS = 2.0
"""So long before its end a watch gets a bookmark, however short it is: a client goes on from there."""
_END_OF_INITIAL = "k8s.io/initial-events-end"


class Watch:
    """One client's watch on one kind: turns the store's changes into the events this client's selector sees."""

    def __init__(
        self,
        store: Store,
        kind: Kind,
        namespace: str,
        name: str,
        query: MultiMapping[str],
        render: Callable[[Obj], Obj],
    ) -> None:
        self._store = store
        self._kind = kind
        self._namespace = namespace
        self._test = matcher(kind, query, name)
        self._render = render
        self._queue: asyncio.Queue[Change | ApiError | None] = asyncio.Queue()
        self._initial = flag(query, "sendInitialEvents")
        self._bookmarks = flag(query, "allowWatchBookmarks")
        self._since = whole(query, "resourceVersion")
        match = query.get("resourceVersionMatch", "")
        if "sendInitialEvents" in query and match != "NotOlderThan":
            raise invalid(
                "meta.k8s.io",
                "ListOptions",
                "",
                [
                    (
                        "FieldValueForbidden",
                        "resourceVersionMatch",
                        "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                    )
                ],
            )
        if self._initial and not self._bookmarks:
            raise bad_request("sendInitialEvents requires allowWatchBookmarks")
        seconds = whole(query, "timeoutSeconds")
        # Without a timeout the real server picks 30 to 60 minutes, so that its clients spread over its replicas.
        self._timeout = float(seconds) if seconds else random.uniform(1800, 3600)  # noqa: S311 - spread, not secrecy

    def expire(self) -> None:
        """Ends the stream with a 410 ERROR event, as when the server lost the history this client stands on."""
        self._queue.put_nowait(expired(f"too old resource version: {self._since or 0} ({self._store.version})"))

    def close(self) -> None:
        """Ends the stream quietly."""
        self._queue.put_nowait(None)

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Streams until the client goes, the timeout passes or the server stops."""
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache"})
        response.enable_chunked_encoding()
        unsubscribe = self._store.subscribe(self._offer)
        try:
            await response.prepare(request)
            await self._stream(response)
            await response.write_eof()
        except (ClientConnectionError, ConnectionError):
            pass  # the client has gone: nothing is left to tell it
        finally:
            unsubscribe()
        return response

    def _offer(self, change: Change) -> None:
        if change.kind is self._kind and self._namespace in ("", namespace_of(change.object)):
            self._queue.put_nowait(change)

    async def _stream(self, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout
        try:
            await response.write(b"".join(self._opening()))
        except ApiError as error:
            await response.write(_line("ERROR", error.status()))
            return
        beat = self._next_beat(loop.time(), end)
        while (left := min(end, beat) - loop.time()) > 0 or loop.time() < end:
            try:
                item = await asyncio.wait_for(self._queue.get(), max(left, 0.01))
            except TimeoutError:
                beat = self._next_beat(loop.time(), end)
                if self._bookmarks and loop.time() < end:
                    await response.write(self._bookmark())
                continue
            if item is None:
                return
            if isinstance(item, ApiError):
                await response.write(_line("ERROR", item.status()))
                return
            if (line := self._event(item)) is not None:
                await response.write(line)

    @staticmethod
    def _next_beat(now: float, end: float) -> float:
        last = end - LAST_BOOKMARK_SECONDS
        return min(now + BOOKMARK_SECONDS, last) if last > now else now + BOOKMARK_SECONDS

    def _opening(self) -> list[bytes]:
        """What comes before the live events: the state as it is, or the changes since the asked version."""
        if self._initial or not self._since:
            lines = [
                _line("ADDED", self._render(obj))
                for obj in self._store.list(self._kind, self._namespace)
                if self._test(obj)
            ]
            self._forget_queued()
            if self._initial:
                lines.append(self._bookmark({_END_OF_INITIAL: "true"}))
            return lines
        changes = self._store.changes_since(self._kind, self._since)
        self._forget_queued()
        wanted = [change for change in changes if self._namespace in ("", namespace_of(change.object))]
        return [line for change in wanted if (line := self._event(change)) is not None]

    def _forget_queued(self) -> None:
        # Everything up to now is in the opening; what arrived while the headers went out must not come twice.
        while not self._queue.empty():
            self._queue.get_nowait()

    def _bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        metadata: Obj = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        body = {"kind": self._kind.kind, "apiVersion": self._kind.api_version, "metadata": metadata}
        return _line("BOOKMARK", self._render(body))

    def _event(self, change: Change) -> bytes | None:
        """The event as this watch sees it: an object that leaves the selector is DELETED, one that enters ADDED."""
        now = change.type != "DELETED" and self._test(change.object)
        before = change.previous is not None and self._test(change.previous)
        if not now and not before:
            return None
        type_ = "MODIFIED" if now and before else "ADDED" if now else "DELETED"
        return _line(type_, self._render(change.object))


def _line(type_: str, obj: Obj) -> bytes:
    return json.dumps({"type": type_, "object": obj}, separators=(",", ":")).encode() + b"\n"
