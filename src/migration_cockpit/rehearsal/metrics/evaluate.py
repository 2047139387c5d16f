"""Runs a parsed query against the store, at one moment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.metrics import functions
from migration_cockpit.rehearsal.metrics.promql import (
    COMPARISONS,
    RANGE_FUNCTIONS,
    SETS,
    Aggregation,
    Binary,
    Call,
    Node,
    Number,
    Selector,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from migration_cockpit.rehearsal.metrics.tsdb import Sample, Series, Store

Labels = dict[str, str]
NAME = "__name__"


class ExecutionError(Exception):
    """The query was understood but cannot be run on what is there (Prometheus answers 422)."""


@dataclass(frozen=True)
class Point:
    """One element of an instant vector."""

    labels: Labels
    value: float


@dataclass(frozen=True)
class Window:
    """One element of a range vector; samples of (begin, end]."""

    labels: Labels
    samples: list[Sample]
    begin: float
    end: float


Value = float | list[Point] | list[Window]


class Evaluator:
    """Evaluates one tree at any number of moments; which series match is found out once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._matched: dict[int, list[tuple[Series, Labels]]] = {}

    def at(self, node: Node, moment: float) -> Value:
        """Return the value of ``node`` at ``moment`` (Unix seconds)."""
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Selector):
            return self._select(node, moment)
        if isinstance(node, Call):
            return self._call(node, moment)
        if isinstance(node, Aggregation):
            return self._aggregate(node, moment)
        return self._binary(node, moment)

    # -- selectors

    def matching(self, selector: Selector) -> list[tuple[Series, Labels]]:
        """Return the series that a selector names."""
        found = self._matched.get(id(selector))
        if found is None:
            found = []
            for series in self._store.named(selector.name):
                labels = dict(series.labels)
                if all(matcher.holds(labels.get(matcher.label, "")) for matcher in selector.matchers):
                    found.append((series, labels))
            self._matched[id(selector)] = found
        return found

    def _select(self, node: Selector, moment: float) -> list[Point] | list[Window]:
        end = moment - node.offset
        if node.seconds is None:
            points = []
            for series, labels in self.matching(node):
                value = self._store.value_at(series, end)
                if value is not None:
                    points.append(Point(labels, value))
            return points
        begin = end - node.seconds
        windows = [
            Window(labels, self._store.samples(series, begin, end), begin, end)
            for series, labels in self.matching(node)
        ]
        return [window for window in windows if window.samples]

    # -- functions

    def _call(self, node: Call, moment: float) -> Value:
        values = [self.at(argument, moment) for argument in node.arguments]
        if node.name == "time":
            return moment
        if node.name == "vector":
            return [Point({}, _scalar(values[0]))]
        if node.name == "scalar":
            vector = _vector(values[0])
            return vector[0].value if len(vector) == 1 else math.nan
        if node.name == "quantile_over_time":
            share = _scalar(values[0])
            return [
                Point(_nameless(window.labels), functions.quantile(share, [value for _, value in window.samples]))
                for window in _range(values[1])
            ]
        if node.name in RANGE_FUNCTIONS:
            return _over_ranges(node.name, _range(values[0]))
        return self._per_point(node, _vector(values[0]), values)

    def _per_point(self, node: Call, vector: list[Point], values: list[Value]) -> list[Point]:
        if node.name == "absent":
            return [] if vector else [Point(_equalities(node.arguments[0]), 1.0)]
        if node.name in ("sort", "sort_desc"):
            return sorted(vector, key=lambda point: point.value, reverse=node.name == "sort_desc")
        if node.name in ("clamp_min", "clamp_max"):
            bound = max if node.name == "clamp_min" else min
            limit = _scalar(values[1])
            return [Point(_nameless(point.labels), bound(point.value, limit)) for point in vector]
        change = _PER_VALUE[node.name]
        return [Point(_nameless(point.labels), change(point.value)) for point in vector]

    def _aggregate(self, node: Aggregation, moment: float) -> list[Point]:
        groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for point in _vector(self.at(node.inner, moment)):
            if node.without:
                kept = {name: text for name, text in point.labels.items() if name not in (*node.labels, NAME)}
            else:
                kept = {name: point.labels[name] for name in node.labels if name in point.labels}
            groups.setdefault(_key(kept), []).append(point.value)
        return [Point(dict(key), functions.AGGREGATE[node.name](values)) for key, values in groups.items()]

    # -- operators

    def _binary(self, node: Binary, moment: float) -> float | list[Point]:
        left, right = self.at(node.left, moment), self.at(node.right, moment)
        if node.operator in SETS:
            return self._set(node, _vector(left), _vector(right))
        if isinstance(left, float | int) and isinstance(right, float | int):
            if node.operator in COMPARISONS:
                return float(functions.COMPARE[node.operator](left, right))
            return functions.arithmetic(node.operator, left, right)
        if isinstance(right, float | int):
            pairs = [(point.labels, point.value, point.value, float(right)) for point in _vector(left)]
        elif isinstance(left, float | int):
            pairs = [(point.labels, point.value, float(left), point.value) for point in _vector(right)]
        else:
            pairs = self._pairs(node, _vector(left), _vector(right))
        return _combined(node, pairs)

    def _pairs(self, node: Binary, left: list[Point], right: list[Point]) -> list[tuple[Labels, float, float, float]]:
        """Match the points of both sides one to one by their labels."""
        by_key: dict[tuple[tuple[str, str], ...], Point] = {}
        for point in right:
            key = _match_key(node, point.labels)
            if key in by_key:
                raise ExecutionError(
                    f"found duplicate series for the match group {dict(key)} on the right hand-side of the operation"
                )
            by_key[key] = point
        pairs = []
        seen = set()
        for point in left:
            key = _match_key(node, point.labels)
            other = by_key.get(key)
            if other is None:
                continue
            if key in seen:
                raise ExecutionError(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                )
            seen.add(key)
            labels = dict(key) if node.on and node.operator not in COMPARISONS else point.labels
            if node.on is False:
                labels = {name: text for name, text in point.labels.items() if name not in node.labels}
            pairs.append((labels, point.value, point.value, other.value))
        return pairs

    def _set(self, node: Binary, left: list[Point], right: list[Point]) -> list[Point]:
        on_right = {_match_key(node, point.labels) for point in right}
        if node.operator == "and":
            return [point for point in left if _match_key(node, point.labels) in on_right]
        if node.operator == "unless":
            return [point for point in left if _match_key(node, point.labels) not in on_right]
        on_left = {_match_key(node, point.labels) for point in left}
        return left + [point for point in right if _match_key(node, point.labels) not in on_left]


