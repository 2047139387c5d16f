"""A metric with its query and course, or a component's health."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import course
from cockpit_widgets.spans import Line, fit, line
from migration_cockpit.advice.metrics import COMPARED, change, change_percent, settled, silence_expected
from migration_cockpit.app.details.words import fact, heading, text
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.panes.metrics import LABELS, regressed
from migration_cockpit.app.words import age, hms, number, seconds_between
from migration_cockpit.cockpit.details.tables import HEALTH
from migration_cockpit.session.readings import Metric
from migration_cockpit.session.state import State


def detail(state: State, now: datetime, key: str, width: int, rules: Rules) -> list[Line]:
    """What it is, how it is asked for, and how it is judged."""
    if key.startswith(HEALTH):
        return _component(state, now, key.removeprefix(HEALTH), width)
    metric = next((each for each in state.metrics.metrics if each.name == key), None) if state.metrics else None
    return _metric(metric, state, now, width, rules) if metric else []


def _metric(metric: Metric, state: State, now: datetime, width: int, rules: Rules) -> list[Line]:
    unit = f" {metric.unit}" if metric.unit else ""
    before = state.baseline.values.get(metric.name) if state.baseline else None
    lines = [line((LABELS.get(metric.name, metric.name), "title"), (f"   grafana.queries.{metric.name}", "dim"))]
    if metric.value is not None:
        lines += fact("value", f"{number(metric.value)}{unit}", width, "bold")
    else:
        expected = silence_expected(state)
        said = "no data, as expected while nothing schedules" if expected else "▲ no data, which is not zero"
        lines += fact("value", said, width, "dim" if expected else "careful")
    lines += fact("before", f"{number(before)}{unit}" if before is not None else "no baseline yet", width)
    if metric.measured is not None:
        lines += fact("measured", f"{hms(metric.measured)}, {age(seconds_between(metric.measured, now))} ago", width)
    lines += _judged(metric, state, before, width, rules)
    lines += [*heading("Query", "PromQL, as Grafana's datasource proxy is asked"), *text(metric.query, width, "good")]
    if metric.points:
        least, most = min(metric.points), max(metric.points)
        middle = sorted(metric.points)[len(metric.points) // 2]
        told = f"{len(metric.points)} points, one in {age(rules.cadence.metrics * 3)}"
        lines += [*heading("Course", told), line(("  ", "text"), fit(course(metric.points, width - 4), width - 4))]
        lines += fact("least", f"{number(least)}{unit}", width)
        lines += fact("median", f"{number(middle)}{unit}", width)
        lines += fact("most", f"{number(most)}{unit}", width)
    return lines


def _judged(metric: Metric, state: State, before: float | None, width: int, rules: Rules) -> list[Line]:
    if metric.name not in COMPARED:
        return fact("judged", "it is shown only: it follows the load, not the version", width)
    rule = f"more than +{rules.regression_percent:g} % of the value before is a regression"
    if change_percent(settled(metric), before) is None:
        return fact("judged", f"not yet: {rule}", width)
    bad = regressed(metric, state, rules)
    by = change(metric.name, settled(metric), before, metric.unit)
    said = f"{'▲ REGRESSION ' if bad else ''}{by} over the newest third of its course; {rule}"
    return fact("judged", said, width, "careful" if bad else "text")


def _component(state: State, now: datetime, name: str, width: int) -> list[Line]:
    health = state.health
    each = next((one for one in health.components if one.name == name), None) if health else None
    if health is None or each is None:
        return []
    good = each.status == "healthy"
    tone = "good" if good else "bad" if each.status else "dim"
    lines = [line((each.name, "title")), *fact("status", each.status or "never seen", width, tone)]
    beat = f"{hms(each.heartbeat)}, {age(seconds_between(each.heartbeat, now))} ago" if each.heartbeat else "none"
    lines += fact("heartbeat", beat, width)
    lines += fact("version", health.version, width)
    return lines + fact("from", "GET /health of 2.x, /api/v2/monitor/health of 3.x", width)
