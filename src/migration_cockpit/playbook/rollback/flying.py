"""Flying a way back: stage after stage, each to its own verification; one that fails asks what to do."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions.operation import OperationError
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.rollback import ways
from migration_cockpit.playbook.rollback.plan import ABORT
from migration_cockpit.playbook.rollback.stages.found import lead
from migration_cockpit.playbook.rollback.trip import Stage, Trip
from migration_cockpit.session import events as ev
from migration_cockpit.session.events import ROLLBACK, Check
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.state import RollbackState, StageState

RETRY, SKIP, LEAVE = "retry", "skip", "leave"
"""Answers to a stage that failed."""
CHOICES = {
    RETRY: "try the stage again: what is done is found",
    SKIP: "go on without it; needs a reason",
    LEAVE: "end the way back here; everything stays as it stands",
}


def trip_of(flight: Flight) -> Trip:
    """The way back of the session. Raises AssertionError when none was begun."""
    back = flight.state.rollback
    assert back is not None
    return Trip(flight.settings, flight.session, back.way, back.point, back.method, back.job, flight)


def find_the_database(flight: Flight) -> None:
    """After a restart: let the cockpit's own sessions go where an earlier way back has led the database."""
    if flight.state.rollback is not None:
        lead(trip_of(flight))


async def fly(flight: Flight) -> ev.RollbackEnded:
    """Fly the way back from where it stands to its end. Raises JournalError only."""
    trip = trip_of(flight)
    lead(trip)
    while (stage := _back(flight).stage) is not None:
        if stage.outcome == "failed" and not await _retried(flight, stage):
            why = f"left at the stage {stage.title}: {stage.why}"
            return ev.RollbackEnded(outcome="failed", operator=flight.operator, why=why)
        if _stage(flight, stage.id).outcome == "skipped":
            continue
        if not stage.running:
            started = ev.RollbackStageStarted(stage=stage.id, operator=flight.operator, attempt=stage.attempt + 1)
            flight.record(started)
        flight.record(await _outcome(trip, stage.id))
    aborted = _back(flight).way == ABORT
    return ev.RollbackEnded(outcome="aborted" if aborted else "rolled back", operator=flight.operator)


def _back(flight: Flight) -> RollbackState:
    assert flight.state.rollback is not None  # only a way back that was begun is flown
    return flight.state.rollback


def _stage(flight: Flight, stage_id: str) -> StageState:
    return next(each for each in _back(flight).stages if each.id == stage_id)


async def _retried(flight: Flight, stage: StageState) -> bool:
    """Ask what to do about a stage that failed; False when the way back is to be left there."""
    made = await flight.decide(
        ROLLBACK,
        f"{stage.id}-{stage.attempt}",
        f"the stage {stage.title} failed",
        CHOICES,
        evidence=(stage.why, *(f"{each.name}: {each.found}" for each in stage.checks if not each.holds)),
        reasoned=(SKIP,),
    )
    if made.answer == SKIP:
        ended = ev.RollbackStageEnded(stage=stage.id, outcome="skipped", operator=made.operator, why=made.reason)
        flight.record(ended)
    return made.answer != LEAVE


async def _outcome(trip: Trip, stage_id: str) -> ev.RollbackStageEnded:
    """Fly one stage. Raises JournalError only."""
    flight = trip.flight
    checks: Sequence[Check] = ()
    why, stands = "", "Nothing is known of how everything stands"
    try:
        stage: Stage = ways.by_id(trip.settings, trip.way, [stage_id])[stage_id]
        stands = stage.stands
        checks = await stage.fly(trip)
        failing = [check for check in checks if not (check.holds and check.known)]
        why = "; ".join(f"{each.name}: {each.found}{f' → {each.mend}' if each.mend else ''}" for each in failing)
    except (OperationError, StepFailed, WorldError) as error:
        why = str(error)
    except JournalError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: a defect of ours must not look like a stage that runs on
        why = f"the cockpit itself failed: {type(error).__name__}: {error}"
    if why:
        why = f"{why}. {stands}. Mend it and try the stage again: what is done is found"
    outcome = "failed" if why else "verified"
    return ev.RollbackStageEnded(
        stage=stage_id, outcome=outcome, operator=flight.operator, why=why, checks=tuple(checks)
    )