def _combined(node: Binary, pairs: list[tuple[Labels, float, float, float]]) -> list[Point]:
    points = []
    for labels, kept, left, right in pairs:
        if node.operator not in COMPARISONS:
            points.append(Point(_nameless(labels), functions.arithmetic(node.operator, left, right)))
        elif node.as_bool:
            points.append(Point(_nameless(labels), float(functions.COMPARE[node.operator](left, right))))
        elif functions.COMPARE[node.operator](left, right):
            points.append(Point(labels, kept))
    return points


def _over_ranges(name: str, windows: list[Window]) -> list[Point]:
    points = []
    for window in windows:
        value = functions.over_range(name, window.samples, window.begin, window.end)
        if value is not None:
            labels = window.labels if name == "last_over_time" else _nameless(window.labels)
            points.append(Point(labels, value))
    return points


def _match_key(node: Binary, labels: Labels) -> tuple[tuple[str, str], ...]:
    if node.on:
        return _key({name: labels.get(name, "") for name in node.labels})
    dropped = (NAME, *node.labels) if node.on is False else (NAME,)
    return _key({name: text for name, text in labels.items() if name not in dropped})


def _key(labels: Labels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _nameless(labels: Labels) -> Labels:
    return {name: text for name, text in labels.items() if name != NAME}


def _equalities(node: Node) -> Labels:
    if not isinstance(node, Selector):
        return {}
    return {matcher.label: matcher.value for matcher in node.matchers if matcher.operator == "="}


def _ceil(value: float) -> float:
    return float(math.ceil(value)) if math.isfinite(value) else value


def _floor(value: float) -> float:
    return float(math.floor(value)) if math.isfinite(value) else value


def _round(value: float) -> float:
    return _floor(value + 0.5)


_PER_VALUE: dict[str, Callable[[float], float]] = {"abs": abs, "ceil": _ceil, "floor": _floor, "round": _round}


def _scalar(value: Value) -> float:
    if isinstance(value, list):
        raise ExecutionError("expected a scalar")
    return value


def _vector(value: Value) -> list[Point]:
    if not isinstance(value, list):
        raise ExecutionError("expected an instant vector")
    return [point for point in value if isinstance(point, Point)]


def _range(value: Value) -> list[Window]:
    if not isinstance(value, list):
        raise ExecutionError("expected a range vector")
    return [window for window in value if isinstance(window, Window)]
