"""A pod: what its containers do, its events, and the end of its log as it was when somebody looked."""

from __future__ import annotations

from datetime import datetime

from cockpit_widgets.spans import Line, line
from migration_cockpit.advice.pods import status, told_phase, waits_as_expected
from migration_cockpit.app.details.words import fact, heading, text
from migration_cockpit.app.panes.frame import Rules
from migration_cockpit.app.words import age, hms, plural, seconds_between
from migration_cockpit.cockpit.details.tables import LOAD, WARNING, warning_key
from migration_cockpit.session.events import PodLooked
from migration_cockpit.session.readings import ClusterEvent
from migration_cockpit.session.state import PodLook, State


def detail(state: State, now: datetime, key: str, width: int, rules: Rules) -> list[Line]:
    """The reading first, then what was read of it on demand; of a pod that is gone, what was read before."""
    if key.startswith(LOAD):
        return _workload(state, now, key, width)
    if key.startswith(WARNING):
        return _warning(state, now, key, width)
    pod = next((each for each in state.pods.pods if each.name == key), None) if state.pods else None
    look = state.looks.get(key)
    lines = [line((key, "title"))]
    if pod is None:
        lines += text("It is gone: the newest reading does not have it any more.", width, "careful")
    else:
        glyph, kind = status(pod, state)
        why = f": {pod.reason}" if pod.reason and pod.reason not in pod.phase else ""
        said = ", as expected before the migration" if waits_as_expected(pod, state) else ""
        tone = "dim" if kind == "waiting" else kind
        lines += fact("state", f"{glyph} {pod.phase}{why}{said}", width, tone)
        if pod.restarting_at is not None and pod.restarting_at > now:
            lines += fact("back-off ends", hms(pod.restarting_at), width, "careful")
        lines += fact("component", pod.component, width)
        lines += fact("image", pod.version, width)
        lines += fact("containers", f"{pod.ready} of {pod.containers} ready, {plural(pod.restarts, 'restart')}", width)
        if pod.last_end:
            when = f" at {hms(pod.last_end_at)}" if pod.last_end_at else ""
            lines += fact("ended before", f"{pod.last_end}{when}", width, "careful")
        lines += fact("created", f"{hms(pod.created)}, {age(seconds_between(pod.created, now))} ago", width)
        lines += fact("database", "names the metadata database" if pod.database else "does not name it", width)
    return lines + _looked(look, _warnings(state, key), now, width, rules)


def _workload(state: State, now: datetime, key: str, width: int) -> list[Line]:
    """A Deployment or StatefulSet with its pods."""
    reading = state.pods
    each = next((one for one in reading.workloads if f"{LOAD}{one.kind}/{one.name}" == key), None) if reading else None
    if reading is None or each is None:
        return []
    short = each.ready < each.desired
    lines = [line((each.name, "title"), (f"   {each.kind}", "dim"))]
    said = f"{each.ready} of {each.desired} ready, {each.updated} up to date" if each.desired else "scaled to 0"
    lines += fact("replicas", f"{'▲ ' if short else ''}{said}", width, "careful" if short else "text")
    lines += fact("component", each.component, width)
    lines += fact("image", each.version, width)
    mine = [pod for pod in reading.pods if pod.component == each.component and pod.name.startswith(f"{each.name}-")]
    lines += heading("Pods", plural(len(mine), "pod"))
    for pod in mine:
        glyph, kind = status(pod, state)
        tone = "dim" if kind == "waiting" else kind
        lines += text(f"{pod.name}  {told_phase(pod)}  {pod.version}", width, tone, lead=f"  {glyph} ")
    if not mine:
        lines.append(line(("  none", "careful" if each.desired else "dim")))
    names = {f"{each.kind.lower()}/{each.name}", f"replicaset/{each.name}"}
    warnings = [one for one in reading.warnings if any(one.object.startswith(name) for name in names)]
    return lines + ([*heading("Events", "warnings of its own"), *_events(warnings, width)] if warnings else [])


def _warning(state: State, now: datetime, key: str, width: int) -> list[Line]:
    """A warning as the cluster told it, whole."""
    found = state.pods.warnings if state.pods else ()
    each = next((one for one in found if warning_key(one) == key), None)
    if each is None:
        return []
    ago = age(seconds_between(each.last, now))
    lines = [line((each.reason, "title"), (f"   {each.object}", "dim"))]
    lines += fact("seen", f"{plural(each.count, 'time')}, last at {hms(each.last)}, {ago} ago", width)
    return [*lines, *heading("Message"), *text(each.message, width, "bright")]


def _warnings(state: State, key: str) -> list[ClusterEvent]:
    """What the pods pane knows of its warnings without looking at it."""
    found = state.pods.warnings if state.pods else ()
    return sorted((each for each in found if each.object == f"pod/{key}"), key=lambda one: one.last, reverse=True)


def _looked(look: PodLook | None, warnings: list[ClusterEvent], now: datetime, width: int, rules: Rules) -> list[Line]:
    event = look.event if look else None
    if event is None:
        if look is not None and look.asked is not None:
            waits = f"being read since {age(seconds_between(look.asked, now))}; it is given 8 seconds"
        elif rules.recorded:
            waits = "not recorded: nobody had looked at this pod by this moment"
        else:
            waits = "not read: r reads them"
        seen = [*heading("Events", "the warnings that the pods pane has"), *_events(warnings, width)]
        seen = seen if warnings else []
        return [*seen, *heading("Events and log"), line((f"  {waits}", "dim"))]
    assert look is not None
    again = "   being read anew" if look.asked is not None else ""
    read = f"as of {hms(look.read)}{again}" if look.read else ""
    return [*_event_part(event, read, width), *_log_part(event, read, width)]


def _event_part(event: PodLooked, read: str, width: int) -> list[Line]:
    lines = heading("Events", read)
    if event.events_why:
        return lines + text(event.events_why, width, "careful", lead="  ▲ ")
    return lines + (_events(list(event.events), width) or [line(("  none", "dim"))])


def _events(events: list[ClusterEvent], width: int) -> list[Line]:
    lines = []
    for each in events:
        times = f" {each.count} times" if each.count > 1 else ""
        lines += text(f"{each.reason}{times}: {each.message}", width, lead=f"  {hms(each.last)} ")
    return lines


def _log_part(event: PodLooked, read: str, width: int) -> list[Line]:
    run = ", the run before this one" if event.previous else ""
    printed = f"the last {plural(len(event.log), 'line')}, " if event.log else ""
    whose = f"container {event.container}{run}, {printed}{read}" if event.container else read
    lines = heading("Log", whose)
    if event.log_why:
        return lines + text(event.log_why, width, "careful", lead="  ▲ ")
    if not event.log:
        return [*lines, line(("  it has printed nothing", "dim"))]
    return lines + [each for said in event.log for each in text(said, width)]
