"""The three-way patch: what an upgrade changes in a live object, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from migration_cockpit.rehearsal.helm.patch import json_merge, three_way


def pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


def test_nothing_to_do_is_an_empty_patch() -> None:
    manifest = {"spec": {"replicas": 1}, "metadata": {"labels": {"a": "b"}}}
    live = {"spec": {"replicas": 1, "paused": False}, "metadata": {"labels": {"a": "b", "x": "y"}, "uid": "u"}}
    assert three_way(manifest, manifest, live) == {}


def test_a_drifted_value_is_put_back_and_foreign_keys_stay() -> None:
    manifest = {"spec": {"replicas": 1}}
    live = {"spec": {"replicas": 0}, "metadata": {"annotations": {"mine": "x"}}}
    assert three_way(manifest, manifest, live) == {"spec": {"replicas": 1}}


def test_what_the_old_manifest_had_is_removed() -> None:
    assert three_way(
        {"data": {"a": "1", "b": "2"}}, {"data": {"a": "1"}}, {"data": {"a": "1", "b": "2", "c": "3"}}
    ) == {"data": {"b": None}}


def test_lists_merge_by_their_key() -> None:
    old = pod({"name": "main", "image": "v1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})
    new = pod({"name": "main", "image": "v2", "env": [{"name": "A", "value": "1"}]})
    live = pod({**old["spec"]["template"]["spec"]["containers"][0], "imagePullPolicy": "Always"}, {"name": "injected"})
    change = three_way(old, new, live)["spec"]["template"]["spec"]
    assert change["$setElementOrder/containers"] == [{"name": "main"}]
    assert change["containers"] == [
        {
            "name": "main",
            "image": "v2",
            "env": [{"$patch": "delete", "name": "B"}],
            "$setElementOrder/env": [{"name": "A"}],
        }
    ]


def test_a_variable_that_changes_its_source_drops_the_old_one() -> None:
    reference = {"secretKeyRef": {"name": "s", "key": "k"}}
    old = pod({"name": "m", "env": [{"name": "A", "value": "1"}]})
    new = pod({"name": "m", "env": [{"name": "A", "valueFrom": reference}]})
    change = three_way(old, new, old)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert change == [{"name": "A", "value": None, "valueFrom": reference}]


def test_elements_that_share_a_key_replace_the_list() -> None:
    ports = [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    change = three_way({"spec": {"ports": []}}, {"spec": {"ports": ports}}, {"spec": {"ports": ports[:1]}})
    assert change == {"spec": {"ports": [{"$patch": "replace"}, *ports]}}


def test_unions_name_what_stays() -> None:
    old = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    change = three_way(old, {"spec": {"strategy": {"type": "Recreate"}}}, old)
    assert change == {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None, "$retainKeys": ["type"]}}}


def test_unknown_kinds_get_the_difference_of_the_manifests() -> None:
    assert json_merge({"spec": {"a": 1, "b": 2}}, {"spec": {"a": 1, "c": [3]}}) == {"spec": {"b": None, "c": [3]}}
