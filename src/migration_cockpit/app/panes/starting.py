"""The screen before the session is opened: what each pane waits for, and what is being done.

It knows neither State nor config, so that the first paint does not wait for all that draws a migration.
"""

from __future__ import annotations

from cockpit_widgets.charts import badge
from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, line, wrap
from cockpit_widgets.spans import width as cells
from migration_cockpit.advice.advice import STARTING, Advice

WAITS_FOR = {
    "pods": "the list of the release's pods from Kubernetes",
    "tasks": "the counts of task instances from the database",
    "database": "the metadata database",
    "scheduler": "the scheduler's metrics from Grafana",
    "sessions": "the sessions of the database",
}
"""What a pane shows once it has been read."""
TITLES = {"behind": "step"}
"""What a part is called that is not called by its name."""
ABOUT = {"database": "PostgreSQL", "scheduler": "Grafana"}
"""What stands behind a pane's name."""


def pane(name: str, width: int) -> View:
    """A pane that nothing has been read for."""
    if name in {"timeline", "behind"}:
        return View((line(("waits for the session to open", "dim")),), titled(TITLES.get(name, name)))
    if name == "log":
        waits = "waits for the first line: what steps print, and what happens, stands here"
        return View((line((waits, "dim")),), titled(name))
    return View(tuple(waiting(name, width)), titled(name, ABOUT.get(name, "")), UNREAD)


def titled(name: str, more: str = "") -> Line:
    """A pane's title, with what it is about behind it."""
    return line((name, "title"), (f" · {more}" if more else "", "dim"))


def waiting(name: str, width: int) -> list[Line]:
    """What stands in a pane before its first reading."""
    return [line((text, "dim")) for text in wrap(f"waits for {WAITS_FOR[name]}", width)]


STRIP = View((line(("timeline waits for the session to open", "dim")),))
"""The timeline in two rows."""
UNREAD: Line = line(("waiting for the first reading", "dim"))
"""What stands in its frame."""


def advice(width: int, height: int, notice: str) -> View:
    """That the session is being opened, and a notice."""
    return said(STARTING, width, height, notice)


def said(
    given: Advice, width: int, height: int, notice: str, *, banner: list[Line] | None = None, title: Line = ()
) -> View:
    """An advice in its pane: banner, word, headline and the lines below it; a notice takes the last rows."""
    notices = (
        [
            line(("▲ " if n == 0 else "  ", "careful-bold"), (text, "careful-bold"))
            for n, text in enumerate(wrap(notice, width - 2)[: max(1, height - 1)])
        ]
        if notice
        else []
    )
    lines = [*(banner or []), *_lines(given, width)]
    room = max(1, height - len(notices))
    foot = line(("a", "bold"), (f" shows all {len(lines)} lines", "dim")) if len(lines) > room else ()
    tone = f"border-{given.tone}" if given.tone in {"careful", "bad"} else "border-focus"
    return View((*lines[:room], *notices), title, foot, tone)


def _lines(given: Advice, width: int) -> list[Line]:
    head = line(badge(given.word, given.tone), ("  ", "text"))
    first, *rest = wrap(given.headline, width - cells(head)) or [""]
    more = [text for each in (" ".join(rest), *given.details) if each for text in wrap(each, width)]
    return [
        line(head, (first, "bright")),
        *(line((text, "text" if n == 0 and rest else "dim")) for n, text in enumerate(more)),
    ]
