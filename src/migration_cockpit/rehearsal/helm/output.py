"""What commands print: JSON and YAML of Go's encoders, and helm's tables."""

from __future__ import annotations

import json
import re
from datetime import datetime

from migration_cockpit.rehearsal.helm.release import Release
from migration_cockpit.rehearsal.helm.template import yamlish
from migration_cockpit.rehearsal.helm.template.nodes import Value


def encode(value: Value, form: str) -> str:
    """A value as JSON (one line, keys in their order) or YAML (keys sorted)."""
    if form == "yaml":
        return yamlish.dump(value)
    text = json.dumps(yamlish.plain(value), separators=(",", ":"), ensure_ascii=False)
    # Go's encoder escapes what a browser could take for markup.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


def table(rows: list[list[str]], widest: int = 0) -> str:
    """Columns padded to the longest cell and joined by tabs; cells above `widest` characters are cut."""
    if widest:
        rows = [[cell if len(cell) <= widest else cell[: widest - 3] + "..." for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return (
        "\n".join("\t".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows) + "\n"
    )


def ansi_time(stamp: str) -> str:
    """A stored time as Go's ANSIC layout shows it."""
    moment = _moment(stamp)
    return f"{moment:%a %b} {moment.day:2d} {moment:%H:%M:%S %Y}" if moment else ""


def long_time(stamp: str) -> str:
    """A stored time as Go prints a time.Time."""
    moment = _moment(stamp)
    if moment is None:
        return "-"
    digits = re.search(r"\.\d+", stamp)
    fraction = digits.group() if digits else ""
    offset = f"{moment:%z}"
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} {offset} {'UTC' if offset == '+0000' else offset}"


def _moment(stamp: str) -> datetime | None:
    if not stamp:
        return None
    date, _, rest = stamp.partition(".")
    if rest:
        # The real helm writes nanoseconds.
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        stamp = f"{date}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}"
    return datetime.fromisoformat(stamp)


def status(release: Release, form: str, *, show_description: bool = False, show_chart: bool = False) -> str:
    """What install, upgrade and status print about a release."""
    if form != "table":
        return encode(release.to_record(), form)
    lines = [
        f"NAME: {release.name}",
        f"LAST DEPLOYED: {ansi_time(release.last_deployed)}",
        f"NAMESPACE: {release.namespace}",
        f"STATUS: {release.status}",
        f"REVISION: {release.version}",
    ]
    if show_chart:
        metadata = release.chart.get("metadata") or {}
        lines += [f"CHART: {metadata.get('name')}", f"VERSION: {metadata.get('version')}"]
        lines.append(f"APP_VERSION: {release.app_version}")
    if show_description:
        lines.append(f"DESCRIPTION: {release.description}")
    lines.append("TEST SUITE: None")
    if release.description.lower() == "dry run complete":
        lines += ["HOOKS:", *(f"---\n# Source: {hook['path']}\n{hook['manifest']}" for hook in release.hooks)]
        lines.append(f"MANIFEST:\n{release.manifest}")
    if release.notes.strip():
        lines.append(f"NOTES:\n{release.notes.strip()}")
    return "\n".join(lines) + "\n"


def history(releases: list[Release], form: str) -> str:
    """`helm history`, oldest first."""
    rows = [
        {
            "revision": release.version,
            "updated": release.last_deployed,
            "status": release.status,
            "chart": release.chart_label,
            "app_version": release.app_version,
            "description": release.description,
        }
        for release in releases
    ]
    if form != "table":
        return encode(rows, form)
    head = ["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"]
    cells = [
        [str(row["revision"]), ansi_time(str(row["updated"])), *(str(row[key]) for key in list(row)[2:])]
        for row in rows
    ]
    return table([head, *cells])


def releases(found: list[Release], form: str) -> str:
    """`helm list`."""
    rows = [
        {
            "name": release.name,
            "namespace": release.namespace,
            "revision": str(release.version),
            "updated": long_time(release.last_deployed),
            "status": release.status,
            "chart": release.chart_label,
            "app_version": release.app_version,
        }
        for release in found
    ]
    if form != "table":
        return encode(rows, form)
    head = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"]
    return table([head, *(list(row.values()) for row in rows)])
