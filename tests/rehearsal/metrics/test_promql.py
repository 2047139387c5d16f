"""PromQL as far as the rehearsal has it: what it computes, and what it refuses."""

from __future__ import annotations

import math

import pytest

from migration_cockpit.rehearsal.metrics.evaluate import Evaluator, ExecutionError, Point, Value
from migration_cockpit.rehearsal.metrics.prometheus import number_text
from migration_cockpit.rehearsal.metrics.promql import ParseError, parse, parse_duration
from migration_cockpit.rehearsal.metrics.tsdb import Labels, Store


def labels(name: str, **others: str) -> Labels:
    return tuple(sorted((("__name__", name), *others.items())))


@pytest.fixture
def store() -> Store:
    """Sixty-one scrapes, one second apart, from 1000 to 1060."""
    store = Store()
    for second in range(61):
        changed = [
            (labels("requests", pod="a"), float(10 * second)),
            (labels("requests", pod="b"), float(5 * second if second < 30 else 5 * (second - 30))),
            (labels("slots", pool="x", tier="1"), float(second % 10)),
            (labels("slots", pool="y", tier="1"), 4.0),
        ]
        if second == 40:
            changed.append((labels("late"), 1.0))
        store.scrape(1000.0 + second, changed)
    return store


def run(store: Store, text: str, moment: float = 1060.0) -> Value:
    return Evaluator(store).at(parse(text), moment)


def values(store: Store, text: str, moment: float = 1060.0) -> list[float]:
    found = run(store, text, moment)
    assert isinstance(found, list)
    return [point.value for point in found if isinstance(point, Point)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('slots{pool="y"}', [4.0]),
        ('slots{pool!="y"}', [0.0]),
        ('slots{pool=~"x|z"}', [0.0]),
        ('slots{pool!~"x|z"}', [4.0]),
        ('{__name__="slots",pool="y"}', [4.0]),
        ('slots{pool=~"."} offset 5s', [5.0, 4.0]),
        ("sum(slots)", [4.0]),
        ("sum by (tier) (slots)", [4.0]),
        ("sum(slots) by (tier)", [4.0]),
        ("avg without (pool) (slots)", [2.0]),
        ("count(slots)", [2.0]),
        ("max(slots)", [4.0]),
        ("min(slots)", [0.0]),
        ('slots{pool="y"} * 2 + 1', [9.0]),
        ('2 ^ slots{pool="y"} ^ 0.5', [4.0]),
        ('-slots{pool="y"}', [-4.0]),
        ("slots > 1", [4.0]),
        ("slots > bool 1", [0.0, 1.0]),
        ("slots / slots", [math.nan, 1.0]),
        ("clamp_min(slots, 1)", [1.0, 4.0]),
        ('avg_over_time(slots{pool="x"}[10s])', [4.5]),
        ('max_over_time(slots{pool="x"}[10s])', [9.0]),
        ('sum_over_time(slots{pool="x"}[10s])', [45.0]),
        ('count_over_time(slots{pool="x"}[10s])', [10.0]),
        ('quantile_over_time(0.5, slots{pool="x"}[10s])', [4.5]),
        ('irate(requests{pod="a"}[10s])', [10.0]),
        ('rate(requests{pod="a"}[30s])', [10.0]),
        ('increase(requests{pod="a"}[30s])', [300.0]),
        ('delta(slots{pool="y"}[30s])', [0.0]),
        ("nothing or vector(7)", [7.0]),
        ("slots and slots == 4", [4.0]),
        ("slots unless slots == 4", [0.0]),
        ("absent(nothing)", [1.0]),
        ("absent(slots)", []),
        ("vector(scalar(sum(slots)))", [4.0]),
    ],
)
def test_queries(store: Store, text: str, expected: list[float]) -> None:
    assert sorted(map(str, values(store, text))) == sorted(map(str, expected))


def test_a_counter_that_was_reset_still_rises(store: Store) -> None:
    # b rises by 5 a second and starts again at 1030: 145 is lost in the reset, 0 is where it begins again.
    assert values(store, 'increase(requests{pod="b"}[50s])', 1055.0)[0] == pytest.approx(245, rel=0.03)


def test_a_rate_does_not_reach_below_a_counters_zero(store: Store) -> None:
    # 11 samples in the last of 60 s: not 600 s worth of increase, only what can have been.
    assert values(store, 'increase(requests{pod="a"}[60s])', 1010.0)[0] == pytest.approx(100, abs=6)


def test_a_series_that_is_missing_from_a_scrape_is_stale(store: Store) -> None:
    assert values(store, "late", 1045.0) == [1.0]
    assert values(store, "late", 1039.0) == []
    store.end(keep=[labels("slots", pool="y", tier="1")])
    store.scrape(1061.0, [])
    assert values(store, "late", 1061.0) == []
    assert values(store, "slots", 1061.0) == [4.0]
    assert values(store, "late", 1060.5) == [1.0]
    assert values(store, "count_over_time(late[10s])", 1061.0) == [9.0]


def test_nothing_is_taken_that_is_older_than_the_look_back(store: Store) -> None:
    assert values(store, "late", 1060.0 + 299) == [1.0]
    assert values(store, "late", 1060.0 + 301) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no expression found in input"),
        ("sum(", "1:5: parse error: unexpected end of input"),
        ("sum(slots", 'unexpected end of input in aggregation, expected ")"'),
        ("histogram_quantile(0.9, x)", '1:1: parse error: unknown function with name "histogram_quantile"'),
        ("rate(slots)", "expected type range vector in call to function"),
        ("slots[5m] + 1", "must contain only scalar and instant vector"),
        ("rate(slots[5m:1m])", "subqueries"),
        ("slots @ 10", "@ modifier"),
        ("{}", "at least one non-empty matcher"),
        ('slots{pool=~"("}', "error parsing regexp"),
        ("slots{pool=x}", "expected string"),
        ("1 > 2", "must use BOOL modifier"),
        ("slots $", "unexpected character"),
        ("slots slots", 'unexpected identifier "slots"'),
        ("sum(slots[5m])", "expected type instant vector in aggregation"),
        ("slots * on (tier) group_left slots", "many-to-one"),
    ],
)
def test_what_is_not_understood_is_a_parse_error(text: str, words: str) -> None:
    with pytest.raises(ParseError) as refusal:
        parse(text)
    assert words in str(refusal.value)


def test_many_to_one_is_refused_when_it_is_met(store: Store) -> None:
    with pytest.raises(ExecutionError, match="duplicate series"):
        run(store, 'slots{pool="x"} / on (tier) slots')


@pytest.mark.parametrize(
    ("value", "text"), [(7.0, "7"), (0.1, "0.1"), (1e-7, "0.0000001"), (math.nan, "NaN"), (-math.inf, "-Inf")]
)
def test_numbers_are_written_without_an_exponent(value: float, text: str) -> None:
    assert number_text(value) == text


def test_durations() -> None:
    assert parse_duration("1h30m") == 5400
    assert parse_duration("500ms") == 0.5
    with pytest.raises(ValueError, match="not a valid duration"):
        parse_duration("5 minutes")
