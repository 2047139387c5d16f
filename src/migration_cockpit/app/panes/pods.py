"""The pods of the release: what runs which version, what waits and why, and the namespace's warnings."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, flow, line, row, shorten
from migration_cockpit.advice.pods import MIGRATIONS, status, told_phase, waits_as_expected
from migration_cockpit.app.panes.frame import Rules, empty
from migration_cockpit.app.panes.frame import view as framed
from migration_cockpit.app.panes.starting import WAITS_FOR
from migration_cockpit.app.words import coarse, hms, plural, seconds_between
from migration_cockpit.session.readings import ClusterEvent, Pod
from migration_cockpit.session.state import State


def view(state: State, now: datetime, width: int, height: int, rules: Rules = Rules()) -> View:  # noqa: B008 - immutable
    """A row a pod; what needs a look stands first."""
    reading = state.pods
    if reading is None:
        lines = empty(state, "pods", WAITS_FOR["pods"], width)
        return framed("pods", lines, state, now, rules, source="pods", width=width)
    columns = _columns(width)
    pods = sorted(reading.pods, key=lambda pod: (_ORDER[status(pod, state)[1]], pod.component, pod.name))
    lines = [*_summary(state, width), _head(columns)]
    lines += [_pod(pod, state, now, columns) for pod in pods]
    if not pods:
        lines.append(line(("no pod of the release exists", "careful")))
    if reading.warnings:
        lines.append(line((f"{plural(len(reading.warnings), 'warning')} in the namespace", "careful")))
        newest = sorted(reading.warnings, key=lambda one: one.last, reverse=True)
        lines += [_warning(warning, columns["name"]) for warning in newest]
    return framed("pods", lines, state, now, rules, source="pods", width=width, more=plural(len(pods), "pod"))


_ORDER = {"bad": 0, "careful": 1, "bold": 2, "waiting": 3, "text": 4, "dim": 5}


def _columns(width: int) -> dict[str, int]:
    state = 12 + max(0, min(22, (width - 54) // 2))
    return {"image": 7, "state": state, "ready": 3, "restarts": 2, "age": 3, "name": max(10, width - state - 22)}


def _summary(state: State, width: int) -> list[Line]:
    assert state.pods is not None
    if state.session is None:
        return []
    old, new = state.session.source_version, state.session.target_version
    running = [pod for pod in state.pods.pods if pod.phase not in {"Completed", "Succeeded"}]
    writers = sum(pod.version == old and pod.database for pod in running)
    targets = [pod for pod in running if pod.version == new and pod.component not in MIGRATIONS]
    waiting = sum(waits_as_expected(pod, state) for pod in running)
    ready = sum(pod.ready == pod.containers and pod.phase == "Running" for pod in targets)
    parts = [line((f"{old} writers ", "dim"), (str(writers), "bold" if writers else "text"))]
    if targets:
        parts.append(line((f"{new} ready ", "dim"), (f"{ready} of {len(targets)}", "text")))
    if waiting:
        parts.append(line((f"{waiting} in Init, expected", "dim")))
    short = sum(each.ready < each.desired for each in state.pods.workloads)
    if short > waiting:  # more than the pods that wait say: some are not made at all
        parts.append(line((f"▲ {plural(short, 'workload')} short of pods", "careful")))
    return flow(parts, width)


def _head(columns: dict[str, int]) -> Line:
    names = f"  {'pod':<{columns['name']}} {'image':<7} {'state':<{columns['state']}} rdy re age"
    return line((names, "dim"))


def _pod(pod: Pod, state: State, now: datetime, columns: dict[str, int]) -> Line:
    glyph, kind = status(pod, state)
    return _row(
        (glyph, "dim" if kind == "waiting" else kind),
        _name(pod, state),
        (pod.version, _version_tone(pod, state)),
        _phase(pod, now),
        f"{pod.ready}/{pod.containers}",
        pod.restarts,
        coarse(seconds_between(pod.created, now)),
        tuple(columns.values()),
    )


@lru_cache(maxsize=4096)
def _row(
    mark: tuple[str, str],
    name: str,
    version: tuple[str, str],
    phase: str,
    ready: str,
    restarts: int,
    age: str,
    widths: tuple[int, ...],
) -> Line:
    """A row of the table: of a thousand pods few change from one frame to the next."""
    glyph, tone = mark
    image, state, of_ready, of_restarts, of_age, of_name = widths
    return row(
        [
            (line((glyph, "good" if glyph == "✔" else tone)), 1),
            (line((shorten(name, of_name), tone)), of_name),
            (line(version), image),
            (line((phase, tone)), state),
            (line((ready, tone)), -of_ready),
            (line((str(restarts), "careful" if restarts else "dim")), -of_restarts),
            (line((age, "dim")), -of_age),
        ]
    )


def _name(pod: Pod, state: State) -> str:
    """Without the release's prefix and the template's hash; the component and the pod's own letters tell it apart."""
    prefix = f"{state.session.release}-" if state.session else ""
    name = pod.name.removeprefix(prefix) or pod.name
    parts = name.removeprefix(f"{pod.component}-").split("-")
    return f"{pod.component}-{parts[1]}" if name.startswith(f"{pod.component}-") and len(parts) == 2 else name


def _version_tone(pod: Pod, state: State) -> str:
    """The old version and the new one at a glance; the numbers say it too."""
    if state.session is None:
        return "text"
    return {state.session.source_version: "careful", state.session.target_version: "good"}.get(pod.version, "dim")


def _phase(pod: Pod, now: datetime) -> str:
    if pod.restarting_at is not None and pod.restarting_at > now:
        left = (pod.restarting_at - now).total_seconds()
        return f"backoff {int(left) // 60}:{int(left) % 60:02}"
    return told_phase(pod)


def _warning(warning: ClusterEvent, name: int) -> Line:
    times = f" {warning.count} times" if warning.count > 1 else ""
    who = shorten(warning.object, name)
    return line((f"▲ {hms(warning.last)} ", "careful"), (f"{who} {warning.reason}{times}: {warning.message}", "dim"))
