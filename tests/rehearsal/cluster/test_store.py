"""The store: versions, optimistic concurrency, history."""

from typing import Any

import pytest

from migration_cockpit.rehearsal.cluster.errors import ApiError
from migration_cockpit.rehearsal.cluster.kinds import CONFIGMAPS, DEPLOYMENTS
from migration_cockpit.rehearsal.cluster.store import Store


def _map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}, "data": data}


def test_a_write_with_an_old_version_is_a_conflict() -> None:
    store = Store()
    first = store.create(CONFIGMAPS, _map("a", x="1"))
    store.replace(CONFIGMAPS, {**first, "data": {"x": "2"}})
    with pytest.raises(ApiError) as refused:
        store.replace(CONFIGMAPS, {**first, "data": {"x": "3"}})
    assert refused.value.code == 409
    assert refused.value.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to '
        "the latest version and try again"
    )
    assert store.get(CONFIGMAPS, "n", "a")["data"] == {"x": "2"}


def test_saying_the_same_again_changes_nothing() -> None:
    store = Store()
    first = store.create(CONFIGMAPS, _map("a", x="1"))
    assert store.replace(CONFIGMAPS, first) is first
    assert store.version == int(first["metadata"]["resourceVersion"])


def test_the_generation_rises_with_the_spec_only() -> None:
    store = Store()
    made = store.create(DEPLOYMENTS, {"metadata": {"name": "d", "namespace": "n"}, "spec": {"replicas": 1}})
    labelled = store.replace(DEPLOYMENTS, {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}})
    scaled = store.replace(DEPLOYMENTS, {**labelled, "spec": {"replicas": 2}})
    assert [obj["metadata"]["generation"] for obj in (made, labelled, scaled)] == [1, 1, 2]


def test_a_snapshot_shows_the_list_as_it_was() -> None:
    store = Store()
    a = store.create(CONFIGMAPS, _map("a", x="1"))
    store.create(CONFIGMAPS, _map("b"))
    then = store.version
    store.replace(CONFIGMAPS, {**a, "data": {"x": "2"}})
    store.remove(CONFIGMAPS, "n", "b")
    store.create(CONFIGMAPS, _map("c"))
    assert [(o["metadata"]["name"], o.get("data")) for o in store.snapshot(CONFIGMAPS, None, then)] == [
        ("a", {"x": "1"}),
        ("b", {}),
    ]
    assert [o["metadata"]["name"] for o in store.list(CONFIGMAPS)] == ["a", "c"]


def test_what_has_left_the_window_is_expired() -> None:
    store = Store(window=3)
    start = store.version
    for index in range(5):
        store.create(CONFIGMAPS, _map(f"m{index}"))
    assert [c.object["metadata"]["name"] for c in store.changes_since(CONFIGMAPS, start + 2)] == ["m2", "m3", "m4"]
    with pytest.raises(ApiError) as refused:
        store.changes_since(CONFIGMAPS, start + 1)
    assert (refused.value.code, refused.value.reason) == (410, "Expired")
    assert refused.value.message == f"too old resource version: {start + 1} ({start + 2})"


def test_a_listener_hears_every_write_with_what_was_before() -> None:
    store = Store()
    heard = []
    stop = store.subscribe(lambda change: heard.append((change.type, (change.previous or {}).get("data"))))
    made = store.create(CONFIGMAPS, _map("a", x="1"))
    store.replace(CONFIGMAPS, {**made, "data": {"x": "2"}})
    store.remove(CONFIGMAPS, "n", "a")
    stop()
    store.create(CONFIGMAPS, _map("b"))
    assert heard == [("ADDED", None), ("MODIFIED", {"x": "1"}), ("DELETED", {"x": "2"})]
