"""What a check of the connections finds, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is as the playbook needs it, what was found, and the mend if not."""

    area: str
    name: str
    ok: bool
    found: str
    mend: str = ""


def as_json(findings: Sequence[Finding]) -> str:
    """A JSON array, one object a finding."""
    return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)


def as_table(findings: Sequence[Finding], *, width: int, good: str = "ok", bad: str = "WRONG") -> str:
    """A table that fits the width; what is wrong stands with its mend below it. `good` and `bad` are the words."""
    name_width = max(len(finding.name) for finding in findings) if findings else 0
    lines: list[str] = []
    area = ""
    for finding in findings:
        if finding.area != area:
            area = finding.area
            lines += ["", area] if lines else [area]
        head = f"  {f'✔ {good}' if finding.ok else f'✘ {bad}':7} {finding.name:{name_width}}  "
        rest = textwrap.wrap(finding.found, max(20, width - len(head))) or [""]
        lines.append(head + rest[0])
        lines += [" " * len(head) + line for line in rest[1:]]
        if not finding.ok and finding.mend:
            lines += [" " * len(head) + line for line in textwrap.wrap(f"→ {finding.mend}", max(20, width - len(head)))]
    wrong = sum(not finding.ok for finding in findings)
    lines += ["", f"{len(findings) - wrong} of {len(findings)} {good}" + (f", {wrong} {bad.lower()}" if wrong else "")]
    return "\n".join(lines)
