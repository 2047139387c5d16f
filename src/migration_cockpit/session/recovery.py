"""What the last cockpit left behind, in words: how it ended, and each operation that was in flight then."""

from __future__ import annotations

from migration_cockpit.session.events import ClockJumped
from migration_cockpit.session.state import STEP_TITLES, InFlight, Resumption
from migration_cockpit.session.words import hms, long, plural, seconds_between

_FOUND = {
    "done": "done",
    "running": "runs; it is joined, not begun again",
    "failed": "failed",
    "not started": "not begun, so it is done now",
}


def resumed_words(found: Resumption) -> str:
    """One line: who flew before, how that ended, how long ago, and what was in flight."""
    ago = long(seconds_between(found.last, found.at))
    how = f"left it ({found.left})" if found.left else "ended without a word"
    open_ones = [f"{each.operation}, begun {hms(each.begun)}" for each in found.operations]
    running = f"; step {STEP_TITLES.get(found.step, found.step)} was running" if found.step else ""
    flying = f"; in flight: {', '.join(open_ones)}" if open_ones else ""
    torn = (
        f"; {plural(found.torn, 'byte')} of a half-written event cut off, nothing rested on them" if found.torn else ""
    )
    return f"the session goes on: {found.before} {how} at {hms(found.last)}, {ago} ago{running}{flying}{torn}"


def found_words(each: InFlight) -> str:
    """What was found of an operation: `helm-upgrade: was started 09:52:10, revision 8 is deployed → done`."""
    begun = f"{each.operation}: was started {hms(each.begun)}"
    if not each.found:
        return f"{begun}; {_unseen(each)}"
    detail = f", {each.detail}" if each.detail else ""
    became = f"; it {'failed' if each.outcome == 'failed' else 'is done'}" if _settled_later(each) else ""
    return f"{begun}{detail} → {_FOUND.get(each.found, each.found)}{became}"


def _unseen(each: InFlight) -> str:
    if each.outcome:
        return f"it was looked at → {'failed' if each.outcome == 'failed' else 'done'}"
    return f"the world is looked at when step {STEP_TITLES.get(each.step, each.step)} comes to it"


def _settled_later(each: InFlight) -> bool:
    return bool(each.outcome) and each.found not in {"done", each.outcome}


def jump_words(event: ClockJumped) -> str:
    """What happened to the clock, in one line."""
    by = long(abs(event.seconds))
    if event.slept:
        return f"this machine slept for {by}: nothing was read meanwhile"
    way = "back" if event.seconds < 0 else "forward"
    return f"this machine's clock was set {way} by {by}: times before and after do not follow from each other"
