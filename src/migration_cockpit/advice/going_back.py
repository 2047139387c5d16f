"""What to do now while the way back goes on, once it has ended, and where it was left half-way."""

from __future__ import annotations

from datetime import datetime

from migration_cockpit.advice.advice import Advice
from migration_cockpit.advice.times import capital, clock, sentence
from migration_cockpit.session.state import RollbackState, State
from migration_cockpit.session.words import long

NOT_LEFT = "no way back was left half-way"
"""Name of the gate that every step has once a way back was left: what was verified before it may not hold any more."""


def advise_rollback(back: RollbackState, now: datetime, version: str, details: tuple[str, ...]) -> Advice | None:
    """Of a way back that goes on or has ended; None where one was left, so that the steps have the word again."""
    if back.outcome == "rolled back" and (without := skipped(back)):
        said = f"Rolled back without {', '.join(without)}: whether Airflow {version} is as before was not seen."
        return Advice("BACK", "careful", said, details)
    if back.outcome == "rolled back":
        return Advice(
            "BACK", "good", f"Rolled back: Airflow {version} is in service again, since {_at(back)}.", details
        )
    if back.outcome == "aborted":
        return Advice("BACK", "good", f"Aborted before anything was upgraded: Airflow {version} goes on.", details)
    if back.outcome:
        return None
    stage = back.stage
    if stage is None:
        return Advice("BACK", "careful", "The way back is at its end.", details)
    number = sum(each.passed for each in back.stages) + 1
    left = long(sum(each.expected for each in back.stages if not each.passed))
    far = f" {100 * stage.done // stage.total} % done." if stage.total else ""
    doing = f" {sentence(stage.progress)}" if stage.progress else ""
    took = long((now - stage.started).total_seconds()) if stage.started else "0 s"
    said = f"Rolling back, stage {number} of {len(back.stages)}: {stage.title}, for {took}.{far}{doing}"
    return Advice("BACK", "careful", said, (f"About {left} to go. R shows every stage.", *details))


def skipped(back: RollbackState) -> tuple[str, ...]:
    """The stages that the way back went on without, by their titles."""
    return tuple(each.title for each in back.stages if each.outcome == "skipped")


def _at(back: RollbackState) -> str:
    return clock(back.ended) if back.ended is not None else ""


def left(state: State) -> str:
    """Where the way back was left half-way; empty where none was, or an operator has gone past that."""
    back = state.rollback
    if back is None or back.outcome != "failed":
        return ""
    said = f"way back {back.number} by {back.operator} was {back.why or 'left'}"
    past = any(gate.name == NOT_LEFT and gate.found == said for each in state.overrides for gate in each.gates)
    return "" if past else said


def advise_left(where: str, details: tuple[str, ...]) -> Advice:
    """While a way back stands where it was left and no step runs."""
    do = "R takes it up again: what is done is found. To fly on from here a step needs a reason."
    return Advice("STOP", "bad", sentence(capital(where)), (do, *details))
