"""A report as Markdown for a wiki: the same as the page, charts as a row of blocks and their figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from migration_cockpit.report.document import Block, Chart, Commands, Document, Heading, Items, Plan, Table, Text
from migration_cockpit.report.drawing import amount

BLOCKS = "▁▂▃▄▅▆▇█"
SPARK = 40
"""Blocks of a chart's row."""
_WORDS = {"good": "✔ ", "careful": "▲ ", "bad": "✘ "}
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\`*_[]<>|"})


def render(document: Document) -> str:
    """The whole report."""
    parts = [f"# {_text(document.title)}"]
    for kind, group in groupby(document.blocks, key=type):
        blocks = list(group)
        if kind is Commands:
            parts.append("\n\n".join(_block(each) for each in blocks))
        else:
            parts += [_block(each) for each in blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(text: str) -> str:
    """Text of others cannot become a heading, a table's edge, a link or HTML."""
    return " ".join(text.translate(_SPECIAL).split())


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {_text(text)}"
        case Text(text):
            return _text(text)
        case Items(items):
            return "\n".join(f"- {_text(item)}" for item in items)
        case Table():
            return _table(block)
        case Commands(title, commands):
            body = "\n".join(commands)
            fence = "```"
            while fence in body:
                fence += "`"
            return f"{_text(title)}\n\n{fence}sh\n{body}\n{fence}"
        case Chart():
            return _chart(block)
        case Plan():
            return ""  # The table below it says the same.


def _table(table: Table) -> str:
    tones = table.tones or ("",) * len(table.rows)
    rows = [
        [_WORDS.get(tone, "") + _text(cells[0]), *(_text(cell) for cell in cells[1:])]
        for cells, tone in zip(table.rows, tones, strict=True)
    ]
    lines = [[_text(cell) for cell in table.head], ["---"] * len(table.head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _chart(chart: Chart) -> str:
    rows = []
    for course in chart.courses:
        values = [value for _, value in course.points]
        first, last = course.points[0][0], course.points[-1][0]
        rows.append(
            (
                course.name,
                f"{first:%H:%M:%S} to {last:%H:%M:%S}",
                spark(values),
                amount(min(values), chart.unit),
                amount(max(values), chart.unit),
                amount(values[-1], chart.unit),
            )
        )
    level = f"\n\n{chart.level_name}: {amount(chart.level, chart.unit)}" if chart.level is not None else ""
    head = (chart.title, "UTC", "course", "lowest", "highest", "last")
    return _table(Table(head, tuple(rows))) + level


def spark(values: Sequence[float]) -> str:
    """The values as a row of blocks, from zero or the lowest of them up to the highest."""
    wide = min(SPARK, len(values))
    means = []
    for number in range(wide):
        part = values[number * len(values) // wide : (number + 1) * len(values) // wide]
        means.append(sum(part) / len(part))
    low, high = min(0.0, *means), max(means)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((value - low) * scale)] for value in means)
