"""What became of a session, and the exit code that says so."""

from __future__ import annotations

from migration_cockpit.advice.going_back import left, skipped
from migration_cockpit.session.state import State


def session_outcome(state: State) -> str:
    """What became of it: verified, overridden, postponed, rolled back, failed, or "" while it goes on."""
    if state.postponement is not None and state.postponement.outcome == "verified":
        return "postponed"
    back = state.rollback
    if back is not None and back.outcome in {"rolled back", "aborted"}:
        return "rolled back"  # one that was aborted has brought 2.x back as well: the session is over either way
    if back is not None and (back.active or left(state)):
        return "failed" if back.ended else ""
    steps = list(state.steps.values())
    if any(step.outcome in {"failed", "aborted"} for step in steps):
        return "failed"
    if steps and all(step.passed for step in steps):
        clean = all(step.outcome == "verified" for step in steps) and not state.overrides
        return "verified" if clean else "overridden"
    return ""


def exit_code(state: State, *, asked_back: bool = False) -> int:
    """The process's exit code: 0 verified, 1 failed or not finished, 3 overrides, skips or postponed, 4 rolled back.

    `asked_back`: the flight was to be rolled back, so that this is a 0, or a 3 where it went on without a stage.
    """
    whole = state.rollback is None or not skipped(state.rollback)
    asked = 0 if whole else 3
    codes = {"verified": 0, "overridden": 3, "postponed": 3, "rolled back": asked if asked_back else 4}
    return codes.get(session_outcome(state), 1)
