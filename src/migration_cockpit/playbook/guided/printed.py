"""What a guided page found, for people and for programs."""

from __future__ import annotations

import textwrap
from typing import Any

from migration_cockpit.playbook.guided import Family
from migration_cockpit.playbook.prepare.printed import WORDS
from migration_cockpit.session.events import GuideFound

LEAD = " " * 11


def as_lines(found: GuideFound, *, width: int) -> str:
    """One look: how it stands, what was found, what to do."""
    lines = [f"{WORDS[found.status]} {found.look}"]
    for text in found.found:
        lines += textwrap.wrap(text, width, initial_indent=LEAD, subsequent_indent=LEAD + "  ")
    if found.mend and found.status != "holds":
        lines += textwrap.wrap(f"→ {found.mend}", width, initial_indent=LEAD, subsequent_indent=LEAD + "  ")
    return "\n".join(lines)


def as_data(family: Family, found: tuple[GuideFound, ...]) -> dict[str, Any]:
    """A page for programs."""
    rows = [{"look": each.look, "status": each.status, "found": list(each.found), "mend": each.mend} for each in found]
    return {"family": family.id, "title": family.title, "found": rows}
