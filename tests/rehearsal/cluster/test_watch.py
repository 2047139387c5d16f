"""Watches: replay, selectors, bookmarks, expiry, and the server's own end of them."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import watch
from kubernetes.client.exceptions import ApiException

from migration_cockpit.rehearsal.cluster.api import watch as server_watch
from tests.pace import PATIENCE

from .conftest import Harness, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


def _events(harness: Harness, ns: str, **query: Any) -> list[tuple[str, str]]:
    query.setdefault("timeout_seconds", 1)
    stream = watch.Watch().stream(harness.core.list_namespaced_config_map, ns, **query)
    return [(event["type"], event["object"].metadata.name) for event in stream]


def _raw(harness: Harness, ns: str, **query: str) -> Iterator[dict[str, Any]]:
    """The lines of a watch as they come over the wire."""
    response = harness.core.api_client.rest_client.pool_manager.request(
        "GET",
        f"{harness.cluster.url}/api/v1/namespaces/{ns}/configmaps",
        fields={"watch": "true", **query},
        headers={"Authorization": "Bearer admin-token"},
        preload_content=False,
    )
    rest = b""
    for chunk in response.stream(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (json.loads(line) for line in lines)


def _make(harness: Harness, ns: str, name: str, **labels: str) -> Any:
    return harness.core.create_namespaced_config_map(ns, {"metadata": {"name": name, "labels": labels}})


def test_a_watch_from_a_list_misses_nothing_and_repeats_nothing(shared: Harness, ns: str) -> None:
    _make(shared, ns, "a")
    seen = shared.core.list_namespaced_config_map(ns)
    _make(shared, ns, "b")
    shared.core.patch_namespaced_config_map("a", ns, {"data": {"x": "1"}})
    shared.core.delete_namespaced_config_map("b", ns)
    assert _events(shared, ns, resource_version=seen.metadata.resource_version) == [
        ("ADDED", "b"),
        ("MODIFIED", "a"),
        ("DELETED", "b"),
    ]


def test_a_watch_without_a_version_begins_with_what_is_there(shared: Harness, ns: str) -> None:
    _make(shared, ns, "a")
    _make(shared, ns, "b")
    shared.core.patch_namespaced_config_map("a", ns, {"data": {"x": "1"}})
    assert _events(shared, ns) == [("ADDED", "a"), ("ADDED", "b")]


def test_a_live_watch_hears_a_change_at_once(shared: Harness, ns: str) -> None:
    start = shared.core.list_namespaced_config_map(ns).metadata.resource_version
    delays: list[float] = []

    def listen() -> None:
        stream = watch.Watch().stream(
            shared.core.list_namespaced_config_map, ns, resource_version=start, timeout_seconds=int(PATIENCE)
        )
        for event in stream:
            delays.append(time.monotonic() - float(event["object"].data["sent"]))
            if delays[-1] < 1.0:
                return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    for number in range(20):  # the first that no other work of the machine holds up
        sent = {"metadata": {"name": f"c{number}"}, "data": {"sent": str(time.monotonic())}}
        shared.core.create_namespaced_config_map(ns, sent)
        listener.join(1.0)
        if not listener.is_alive():
            break
    eventually(lambda: not listener.is_alive())
    assert min(delays) < 1.0


def test_an_object_that_leaves_the_selector_is_deleted_for_this_watch(shared: Harness, ns: str) -> None:
    start = shared.core.list_namespaced_config_map(ns).metadata.resource_version
    _make(shared, ns, "a", tier="x")
    _make(shared, ns, "other", tier="y")
    shared.core.patch_namespaced_config_map("a", ns, {"metadata": {"labels": {"tier": "y"}}})
    shared.core.patch_namespaced_config_map("other", ns, {"metadata": {"labels": {"tier": "x"}}})
    assert _events(shared, ns, resource_version=start, label_selector="tier=x") == [
        ("ADDED", "a"),
        ("DELETED", "a"),
        ("ADDED", "other"),
    ]


def test_a_version_that_is_too_old_ends_in_an_error_event(own: Harness) -> None:
    first = _make(own, "default", "a")
    _make(own, "default", "b")
    own.call(own.cluster.expire_watches)
    with pytest.raises(ApiException) as caught:
        _events(own, "default", resource_version=first.metadata.resource_version)
    assert caught.value.status == 410
    (event,) = _raw(own, "default", resourceVersion=first.metadata.resource_version, timeoutSeconds="5")
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: ")


def test_history_can_be_lost_in_the_middle_of_a_watch(own: Harness) -> None:
    start = own.core.list_namespaced_config_map("default").metadata.resource_version
    stream = _raw(own, "default", resourceVersion=start, timeoutSeconds="20")
    _make(own, "default", "a")
    assert next(stream)["type"] == "ADDED"
    own.call(own.cluster.expire_watches)
    assert [event["type"] for event in stream] == ["ERROR"]


def test_bookmarks_carry_the_version_on(shared: Harness, ns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_watch, "BOOKMARK_SECONDS", 0.2)
    start = shared.core.list_namespaced_config_map(ns).metadata.resource_version
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "moves-the-version"}})
    stream = _raw(shared, ns, resourceVersion=start, allowWatchBookmarks="true", timeoutSeconds="60")
    event = next(stream)
    assert event["type"] == "BOOKMARK"
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(start)


def test_a_streaming_list_ends_with_its_bookmark(shared: Harness, ns: str) -> None:
    _make(shared, ns, "a")
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    stream = _raw(shared, ns, **query, timeoutSeconds="5")
    first, mark = next(stream), next(stream)
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    (refusal,) = _raw(shared, ns, sendInitialEvents="true", timeoutSeconds="5")
    assert (refusal["kind"], refusal["code"]) == ("Status", 422)


def test_a_watch_ends_when_its_timeout_has_passed(shared: Harness, ns: str) -> None:
    began = time.monotonic()
    assert _events(shared, ns, timeout_seconds=1) == []
    assert 0.9 < time.monotonic() - began < 30


def test_a_watch_whose_client_has_gone_is_forgotten(shared: Harness, ns: str) -> None:
    def open_watches() -> int:
        return len(shared.cluster._api._watches)

    before = open_watches()
    response = shared.core.api_client.rest_client.pool_manager.request(
        "GET",
        f"{shared.cluster.url}/api/v1/namespaces/{ns}/configmaps?watch=true",
        headers={"Authorization": "Bearer admin-token"},
        preload_content=False,
    )
    eventually(lambda: open_watches() == before + 1)
    response.close()
    eventually(lambda: open_watches() == before)
