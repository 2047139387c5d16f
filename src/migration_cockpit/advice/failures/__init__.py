"""Known failures of these migrations: a catalogue, and how they are recognised in texts and in State. All pure."""

from __future__ import annotations

from migration_cockpit.advice.failures.catalogue import FAMILIES, by_id, catalogue, near
from migration_cockpit.advice.failures.entry import KINDS, SEVERITIES, SURE, Failure, Match
from migration_cockpit.advice.failures.pieces import Piece, pieces
from migration_cockpit.advice.failures.states import match_state
from migration_cockpit.advice.failures.telling import Said, bad, current_step, explain, filled, known
from migration_cockpit.advice.failures.text import LogReader, match_lines, match_log, match_text

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
    "bad",
    "by_id",
    "catalogue",
    "current_step",
    "explain",
    "filled",
    "known",
    "match_lines",
    "match_log",
    "match_state",
    "match_text",
    "near",
    "pieces",
]
