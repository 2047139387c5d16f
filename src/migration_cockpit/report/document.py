"""What a report is made of, before it is a page or Markdown: headings, texts, tables and charts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Heading:
    """A heading of the second level."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows under a head; `tones` has a tone (`good`, `careful`, `bad` or "") for each row, where rows have one."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    tones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Commands:
    """What was done to the world under one title, as a person could have typed it."""

    title: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """A moment of a chart that has a name."""

    t: datetime
    text: str


@dataclass(frozen=True)
class Course:
    """One line of a chart."""

    name: str
    points: tuple[tuple[datetime, float], ...]


@dataclass(frozen=True)
class Chart:
    """Courses over time. `level` is a value from before to hold them against, `shade` a stretch that matters."""

    title: str
    courses: tuple[Course, ...]
    unit: str = ""
    """`B/s` for bytes per second, else as it is written behind a number."""
    level: float | None = None
    level_name: str = ""
    shade: tuple[datetime, datetime] | None = None
    shade_name: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A row of the plan: when it was planned, when it really ran."""

    name: str
    planned: tuple[datetime, datetime]
    actual: tuple[datetime, datetime] | None
    tone: str
    said: str


@dataclass(frozen=True)
class Plan:
    """Steps planned and flown, as bars over time. Drawn on a page only: Markdown has the same as a table."""

    title: str
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...] = ()


Block = Heading | Text | Items | Table | Commands | Chart | Plan


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    blocks: tuple[Block, ...]
