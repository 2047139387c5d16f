"""The statsd exporter: takes UDP packets, keeps counters, gauges and summaries, gives samples.

As statsd_exporter 0.28 does it with its defaults: timers (``ms``) become summaries in *seconds* with quantiles 0.5,
0.9 and 0.99 over the last ten minutes; a gauge stays at its last value for ever (ttl 0); a name that comes with
another type than before is dropped.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.metrics.mappings import prometheus_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Labels = tuple[tuple[str, str], ...]
QUANTILES = (0.5, 0.9, 0.99)
WINDOW_SECONDS = 600.0
WINDOW_OBSERVATIONS = 4096
"""More than this are forgotten early, so that a talkative timer cannot fill the memory."""

TYPES = {"c": "counter", "g": "gauge", "ms": "summary", "h": "summary", "d": "summary"}


@dataclass
class Metric:
    """One metric with its labels. ``observations`` (time, value) and ``ordered`` belong to summaries."""

    name: str
    kind: str
    labels: Labels
    value: float = 0.0
    count: int = 0
    observations: deque[tuple[float, float]] = field(default_factory=deque)
    ordered: list[float] = field(default_factory=list)

    def observe(self, now: float, value: float) -> None:
        """Add one observation of a timer, in seconds."""
        self.value += value
        self.count += 1
        self.observations.append((now, value))
        insort(self.ordered, value)
        if len(self.observations) > WINDOW_OBSERVATIONS:
            self._forget_oldest()

    def expire(self, oldest: float) -> bool:
        """Forget observations from before ``oldest``; say whether there were any."""
        before = len(self.observations)
        while self.observations and self.observations[0][0] < oldest:
            self._forget_oldest()
        return len(self.observations) != before

    def _forget_oldest(self) -> None:
        _, value = self.observations.popleft()
        del self.ordered[bisect_left(self.ordered, value)]

    def samples(self) -> Iterator[tuple[str, Labels, float]]:
        """Yield name, labels and value of each of its series."""
        if self.kind != "summary":
            yield self.name, self.labels, self.value
            return
        for quantile in QUANTILES:
            labels = tuple(sorted((*self.labels, ("quantile", f"{quantile:g}"))))
            yield self.name, labels, self._quantile(quantile)
        yield f"{self.name}_sum", self.labels, self.value
        yield f"{self.name}_count", self.labels, float(self.count)

    def _quantile(self, quantile: float) -> float:
        if not self.ordered:
            return math.nan
        return self.ordered[max(0, math.ceil(quantile * len(self.ordered)) - 1)]


class Exporter:
    """Everything received since the start (or the last ``clear``).

    ``window`` is how many seconds a summary's quantiles look back, the exporter's ``summary_options.max_age``.
    """

    def __init__(self, clock: Callable[[], float], window: float = WINDOW_SECONDS) -> None:
        self._clock = clock
        self._window = window
        self._metrics: dict[tuple[str, Labels], Metric] = {}
        self._kinds: dict[str, str] = {}
        self._names: dict[str, tuple[str, Labels]] = {}
        self._changed: dict[int, Metric] = {}
        self._next_expiry = 0.0
        self.dropped = 0

    def take(self, packet: bytes) -> None:
        """Take one UDP packet: statsd lines, separated by newlines."""
        for line in packet.decode("utf-8", errors="replace").splitlines():
            if line and not self._take(line):
                self.dropped += 1

    def _take(self, line: str) -> bool:
        name, colon, rest = line.partition(":")
        value_text, _, kind_text = rest.partition("|")
        kind_text, *extras = kind_text.split("|")
        kind = TYPES.get(kind_text)
        try:
            value = float(value_text)
            rate = float(next((extra[1:] for extra in extras if extra.startswith("@")), 1.0))
        except ValueError:
            return False
        if not name or not colon or kind is None or not 0 < rate <= 1:
            return False
        metric = self._metric(name, kind)
        if metric is None:
            return False
        if kind == "counter":
            metric.value += value / rate
        elif kind == "gauge":
            metric.value = metric.value + value if value_text[0] in "+-" else value
        else:
            metric.observe(self._clock(), value / 1000 if kind_text == "ms" else value)
        self._changed[id(metric)] = metric
        return True

    def _metric(self, statsd_name: str, kind: str) -> Metric | None:
        if statsd_name not in self._names:
            name, labels = prometheus_name(statsd_name)
            self._names[statsd_name] = name, tuple(sorted(labels.items()))
        name, key = self._names[statsd_name]
        if self._kinds.setdefault(name, kind) != kind:
            return None
        metric = self._metrics.get((name, key))
        if metric is None:
            metric = self._metrics[name, key] = Metric(name, kind, key)
        return metric

    def kind(self, name: str) -> str:
        """Return counter, gauge or summary; the series of a summary that only rise are counters."""
        for ending in ("_sum", "_count"):
            if name.endswith(ending) and self._kinds.get(name.removesuffix(ending)) == "summary":
                return "counter"
        return self._kinds.get(name, "gauge")

    def changed(self) -> list[Metric]:
        """Return, once, the metrics that changed since the last call."""
        now = self._clock()
        if now >= self._next_expiry:
            self._next_expiry = now + min(5.0, self._window / 5)
            for metric in self._metrics.values():
                if metric.observations and metric.expire(now - self._window):
                    self._changed[id(metric)] = metric
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def all(self) -> list[Metric]:
        """Return every metric."""
        return list(self._metrics.values())

    def clear(self) -> None:
        """Forget everything, as a restarted exporter has."""
        self._metrics.clear()
        self._kinds.clear()
        self._names.clear()
        self._changed.clear()

    def exposition(self) -> str:
        """Return everything in Prometheus' text format."""
        lines: list[str] = []
        last = ""
        for metric in sorted(self._metrics.values(), key=lambda metric: (metric.name, metric.labels)):
            if metric.name != last:
                lines.append(f"# HELP {metric.name} Metric autogenerated by statsd_exporter.")
                lines.append(f"# TYPE {metric.name} {metric.kind}")
                last = metric.name
            for name, labels, value in metric.samples():
                inner = ",".join(f'{label}="{_escape(text)}"' for label, text in labels)
                lines.append(f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}")
        return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{value:g}" if value == int(value) else repr(value)


class Listener(asyncio.DatagramProtocol):
    """The UDP socket of the exporter; ``open`` False drops packets, as when no exporter runs."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self.open = True

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        if self.open:
            self._exporter.take(data)
