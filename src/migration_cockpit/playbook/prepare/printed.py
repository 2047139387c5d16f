"""The prerequisites as a table for people and as data for programs."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, SIGNED, STALE, UNKNOWN, Result, Seen, judge, signable
from migration_cockpit.playbook.prepare.signoffs import SignOff
from migration_cockpit.session.events import DayFound, GuideFound, PrerequisiteSeen

WORDS = {HOLDS: "✔ holds  ", SIGNED: "✔ signed ", FAILS: "✘ FAILS  ", UNKNOWN: "? unknown", STALE: "◌ stale  "}


def found_lines(seen: DayFound | GuideFound, *, width: int, lead: str) -> str:
    """One look of a day or of a guided page: how it stands, what was found, what to do."""
    lines = [f"{WORDS[seen.status]} {seen.look}"]
    for text in seen.found:
        lines += textwrap.wrap(text, width, initial_indent=lead, subsequent_indent=lead + "  ")
    if seen.mend and seen.status != HOLDS:
        lines += textwrap.wrap(f"→ {seen.mend}", width, initial_indent=lead, subsequent_indent=lead + "  ")
    return "\n".join(lines)


def as_table(results: Sequence[Result], *, width: int) -> str:
    """Each with what was found, who signed, and what to do where it is not ready."""
    lines: list[str] = []
    for each in results:
        lines.append(f"{WORDS[each.status]} {each.asked.number:2d} {each.asked.id:10} {each.asked.title}")
        lead = " " * 14
        for text in each.seen.found:
            lines += textwrap.wrap(text, width, initial_indent=lead, subsequent_indent=lead + "  ")
        if each.signed is not None:
            at = f"{each.signed.at:%Y-%m-%d}"
            text = f"signed by {each.signed.name} on {at}: {each.signed.note}"
            lines += textwrap.wrap(text, width, initial_indent=lead, subsequent_indent=lead + "  ")
        if not each.ready and (todo := _todo(each)):
            lines += textwrap.wrap(f"→ {todo}", width, initial_indent=lead, subsequent_indent=lead + "  ")
    counts = Counter(each.status for each in results)
    ready = sum(each.ready for each in results)
    rest = ", ".join(f"{counts[status]} {status}" for status in (FAILS, UNKNOWN, STALE) if counts[status])
    lines += ["", f"{ready} of {len(results)} ready{f'; {rest}' if rest else ''}"]
    if ready < len(results):
        lines += ["", "Sign what nobody can see: migration-cockpit prepare sign ID --config FILE --note TEXT"]
    return "\n".join(lines)


def _todo(each: Result) -> str:
    word = f"sign that {each.asked.sign}"
    if each.status == STALE:
        return f"too old to count: look again, or {word}"
    if each.status == UNKNOWN or each.asked.acceptable:
        return f"{each.seen.mend}; or {word}" if each.seen.mend else word
    return each.seen.mend


def as_data(each: Result) -> dict[str, Any]:
    """A result for programs."""
    signed = each.signed
    return {
        "number": each.asked.number,
        "id": each.asked.id,
        "title": each.asked.title,
        "status": each.status,
        "found": list(each.seen.found),
        "mend": each.seen.mend,
        "evidence_at": each.seen.at.isoformat() if each.seen.at else None,
        "signed": None if signed is None else {"name": signed.name, "at": signed.at.isoformat(), "note": signed.note},
    }


def as_event(each: Result) -> PrerequisiteSeen:
    """A result for the journal: the same that `as_data` has, and what is needed to judge it anew."""
    signed = each.signed
    return PrerequisiteSeen(
        id=each.asked.id,
        number=each.asked.number,
        title=each.asked.title,
        status=each.status,
        evidence=each.seen.status,
        found=each.seen.found,
        mend=each.seen.mend,
        evidence_at=each.seen.at,
        sign=each.asked.sign,
        signable=signable(each.asked, each.seen),
        signed_by="" if signed is None else signed.name,
        signed_at=None if signed is None else signed.at,
        note="" if signed is None else signed.note,
    )


def signed_anew(event: PrerequisiteSeen, signed: SignOff, now: datetime, stale: timedelta) -> PrerequisiteSeen:
    """How a prerequisite stands once somebody has signed it: the evidence is that of before."""
    from migration_cockpit.playbook.prepare import by_id

    asked = by_id(event.id)
    assert asked is not None  # its event was made of one of them
    seen = Seen(event.evidence, event.found, event.mend, event.evidence_at)
    return as_event(judge(asked, seen, signed, now, stale))
