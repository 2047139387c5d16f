"""What every pane says in its frame: how old its data is, or since when and why there is none; and the pane's rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import msgspec

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, line, wrap
from cockpit_widgets.spans import width as cells
from migration_cockpit.advice.rates import BUILT_IN, Rates
from migration_cockpit.advice.silence import silent
from migration_cockpit.app.panes.starting import UNREAD, titled
from migration_cockpit.app.words import age, hms, seconds_between
from migration_cockpit.config import Cadence, Limits
from migration_cockpit.session.state import State


@dataclass(frozen=True)
class Rules:
    """What of the config the panes draw by: thresholds and cadences."""

    limits: Limits = field(default_factory=Limits)
    cadence: Cadence = field(default_factory=Cadence)
    regression_percent: float = 20.0
    rates: Rates = BUILT_IN
    recorded: bool = False
    """Whether the verdict is the one on the record, as in a replay, and not today's judgement."""

    @classmethod
    def of(cls, state: State) -> Rules:
        """The rules that the journal says the screen draws by; the defaults before it says so."""
        known = state.rules
        if known is None:
            return cls()
        return cls(
            limits=_known(Limits, known.limits),
            cadence=_known(Cadence, known.cadence),
            regression_percent=known.regression_percent,
            rates=msgspec.json.decode(known.rates, type=Rates) if known.rates is not None else BUILT_IN,
        )

    def late(self, source: str) -> float:
        """Age in seconds at which a reading is late."""
        return self.cadence.late(source)


S = TypeVar("S", Limits, Cadence)


def _known(cls: type[S], values: Mapping[str, float]) -> S:
    """A section of the config of what is known of it; keys of another version are passed over."""
    standard = cls()
    return cls(
        **{name: type(getattr(standard, name))(values[name]) for name in cls.__struct_fields__ if name in values}
    )


def view(
    name: str,
    lines: list[Line],
    state: State,
    now: datetime,
    rules: Rules,
    *,
    source: str,
    width: int,
    more: str = "",
) -> View:
    """A pane fed by one source: its frame says how old the data is, or since when it is stale and why.

    A reason too long for the frame stands above the last reading as well.
    """
    known = state.sources.get(source)
    title = titled(name, more)
    if (quiet := silent(state).get(source)) is not None:
        since = (known.read if known is not None else None) or quiet.since
        told = f"as of {hms(since)}, expected" if quiet.expected else f"stale since {hms(since)}: {quiet.why}"
        tone, mark = ("dim", "") if quiet.expected else ("careful", "▲ ")
        foot = line((mark, tone), (told, tone))
        if known is not None and known.read is not None and (quiet.expected or cells(foot) > width - 16):
            lines = [*(line((text, tone)) for text in wrap(quiet.why, width)), *lines]
        return View(tuple(lines), title, foot, "border" if quiet.expected else "border-careful")
    if known is None or known.read is None:
        return View(tuple(lines), title, UNREAD)
    old = seconds_between(known.read, now)
    if old > rules.late(source):
        return View(tuple(lines), title, line((f"▲ late: {age(old)} old", "careful")), "border-careful")
    return View(tuple(lines), title, line((f"{age(old)} old", "dim")))


def empty(state: State, source: str, waits_for: str, width: int) -> list[Line]:
    """What stands in a pane before its first reading: what it waits for, or why it gets none."""
    known = state.sources.get(source)
    if known is not None and known.failing_since is not None:
        said = [line(("✖ no reading yet", "bad")), *(line((text, "careful")) for text in wrap(known.why, width))]
        return [*said, *(line((text, "dim")) for text in wrap(f"It reads {waits_for} as soon as it can.", width))]
    return [line((text, "dim")) for text in wrap(f"waits for {waits_for}", width)]
