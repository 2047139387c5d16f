"""What a guided page found, for people and for programs."""

from __future__ import annotations

from typing import Any

from migration_cockpit.playbook.guided import Family
from migration_cockpit.playbook.prepare.printed import found_lines
from migration_cockpit.session.events import GuideFound

LEAD = " " * 11


def as_lines(found: GuideFound, *, width: int) -> str:
    """One look: how it stands, what was found, what to do."""
    return found_lines(found, width=width, lead=LEAD)


def as_data(family: Family, found: tuple[GuideFound, ...]) -> dict[str, Any]:
    """A page for programs."""
    rows = [{"look": each.look, "status": each.status, "found": list(each.found), "mend": each.mend} for each in found]
    return {"family": family.id, "title": family.title, "found": rows}
