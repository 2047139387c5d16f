"""What going back cost: what was lost and how long it took, expected and real, stage by stage."""

from __future__ import annotations

from migration_cockpit.report.document import Block, Heading, Items, Table, Text
from migration_cockpit.report.gather import Gathered, WayBackRun
from migration_cockpit.session.words import long

_TONES = {"verified": "good", "rolled back": "good", "failed": "bad", "": ""}
_KEPT = {
    "abort": "Nothing was lost: nothing had been upgraded.",
    "helm": "Nothing was lost: only the manifests went back, the database stayed as it was.",
    "downgrade": "No row was counted as lost: the database was downgraded where it was.",
}
"""What to say of the ways that bring no older database back."""


def way_back(found: Gathered) -> list[Block]:
    """The section; nothing where nobody went back."""
    if not found.ways_back:
        return []
    blocks: list[Block] = [Heading("The way back and what it cost")]
    for run in found.ways_back:
        blocks += _told(run)
    return blocks


def _told(run: WayBackRun) -> list[Block]:
    back, cost = run.back, run.cost
    took = long((back.ended - back.started).total_seconds()) if back.ended else "not ended in this record"
    expected = sum(each.expected for each in back.stages) or (cost.expected if cost else 0.0)
    rows = [
        ("Way", f"{back.way}{f', to {back.point}' if back.point else ''}"),
        ("Chosen", f"{back.started:%Y-%m-%d %H:%M:%S} by {back.operator}: {back.reason}"),
        ("Outcome", f"{back.outcome or 'not ended'}{f': {back.why}' if back.why else ''}"),
        ("Took", f"{took}; expected {long(expected)}" if expected else took),
    ]
    if cost is not None and cost.in_service is not None:
        rows.append(("3.x had been in service for", long(cost.in_service)))
    blocks: list[Block] = [Table(("", ""), tuple(rows))]
    if back.way in _KEPT:
        blocks.append(Text(_KEPT[back.way]))
    elif cost is not None:
        blocks += [Text("What was lost, as it was counted when the way back began:"), Items(cost.loss)]
    stages = tuple(
        (
            each.title,
            f"{each.started:%H:%M:%S}" if each.started else "—",
            long((each.ended - each.started).total_seconds()) if each.started and each.ended else "",
            long(each.expected) if each.expected else "",
            (each.outcome or "not flown") + (f" (attempt {each.attempt})" if each.attempt > 1 else ""),
            each.why,
        )
        for each in back.stages
    )
    tones = tuple(_TONES.get(each.outcome, "careful") for each in back.stages)
    return [*blocks, Table(("Stage", "Began", "Took", "Expected", "Outcome", "Why"), stages, tones)]
