"""The scheduler's metrics through Grafana: a chart each, the value before the migration and the change against it; and
what Airflow's own health endpoint says."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.charts import course
from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, fit, flow, line, spread, wrap
from cockpit_widgets.spans import width as cells
from migration_cockpit.advice.metrics import change, regressions, settled, silence_expected
from migration_cockpit.advice.silence import silent
from migration_cockpit.app.panes.frame import Rules, empty
from migration_cockpit.app.panes.frame import view as framed
from migration_cockpit.app.panes.starting import ABOUT, WAITS_FOR
from migration_cockpit.app.words import age, hm, number, seconds_between
from migration_cockpit.session.readings import Metric
from migration_cockpit.session.state import State

LABELS = {
    "loop_duration": "loop duration",
    "queued_tasks": "queued tasks",
    "open_slots": "open slots",
    "parse_time": "parse time",
}


def view(state: State, now: datetime, width: int, height: int, rules: Rules = Rules()) -> View:  # noqa: B008 - immutable
    """Two rows a metric, then Airflow's health."""
    if state.metrics is None:
        lines = empty(state, "metrics", WAITS_FOR["scheduler"], width)
        lines += [(), *_health(state, now, width)] if state.health else []
        return framed("scheduler", lines, state, now, rules, source="metrics", width=width, more=ABOUT["scheduler"])
    lines = [each for metric in state.metrics.metrics for each in _metric(metric, state, width, rules)]
    if silence_expected(state):
        since = hm(state.steps["helm"].started)
        lines += [line((f"no data since {since}: expected, nothing schedules", "dim")), ()]
    if state.baseline is None:
        lines.append(line(("no baseline yet: taken before the migration", "dim")))
    return framed(
        "scheduler",
        [*lines, *_health(state, now, width)],
        state,
        now,
        rules,
        source="metrics",
        width=width,
        more=ABOUT["scheduler"],
    )


def regressed(metric: Metric, state: State, rules: Rules) -> bool:
    """The playbook's rule: worse than the baseline by more than the threshold (20 %)."""
    if state.baseline is None or silence_expected(state):
        return False
    worse, _ = regressions({metric.name: settled(metric)}, state.baseline.values, rules.regression_percent)
    return bool(worse)


def _metric(metric: Metric, state: State, width: int, rules: Rules) -> list[Line]:
    label = LABELS.get(metric.name, metric.name)
    before = state.baseline.values.get(metric.name) if state.baseline else None
    base = line((f"before {number(before)}{_unit(metric)}", "dim")) if before is not None else ()
    # A statsd exporter keeps the gauges of a scheduler that is gone: what it tells then is not a measurement.
    if metric.value is None or silence_expected(state):
        head = spread(line((label, "text"), ("  —", "dim")), base, width)
        return [head] if silence_expected(state) else [head, _no_data(metric)]
    bad = regressed(metric, state, rules)
    # The rule looks at the settled course; else the change is that of the value one sees.
    by = change(metric.name, settled(metric) if bad else metric.value, before, metric.unit)
    changed = line((f"  ▲ REGRESSION {by}", "careful-bold") if bad else (f"  {by}", "dim")) if by else ()
    value = line((label, "text"), (f"  {number(metric.value)}{_unit(metric)}", "bold"), changed)
    room = width - cells(base) - 1
    chart = course(metric.points, room, tone="careful" if bad else "chart", floor=before or 0.0)
    return [value, spread(fit(chart, room), base, width)]


def _unit(metric: Metric) -> str:
    return f" {metric.unit}" if metric.unit else ""


def _no_data(metric: Metric) -> Line:
    since = f" since {hm(metric.measured)}" if metric.measured else ""
    return line((f"▲ no data{since}", "careful"), (", which is not zero", "dim"))


def _health(state: State, now: datetime, width: int) -> list[Line]:
    health = state.health
    if (quiet := silent(state).get("health")) is not None:
        tone, mark = ("dim", "") if quiet.expected else ("careful", "▲ ")
        why = "expected, no API is up" if quiet.expected else quiet.why
        said = f"{mark}health: no answer since {hm(quiet.since)}: {why}"
        return [line((text, tone)) for text in wrap(said, width)]
    if health is None:
        return [line(("health: not asked yet", "dim"))]
    parts = []
    for component in health.components:
        good = component.status == "healthy"
        beat = f" {age(seconds_between(component.heartbeat, now))}" if component.heartbeat and not good else ""
        glyph = "✔" if good else "✖" if component.status else "·"
        word = "" if good else f" {component.status or 'never seen'}{beat}"
        parts.append(
            line(
                (f"{glyph} ", "good" if good else "bad" if component.status else "dim"), (component.name + word, "text")
            )
        )
    shown: list[Line] = [line(("health ", "dim"), (health.version, "bold"))]
    return shown + flow(parts, width, ("   ", "dim"))
