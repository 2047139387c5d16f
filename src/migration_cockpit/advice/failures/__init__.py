"""Known failures of these migrations: a catalogue, and how they are recognised in texts and in State. All pure."""

from __future__ import annotations

from migration_cockpit.advice.failures.catalogue import FAMILIES, by_id, catalogue, near
from migration_cockpit.advice.failures.entry import KINDS, SEVERITIES, SURE, Failure, Match
from migration_cockpit.advice.failures.pieces import Piece, current, pieces, well
from migration_cockpit.advice.failures.standing import Standing, standing
from migration_cockpit.advice.failures.states import match_state
from migration_cockpit.advice.failures.telling import (
    Said,
    bad,
    current_step,
    explain,
    filled,
    job_lines,
    known,
    running_revision,
    why_it_ended,
)
from migration_cockpit.advice.failures.text import LogReader, match_lines, match_log, match_text, of_pod

__all__ = [
    "FAMILIES",
    "KINDS",
    "SEVERITIES",
    "SURE",
    "Failure",
    "LogReader",
    "Match",
    "Piece",
    "Said",
    "Standing",
    "bad",
    "by_id",
    "catalogue",
    "current",
    "current_step",
    "explain",
    "filled",
    "job_lines",
    "known",
    "match_lines",
    "match_log",
    "match_state",
    "match_text",
    "near",
    "of_pod",
    "pieces",
    "running_revision",
    "standing",
    "well",
    "why_it_ended",
]
