"""The order and the cap that an operator can choose when DAGs come back."""

from __future__ import annotations

from migration_cockpit.playbook.unpause import caps, fewest_first


def test_dags_that_start_nothing_come_before_those_that_catch_up() -> None:
    assert fewest_first(["a", "b", "c", "d"], {"a": 16, "c": 1}) == ["b", "d", "c", "a"]


def test_smaller_waves_are_offered_only_where_they_differ() -> None:
    assert caps(50, 200) == {"waves of 50": 50, "waves of 10": 10, "one by one": 1}
    assert caps(50, 6) == {"waves of 50": 50, "one by one": 1}
    assert caps(1, 200) == {"one by one": 1}
    assert caps(50, 0) == {"waves of 50": 50}
