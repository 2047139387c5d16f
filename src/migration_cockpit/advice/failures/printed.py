"""The catalogue as text for a terminal and as data for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from migration_cockpit.advice.failures.catalogue import FAMILIES, catalogue
from migration_cockpit.advice.failures.entry import Failure
from migration_cockpit.advice.failures.telling import explain


def listing(step: str = "") -> str:
    """Every failure by family, with how bad it is at a step."""
    lines: list[str] = []
    width = max(len(each.id) for each in catalogue())
    for family in FAMILIES:
        lines += ["", family.title] if lines else [family.title]
        mine = [each for each in catalogue() if each.family == family]
        lines += [f"  {each.id:{width}}  {each.severity(step):8}  {each.title}" for each in mine]
    return "\n".join(lines)


def told(failure: Failure, values: Mapping[str, str], width: int) -> str:
    """An explanation: paragraphs wrapped to `width`, commands as they are, to be copied."""
    lines = [failure.title, f"{failure.id} · {failure.family.title}"]
    heading = ""
    for said in explain(failure, values):
        if said.heading != heading:
            heading = said.heading
            lines += ["", heading]
        if said.command:
            lines.append(f"      {said.text}")
        else:
            lines += textwrap.wrap(said.text, width, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)


def as_data(failure: Failure) -> dict[str, Any]:
    """An entry for programs."""
    entry = failure.entry
    return {
        "id": entry.id,
        "family": failure.family.id,
        "title": entry.title,
        "see": entry.see,
        "why": entry.why,
        "severity": entry.severity,
        "by_step": entry.by_step,
        "mend": [{"do": mend.do, "run": mend.run.strip()} for mend in entry.mend],
        "key": entry.key,
        "key_does": entry.key_does,
        "sure": entry.sure,
        "source": entry.source,
    }
