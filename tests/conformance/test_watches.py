"""Watches: replay, selectors, bookmarks, history that was lost, and the API server's restart."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from migration_cockpit.connections import Kube, KubeError
from tests.pace import PATIENCE

from .worlds import Obj, World, eventually, run_beside

MINE = {"metadata": {"labels": {"mine": "yes"}}}


def _version(world: World) -> str:
    return str(world.ok("GET", world.path("configmaps"))["metadata"]["resourceVersion"])


def _told(world: World, seconds: int = 2, **query: str) -> list[tuple[str, str]]:
    with world.watch("configmaps", seconds, **query) as events:
        return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


def test_a_watch_from_a_list_misses_nothing_and_repeats_nothing(world: World) -> None:
    world.make("configmaps", "a", MINE)
    start = _version(world)
    world.make("configmaps", "b", MINE)
    world.ok("PATCH", world.path("configmaps", "a"), {"data": {"x": "1"}}, patch="merge")
    world.ok("PATCH", world.path("configmaps", "a"), {"data": {"x": "1"}}, patch="merge")  # says nothing new
    world.ok("DELETE", world.path("configmaps", "b"))
    assert _told(world, resourceVersion=start, labelSelector="mine=yes") == [
        ("ADDED", "b"),
        ("MODIFIED", "a"),
        ("DELETED", "b"),
    ]


def test_an_object_that_leaves_the_selector_is_deleted_for_this_watch(world: World) -> None:
    start = _version(world)
    world.make("configmaps", "a", {"metadata": {"labels": {"tier": "x"}}})
    world.make("configmaps", "b", {"metadata": {"labels": {"tier": "y"}}})
    for name, tier in (("a", "y"), ("b", "x")):
        world.ok("PATCH", world.path("configmaps", name), {"metadata": {"labels": {"tier": tier}}}, patch="merge")
    told = _told(world, resourceVersion=start, labelSelector="tier=x")
    assert told == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "b")]


def test_a_deletion_carries_the_version_it_happened_at(world: World) -> None:
    made = world.make("configmaps", "a", MINE)
    start = _version(world)
    world.ok("DELETE", world.path("configmaps", "a"))
    with world.watch("configmaps", 5, resourceVersion=start, labelSelector="mine=yes") as events:
        gone = next(events)
    assert gone["type"] == "DELETED"
    assert gone["object"]["metadata"]["uid"] == made["metadata"]["uid"]
    assert int(gone["object"]["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_a_streaming_list_ends_with_its_bookmark(world: World) -> None:
    world.make("configmaps", "a", MINE)
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    with world.watch("configmaps", 5, labelSelector="mine=yes", **query) as events:
        first, mark = next(events), next(events)
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert (mark["type"], mark["object"]["kind"], mark["object"]["apiVersion"]) == ("BOOKMARK", "ConfigMap", "v1")
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(mark["object"]["metadata"]["resourceVersion"]) >= int(first["object"]["metadata"]["resourceVersion"])


def test_a_watch_says_before_its_end_how_far_it_came(world: World) -> None:
    """Two seconds before its time is over, to who asked for bookmarks: from there on no history can have been lost."""
    start = _version(world)
    query = {"resourceVersion": start, "labelSelector": "mine=yes"}
    with world.watch("configmaps", 4, allowWatchBookmarks="true", **query) as events:
        other = world.make("configmaps", "of-somebody-else")
        told = [(event["type"], event["object"]) for event in events]
    assert {kind for kind, _ in told} == {"BOOKMARK"}
    mark = told[-1][1]
    assert (mark["kind"], mark["apiVersion"], mark["metadata"].get("annotations")) == ("ConfigMap", "v1", None)
    assert int(mark["metadata"]["resourceVersion"]) >= int(other["metadata"]["resourceVersion"])
    assert "name" not in mark["metadata"]


def test_a_streaming_list_wants_its_match_named(world: World) -> None:
    query = {"watch": "true", "sendInitialEvents": "true", "timeoutSeconds": "2"}
    code, reason, message = world.refused("GET", world.path("configmaps"), query=query)
    assert (code, reason) == (422, "Invalid")
    assert message == (
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting '
        "resourceVersionMatch to NotOlderThan"
    )


def test_a_version_whose_history_is_lost_ends_in_an_error_event(world: World) -> None:
    start = _version(world)
    world.make("configmaps", "a", MINE)
    world.backend.forget_history()
    with world.watch("configmaps", 5, resourceVersion=start) as events:
        (event,) = events
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["kind"], status["status"], status["reason"], status["code"]) == ("Status", "Failure", "Expired", 410)
    assert status["message"].startswith(f"too old resource version: {start} (")


def test_a_watch_that_outlives_a_restart_of_the_server_lists_again(world: World) -> None:
    """What a restart does to a client: its stream breaks, and its resourceVersion is too old for the new server."""
    world.make("configmaps", "a", MINE)
    start = _version(world)

    told: list[str] = []

    def follow() -> str:
        try:
            with world.watch("configmaps", 60, resourceVersion=start, labelSelector="mine=yes") as events:
                for event in events:
                    told.append(event["object"]["metadata"]["name"])  # noqa: PERF401  # looked at while they come
        except httpx.TransportError as error:
            return type(error).__name__
        return "ended"

    result = run_beside(follow)
    world.make("configmaps", "b", MINE)
    world.make("configmaps", "c", MINE)
    eventually(lambda: told == ["b", "c"])
    world.backend.stop_api()
    with pytest.raises(httpx.ConnectError):
        world.ask("GET", "/version")
    world.backend.start_api()
    assert result() in ("RemoteProtocolError", "ReadError"), "cut off, not ended"
    found = world.ok("GET", world.path("configmaps"), query={"labelSelector": "mine=yes"})
    assert [item["metadata"]["name"] for item in found["items"]] == ["a", "b", "c"], "nothing is lost"
    with world.watch("configmaps", 5, resourceVersion=start) as events:
        assert [event["object"].get("code") for event in events] == [410]


def test_the_cockpits_own_watch_goes_on_over_lost_history_and_a_restart(world: World) -> None:
    seen: list[tuple[str, Any]] = []

    async def follow(kube: Kube) -> None:
        async with aclosing(kube.watch("configmaps", label="mine=yes")) as changes:
            async for change, found in changes:
                names = [item["metadata"]["name"] for item in found] if change == "SYNC" else found
                seen.append((change, names if change in ("SYNC", "ALIVE") else found["metadata"]["name"]))

    async def until(wanted: tuple[str, Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while wanted not in seen:
                await asyncio.sleep(0.05)

    async def fly() -> None:
        kube = world.kube()
        task = asyncio.create_task(follow(kube))
        try:
            await until(("SYNC", ["a"]))
            await kube.create("configmaps", _config_map("b"))
            await until(("ADDED", "b"))
            await asyncio.to_thread(world.backend.stop_api)
            with pytest.raises(KubeError) as down:
                await asyncio.wait_for(task, PATIENCE)
            assert "refuses connections" in str(down.value) or "cut the connection" in str(down.value)
            await asyncio.to_thread(world.backend.start_api)
            task = asyncio.create_task(follow(kube))
            await until(("SYNC", ["a", "b"]))
            await asyncio.to_thread(world.backend.forget_history)
            if task.done():  # a server that went away for a moment is the caller's business
                task = asyncio.create_task(follow(kube))
            await kube.create("configmaps", _config_map("c"))
            async with asyncio.timeout(PATIENCE):
                while not any("c" in str(found) for _, found in seen):
                    await asyncio.sleep(0.05)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await kube.close()

    world.make("configmaps", "a", MINE)
    asyncio.run(fly())


def _config_map(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"mine": "yes"}}}
