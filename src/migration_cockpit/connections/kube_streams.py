"""What Kubernetes tells bit by bit, each on a thread of its own: lists, a watch, a log. All raise KubeError."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from migration_cockpit.connections.errors import KubeError
from migration_cockpit.connections.kube_api import KubeApi, Obj

PAGE = 250
WATCH_SECONDS = 20
"""How long the server keeps one watch request; a connection that died without a word is noticed that soon."""
AT_ONCE_SECONDS = 1.0
_NO_ANSWER = 0


def list_pages(api: KubeApi, path: str, selectors: dict[str, str]) -> tuple[list[Obj], str]:
    """All pages of one consistent list, and its resourceVersion. A page that expired (410) starts it again once."""
    for attempt in (1, 2):
        items: list[Obj] = []
        token = ""
        try:
            while True:
                page = {"limit": str(PAGE), **({"continue": token} if token else {})}
                answer = api.request("GET", path, {**selectors, **page})
                try:
                    items += answer.get("items") or []
                    token = answer["metadata"].get("continue") or ""
                    version = answer["metadata"]["resourceVersion"]
                except (LookupError, TypeError, AttributeError) as error:
                    raise KubeError(_NO_ANSWER, "NoList", f"{path} answered something that is no list") from error
                if not token:
                    return items, version
        except KubeError as error:
            if not error.gone or attempt == 2:
                raise
    raise AssertionError("unreachable")


class Watching:
    """A watch on its own thread."""

    def __init__(self, api: KubeApi, path: str, selectors: dict[str, str]) -> None:
        self._api = api
        self._path = path
        self._selectors = selectors
        self._stopped = False
        self._opened: set[Any] = set()
        self._version = ""

    def stop(self) -> None:
        """Make `run` return soon."""
        self._stopped = True
        self._api.break_streams(self._opened)

    def run(self, hand: Callable[[Any], None]) -> None:
        """List and follow until stopped."""
        broken_at = 0.0
        while not self._stopped:
            if not self._version:
                items, self._version = list_pages(self._api, self._path, self._selectors)
                hand(("SYNC", items))
            try:
                self._follow(hand)
                hand(("ALIVE", None))
            except KubeError as error:
                if error.gone:
                    self._version = ""
                    continue
                # A stream that breaks is taken up at once; a second break within a second is an outage.
                now = time.monotonic()
                if error.reason not in {"Broken", "Quiet"} or now - broken_at < AT_ONCE_SECONDS:
                    raise
                broken_at = now

    def _follow(self, hand: Callable[[Any], None]) -> None:
        """Hand over what one watch tells until it ends."""
        told, begun = False, time.monotonic()
        query = {
            **self._selectors,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        for line in self._api.lines(self._path, query, self._opened, read_seconds=WATCH_SECONDS + 5.0):
            if self._stopped:
                return
            if not line.strip():
                continue
            try:
                change = json.loads(line)
                kind, found = change["type"], change["object"]
                if kind == "ERROR":
                    raise KubeError(found.get("code", 0), found.get("reason", ""), found.get("message", ""))
                self._version = found["metadata"]["resourceVersion"]
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise KubeError(_NO_ANSWER, "Broken", "the watch broke off in the middle of an object") from error
            told = True
            hand(("ALIVE", None) if kind == "BOOKMARK" else (kind, found))
        if not told and not self._stopped and time.monotonic() - begun < AT_ONCE_SECONDS:
            # A server that has nothing to tell keeps the watch open for as long as it was asked to.
            raise KubeError(_NO_ANSWER, "Broken", "the watch ended at once, without a word")


class Stream:
    """A log on its own thread."""

    def __init__(self, api: KubeApi, path: str, query: dict[str, str], read_seconds: float) -> None:
        self._api = api
        self._path = path
        self._query = query
        self._read_seconds = read_seconds
        self._stopped = False
        self._opened: set[Any] = set()

    def stop(self) -> None:
        """Make `run` return soon."""
        self._stopped = True
        self._api.break_streams(self._opened)

    def run(self, hand: Callable[[str], None]) -> None:
        """Hand over each line until the stream ends."""
        for line in self._api.lines(self._path, self._query, self._opened, read_seconds=self._read_seconds):
            if self._stopped:
                return
            hand(line.decode("utf-8", errors="replace"))
