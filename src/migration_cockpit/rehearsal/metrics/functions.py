"""What PromQL's functions compute, from samples to numbers, as Prometheus 2 and 3 define them."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from migration_cockpit.rehearsal.metrics.tsdb import Sample


def extrapolated(
    samples: Sequence[Sample], begin: float, end: float, *, counter: bool, per_second: bool
) -> float | None:
    """Return ``rate``, ``increase`` or ``delta``: the change seen, extrapolated to the ends of the range.

    A counter that falls was reset. The extrapolation goes at most half a sampling interval beyond the first and the
    last sample when these are far from the range's ends, and a counter never below zero.
    """
    if len(samples) < 2:
        return None
    change = samples[-1][1] - samples[0][1]
    if counter:
        change += math.fsum(before for (_, before), (_, after) in itertools.pairwise(samples) if after < before)
    sampled = samples[-1][0] - samples[0][0]
    if sampled <= 0:
        return None
    average = sampled / (len(samples) - 1)
    to_start, to_end = samples[0][0] - begin, end - samples[-1][0]
    threshold = average * 1.1
    if to_start >= threshold:
        to_start = average / 2
    if counter and change > 0 and samples[0][1] >= 0:
        to_start = min(to_start, sampled * samples[0][1] / change)
    if to_end >= threshold:
        to_end = average / 2
    factor = (sampled + to_start + to_end) / sampled
    return change * factor / ((end - begin) if per_second else 1.0)


def irate(samples: Sequence[Sample]) -> float | None:
    """Return the rate between the last two samples."""
    if len(samples) < 2:
        return None
    (earlier, before), (later, after) = samples[-2:]
    if later <= earlier:
        return None
    return (after if after < before else after - before) / (later - earlier)


def quantile(share: float, values: Sequence[float]) -> float:
    """Return the quantile with linear interpolation between ranks."""
    if not values:
        return math.nan
    if share < 0 or share > 1:
        return math.inf * (1 if share > 1 else -1)
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def _average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else sum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    mean = _average(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _extreme(values: Sequence[float], better: Callable[[list[float]], float]) -> float:
    real = [value for value in values if not math.isnan(value)]
    return better(real) if real else math.nan


OVER_TIME: dict[str, Callable[[Sequence[float]], float]] = {
    "avg_over_time": _average,
    "max_over_time": lambda values: _extreme(values, max),
    "min_over_time": lambda values: _extreme(values, min),
    "sum_over_time": sum,
    "count_over_time": lambda values: float(len(values)),
    "last_over_time": lambda values: values[-1],
    "stddev_over_time": _deviation,
    "changes": lambda values: float(sum(a != b for a, b in itertools.pairwise(values))),
    "resets": lambda values: float(sum(b < a for a, b in itertools.pairwise(values))),
}

AGGREGATE: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "avg": _average,
    "max": lambda values: _extreme(values, max),
    "min": lambda values: _extreme(values, min),
    "count": lambda values: float(len(values)),
}


def over_range(name: str, samples: Sequence[Sample], begin: float, end: float) -> float | None:
    """Return what range function ``name`` gives for one series, None when it gives nothing."""
    if name in ("rate", "increase", "delta"):
        return extrapolated(samples, begin, end, counter=name != "delta", per_second=name == "rate")
    if name == "irate":
        return irate(samples)
    return OVER_TIME[name]([value for _, value in samples]) if samples else None


def arithmetic(operator: str, left: float, right: float) -> float:
    """Return ``left operator right`` by the rules of IEEE 754, as Go has them."""
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    try:
        if operator == "/":
            return left / right
        if operator == "%":
            return math.fmod(left, right)
        power = left**right
    except ZeroDivisionError:
        return math.nan if operator == "%" or left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    except (OverflowError, ValueError):
        return math.inf if operator == "^" else math.nan
    return math.nan if isinstance(power, complex) else float(power)


COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
