"""Values: --set, merging, reuse, the schema, and flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.rehearsal.helm import schema, strvals
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.flags import Flag, duration, parse
from migration_cockpit.rehearsal.helm.values import Given, Reuse, coalesce, for_upgrade


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=1,c=x", {"a": {"b": 1}, "c": "x"}),
        ("a=true,b=null,c=01,d=-3", {"a": True, "b": None, "c": "01", "d": -3}),
        ("list={x,2}", {"list": ["x", 2]}),
        ("a[1].k=v", {"a": [None, {"k": "v"}]}),
        (r"a\.b=x\,y", {"a.b": "x,y"}),
        ("empty=", {"empty": ""}),
    ],
)
def test_set_expressions(text: str, expected: dict[str, Any]) -> None:
    target: dict[str, Any] = {}
    strvals.parse_into(text, target, strvals.typed)
    assert target == expected


def test_set_string_keeps_text() -> None:
    assert Given(set_string=["a=1,b=true"]).merged() == {"a": "1", "b": "true"}


def test_later_files_win_and_set_wins_over_files(tmp_path: Path) -> None:
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text("a: {x: 1, z: 1}\nb: 1\n", encoding="utf-8")
    second.write_text("a: {z: 2}\n", encoding="utf-8")
    given = Given(files=[str(first), str(second)], set_typed=["b=9"])
    assert given.merged() == {"a": {"x": 1.0, "z": 2.0}, "b": 9}


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(HelmError, match=r"open .*nope.yaml: no such file or directory"):
        Given(files=[str(tmp_path / "nope.yaml")]).merged()
    listed = tmp_path / "list.yaml"
    listed.write_text("- a\n", encoding="utf-8")
    with pytest.raises(HelmError, match="cannot unmarshal array into Go value"):
        Given(files=[str(listed)]).merged()


def test_null_removes_a_default() -> None:
    assert coalesce({"a": None, "b": {"x": None}}, {"a": 1, "b": {"x": 1, "y": 2}}) == {"b": {"y": 2}}


def test_what_an_upgrade_reuses() -> None:
    old, old_defaults, new_defaults = {"a": 1}, {"a": 0, "b": "old"}, {"a": 0, "b": "new", "c": "new"}
    assert for_upgrade(Reuse(), {}, old, old_defaults, new_defaults) == (old, new_defaults)
    assert for_upgrade(Reuse(), {"z": 1}, old, old_defaults, new_defaults) == ({"z": 1}, new_defaults)
    assert for_upgrade(Reuse(reset=True), {}, old, old_defaults, new_defaults) == ({}, new_defaults)
    kept, defaults = for_upgrade(Reuse(reuse=True), {"z": 1}, old, old_defaults, new_defaults)
    assert kept == {"z": 1, "a": 1}
    assert "c" not in defaults, "new defaults are lost with --reuse-values"
    kept, defaults = for_upgrade(Reuse(reset_then_reuse=True), {"z": 1}, old, old_defaults, new_defaults)
    assert (kept, defaults) == ({"z": 1, "a": 1}, new_defaults)


def test_schema_violations_are_listed() -> None:
    closed = '{"properties": {"s": {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}, \
"additionalProperties": false}}}'
    schema.validate("c", closed, {"s": {"n": 1.0}, "unknown": 1})
    with pytest.raises(HelmError) as failure:
        schema.validate("c", closed, {"s": {"n": "x"}})
    assert str(failure.value) == (
        "values don't meet the specifications of the schema(s) in the following chart(s):\nc:\n"
        "- at '/s/n': got string, want null or integer\n"
    )
    with pytest.raises(HelmError, match="at '/s': additional properties 'q' not allowed"):
        schema.validate("c", closed, {"s": {"q": 1}})


def test_flags_are_read_anywhere_on_the_line() -> None:
    table = {"wait": Flag("bool"), "timeout": Flag("duration"), "set": Flag("list"), "namespace": Flag("text", "n")}
    values, rest = parse(["up", "--wait", "x", "--timeout=1m30s", "-nns", "--set", "a=b", "--set=c=d"], table)
    assert rest == ["up", "x"]
    assert values == {"wait": True, "timeout": 90.0, "set": ["a=b", "c=d"], "namespace": "ns"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--nope"], "unknown flag: --nope"),
        (["-z"], "unknown shorthand flag: 'z' in -z"),
        (["--timeout"], "flag needs an argument: --timeout"),
        (["-n"], "flag needs an argument: 'n' in -n"),
        (["--timeout", "5"], 'invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"'),
    ],
)
def test_wrong_flags(args: list[str], message: str) -> None:
    with pytest.raises(HelmError) as failure:
        parse(args, {"timeout": Flag("duration"), "namespace": Flag("text", "n")})
    assert str(failure.value) == message


def test_durations() -> None:
    assert duration("5m0s") == 300.0
    assert duration("1h1ms") == 3600.001
