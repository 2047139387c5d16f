"""Patches: the three forms, by their own rules."""

from typing import Any

import pytest

from migration_cockpit.rehearsal.cluster.errors import ApiError
from migration_cockpit.rehearsal.cluster.patch import json_patch, merge_patch, strategic_patch

DEPLOYMENT = {
    "metadata": {"annotations": {"a": "1"}, "finalizers": ["x"]},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "i:1",
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                        "args": ["one", "two"],
                        "ports": [{"containerPort": 80, "name": "http"}],
                    },
                    {"name": "side", "image": "s:1"},
                ],
            }
        }
    },
}


def _containers(patch: dict[str, Any]) -> list[dict[str, Any]]:
    body = {"spec": {"template": {"spec": patch}}}
    return list(strategic_patch(DEPLOYMENT, body)["spec"]["template"]["spec"]["containers"])


def test_strategic_merge_keeps_the_other_containers_and_variables() -> None:
    main, side = _containers({"containers": [{"name": "main", "env": [{"name": "B", "value": "9"}]}]})
    assert main["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "9"}]
    assert (main["image"], side["image"]) == ("i:1", "s:1")


def test_strategic_merge_replaces_lists_without_a_key() -> None:
    main, _ = _containers({"containers": [{"name": "main", "args": ["three"]}]})
    assert main["args"] == ["three"]


def test_strategic_directives_delete_replace_and_order() -> None:
    assert [c["name"] for c in _containers({"containers": [{"name": "main", "$patch": "delete"}]})] == ["side"]
    replaced = _containers({"containers": [{"$patch": "replace"}, {"name": "new", "image": "n"}]})
    assert replaced == [{"name": "new", "image": "n"}]
    ordered = _containers(
        {
            "$setElementOrder/containers": [{"name": "side"}, {"name": "main"}],
            "containers": [{"name": "side", "image": "s:2"}],
        }
    )
    assert [(c["name"], c["image"]) for c in ordered] == [("side", "s:2"), ("main", "i:1")]


def test_strategic_merge_adds_and_deletes_finalizers() -> None:
    added = strategic_patch(DEPLOYMENT, {"metadata": {"finalizers": ["y"]}})
    assert added["metadata"]["finalizers"] == ["x", "y"]
    removed = strategic_patch(added, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}})
    assert removed["metadata"]["finalizers"] == ["y"]


def test_a_list_item_without_its_key_is_refused() -> None:
    with pytest.raises(ApiError, match="does not contain declared merge key: name"):
        _containers({"containers": [{"image": "i:2"}]})


def test_merge_patch_removes_by_null_and_replaces_lists() -> None:
    patched = merge_patch({"a": {"b": 1, "c": 2}, "l": [1, 2]}, {"a": {"b": None}, "l": [3]})
    assert patched == {"a": {"c": 2}, "l": [3]}


def test_json_patch_operations() -> None:
    patched = json_patch(
        {"metadata": {"annotations": {"a/b": "1"}}, "l": [1, 2]},
        [
            {"op": "test", "path": "/l/0", "value": 1},
            {"op": "replace", "path": "/metadata/annotations/a~1b", "value": "2"},
            {"op": "add", "path": "/l/-", "value": 3},
            {"op": "remove", "path": "/l/0"},
            {"op": "copy", "from": "/l/0", "path": "/x"},
            {"op": "move", "from": "/x", "path": "/y"},
        ],
    )
    assert patched == {"metadata": {"annotations": {"a/b": "2"}}, "l": [2, 3], "y": 2}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "replace", "path": "/nope", "value": 2},
        {"op": "remove", "path": "/nope"},
        {"op": "what", "path": "/a"},
    ],
)
def test_json_patch_refuses_what_does_not_hold(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refused:
        json_patch({"a": 1}, [operation])
    assert refused.value.code == 422
