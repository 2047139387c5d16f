"""The guarded rollback as it is seen: why, what is lost, by which way; then reason, phrase, countdown.

What decides stands first; the commands of the chosen way follow below, all of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cockpit_widgets.panel import View
from cockpit_widgets.spans import Line, clip, line, wrap
from migration_cockpit.advice.rollback_cost import THREE_WAYS, Cost, cost_to
from migration_cockpit.app.dialogs.base import Dialog
from migration_cockpit.app.dialogs.writing import Writing
from migration_cockpit.app.words import hm, long, plural
from migration_cockpit.cockpit import dialogs
from migration_cockpit.playbook.rollback.plan import DUMP, END, RESTORE, Plan, Point, Prospect, Way
from migration_cockpit.session.state import STEP_TITLES, State

if TYPE_CHECKING:
    from textual.widgets import Input

    from cockpit_widgets.typein import TypeIn

LABEL = 15
"""Width of the names beside which the texts stand."""
WAYS: Line = line(("Ways", "bold"))


class RollbackDialog(Dialog):
    """Opens with nothing chosen."""

    tone = "border-bad"

    def heading(self) -> str:
        """Its title."""
        if self._late:
            return "rollback · none is run from here any more"
        return "rollback · nothing is done until you have typed what it goes back to"

    @property
    def _late(self) -> bool:
        dialog = self._cockpit_app.desk.dialog
        return isinstance(dialog, dialogs.RollbackDialog) and dialog.too_late

    def key_entries(self) -> list[tuple[str, str]]:
        """Where it is too late, only what can still be done."""
        return [entry for entry in super().key_entries() if not self._late or entry[0] in {"Esc", "x", "r"}]

    def text(self, width: int) -> list[Line]:
        """All of it."""
        app = self._cockpit_app
        dialog = app.desk.dialog
        if not isinstance(dialog, dialogs.RollbackDialog):
            return []
        chosen = dialog.plan
        above = [*labelled("Why one might", reasons(app.state), width), *cost_lines(self._costs(dialog), width)]
        seen = [(), *labelled("What is seen", dialog.prospect.seen.lines, width)]
        if dialog.too_late:
            return [*late_lines(width), (), *above, *seen]
        return [
            *above,
            *job_lines(dialog, width),
            (),
            *way_lines(dialog.prospect, chosen, app.now, width),
            *(plan_lines(chosen, width) if chosen else []),
            *seen,
        ]

    def body(self, width: int, height: int) -> View:
        """Where the ways are not seen at once, what decides stands first in a row each, and all of it below."""
        dialog, app = self._cockpit_app.desk.dialog, self._cockpit_app
        lines = self.text(width)
        if not isinstance(dialog, dialogs.RollbackDialog) or dialog.too_late:
            return View(tuple(lines))
        whole = len(way_lines(dialog.prospect, dialog.plan, app.now, width))
        first = next(n for n, each in enumerate(lines) if each == WAYS)
        if first + whole > height:
            short = [
                *brief_costs(self._costs(dialog), width),
                *job_lines(dialog, width),
                *brief_ways(dialog.prospect, dialog.plan, app.now, width),
                line(("in full ".ljust(width, "─"), "dim")),
            ]
            lines = [*short, *lines]
        return View(tuple(lines))

    def _costs(self, dialog: dialogs.RollbackDialog) -> Cost | None:
        """As it was when this opened; for a chosen recovery point, what it would lose."""
        plan, app = dialog.plan, self._cockpit_app
        if dialog.costs is None or plan is None or plan.point is None:
            return dialog.costs
        return cost_to(app.state, app.now, plan.point.name, plan.point.method)


class _Going(Writing):
    tone = "border-bad"

    def make_field(self) -> TypeIn:
        """The field."""
        if not self.desk.dialog or not self.desk.dialog.by_hand:
            return super().make_field()
        from cockpit_widgets.confirm import TypeToConfirm

        app = self._cockpit_app
        return TypeToConfirm(deaf=lambda: app.desk.deaf, told=app.tell, id="field")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show at once how much of the phrase is typed."""
        super().on_input_changed(event)
        if self.desk.dialog is not None and self.desk.dialog.by_hand:
            self.redraw()

    def _to_type(self, phrase: str) -> Line:
        from cockpit_widgets.confirm import phrase_line

        return phrase_line(phrase, self._cockpit_app.desk.typed)

    def heading(self) -> str:
        """Its title."""
        return "rollback"

    def _before(self, width: int) -> list[Line]:
        """What is being confirmed, in short."""
        dialog = self._cockpit_app.desk.dialog
        if not isinstance(
            dialog,
            dialogs.RollbackReasonDialog
            | dialogs.RollbackEndJobDialog
            | dialogs.RollbackCodeDialog
            | dialogs.RollbackPhraseDialog,
        ):
            return []
        return [
            *going_lines(dialog.plan, self._cockpit_app.state, self._cockpit_app.now, width),
            *_reason(dialog.reason, width),
            (),
        ]


class RollbackReasonDialog(_Going):
    """Why."""

    asks = "Why is it taken back? It goes into the journal and the message:"

    def text(self, width: int) -> list[Line]:
        """What is being confirmed."""
        return self._before(width)


class RollbackEndJobDialog(_Going):
    """Ending a migration that works."""

    asks = "Type the Job's name to end it:"

    def text(self, width: int) -> list[Line]:
        """What ending it leaves behind."""
        dialog = self._cockpit_app.desk.dialog
        if not isinstance(dialog, dialogs.RollbackEndJobDialog):
            return []
        name = dialog.phrase
        said = (
            "The migration is at work and will be ended. On PostgreSQL a revision is one transaction: the one it works "
            "on is undone, those before it stay. A statement that has begun may run on in an orphaned session; it is "
            "waited for.",
        )
        return [*self._before(width), *_wrapped(said, width, "careful"), self._to_type(name)]


class RollbackCodeDialog(_Going):
    """A second person."""

    asks = "The second person's code:"

    def text(self, width: int) -> list[Line]:
        """Who has it."""
        said = (
            "The config asks for a second person: rollback.second_person.",
            "Whoever watches this session sees a code of six digits. Let them read what stands here, and read it out.",
        )
        return [*self._before(width), *_wrapped(said, width, "text")]


class RollbackPhraseDialog(_Going):
    """The last thing that is typed."""

    asks = "Type it:"

    def text(self, width: int) -> list[Line]:
        """The phrase, and what follows."""
        desk = self.desk
        if not isinstance(desk.dialog, dialogs.RollbackPhraseDialog):
            return []
        what = "the release and the end of the recovery point" if desk.dialog.plan.point else "the release and the way"
        follows = f"To go on, type {what}. Then five seconds are counted down, in which Esc cancels."
        phrase = self._to_type(desk.dialog.phrase(desk))
        return [*self._before(width), *_wrapped((follows,), width, "text"), (), phrase]


class RollbackCountdown(Dialog):
    """Esc cancels."""

    tone = "border-bad"

    def heading(self) -> str:
        """Its title."""
        return "rollback · armed"

    def text(self, width: int) -> list[Line]:
        """How long it still takes."""
        desk = self.desk
        dialog = desk.dialog
        if not isinstance(dialog, dialogs.RollbackCountdown):
            return []
        left = dialog.seconds(desk)
        return [
            line((f"The way back begins in {left:.0f} s. Esc cancels.", "bad-bold")),
            (),
            *going_lines(dialog.plan, self._cockpit_app.state, self._cockpit_app.now, width),
            *_reason(dialog.reason, width),
        ]


def reasons(state: State) -> tuple[str, ...]:
    """What speaks for going back now: a step that failed, a verdict that is not good, a window that closed."""
    said = [
        f"step {STEP_TITLES[step.id]} {step.outcome}: {step.why}"
        for step in state.steps.values()
        if step.outcome in {"failed", "aborted"}
    ]
    verdict = state.verdict
    if verdict is not None and verdict.verdict in {"BLOCKED", "QUIET", "LOST", "FAILED", "SLOW"}:
        said.append(f"verdict {verdict.verdict}: {verdict.evidence}")
    back = state.rollback
    if back is not None and back.outcome == "failed":
        said.append(f"an earlier way back was left: {back.why}")
    return tuple(said) or ("nothing that the cockpit sees",)


def job_lines(dialog: dialogs.RollbackDialog, width: int) -> list[Line]:
    """What to do about a migration Job at work."""
    job = dialog.prospect.seen.job
    if not job:
        return []
    chosen = {"": "not chosen yet", END: "it is ended, asked once more"}.get(dialog.job, "its end is waited for")
    said = f"The migration Job {job} is at work. t waits for its end, e ends it: {chosen}."
    return _wrapped((said,), width, "careful-bold")


def way_lines(prospect: Prospect, chosen: Plan | None, now: datetime, width: int) -> list[Line]:
    """Every way; staying is the first and the default."""
    mark, tone = ("  ", "text") if chosen else ("▶ ", "bright")
    lines = [WAYS, line((f"{mark}0  stay: nothing is done", tone))]
    for number, way in enumerate(prospect.ways, 1):
        lines += _way(number, way, chosen if chosen and chosen.way.id == way.id else None, now, width)
    return lines


def _way(number: int, way: Way, chosen: Plan | None, now: datetime, width: int) -> list[Line]:
    mark, tone = ("▶ ", "bright") if chosen else ("  ", "text")
    if way.refused:
        first, *rest = wrap(f"{way.title}: not possible, {way.refused}", width - 5)
        return [line((f"  {number}  ", "dim"), (first, "dim")), *(line((" " * 5 + each, "dim")) for each in rest)]
    takes = f", takes about {long(chosen.expected)}" if chosen else ""
    first, *rest = wrap(f"{way.title}{takes}. {way.what}", width - 5)
    lines = [line((f"{mark}{number}  ", tone), (first, tone)), *(line((" " * 5 + each, tone)) for each in rest)]
    lines += [line((" " * 5 + each, "careful")) for said in way.loses for each in wrap(f"loses {said}", width - 5)]
    point = chosen.point if chosen else next((each for each in way.points if not each.refused), None)
    if point is not None:
        others = sum(not each.refused for each in way.points) - 1
        more = f"   p: {plural(others, 'other')}" if chosen and others else ""
        lines += [line((" " * 5 + each, tone)) for each in wrap(f"to {point_words(point, now)}{more}", width - 5)]
    for refused in (each for each in way.points if each.refused and chosen):
        lines += [line((" " * 5 + each, "dim")) for each in wrap(f"not {refused.name}: {refused.refused}", width - 5)]
    return lines


def brief_ways(prospect: Prospect, chosen: Plan | None, now: datetime, width: int) -> list[Line]:
    """Every way in a row, the chosen one with its recovery point below it."""
    lines = [clip(line(("  " if chosen else "▶ ", "text"), ("0  stay: nothing is done", "text")), width)]
    for number, way in enumerate(prospect.ways, 1):
        mine = chosen is not None and chosen.way.id == way.id
        first = _way(number, way, chosen if mine else None, now, 10_000)
        lines += [clip(each, width) for each in (first if mine else first[:1])]
    return lines


def brief_costs(costs: Cost | None, width: int) -> list[Line]:
    """What decides, each in one row; it is cut, and stands in full below."""
    return [clip(each, width) for each in cost_lines(costs, 10_000, most=2)]


def point_words(point: Point, now: datetime) -> str:
    """A recovery point with its age, its state and the step that it preceded."""
    age = long(max(0.0, (now - point.taken).total_seconds()))
    before = f", before step {STEP_TITLES.get(point.step, point.step)}" if point.step else ""
    return f"{point.method} {point.name}, {hm(point.taken)} UTC, {age} ago{before}, {point.status}"


def plan_lines(plan: Plan, width: int) -> list[Line]:
    """Every stage in order, with its commands."""
    lines = [(), line(("What is done", "bold"), (f"   {plural(len(plan.stages), 'stage')}, in this order", "dim"))]
    for number, stage in enumerate(plan.stages, 1):
        lines.append(line((f"{number:2d}  ", "dim"), (stage.title, "bright"), (f"   {long(stage.expected)}", "dim")))
        lines += [line((f"    {text}", "text")) for text in wrap(stage.purpose, width - 4)]
        for command in stage.commands:
            lines += [line((f"    {each}", "good")) for each in wrap(command.text, width - 4, indent="  ")]
    return lines


def short_lines(plan: Plan, now: datetime, width: int) -> list[Line]:
    """The chosen way in a few lines."""
    said = [f"{plan.way.title}: {plan.way.what}", f"It takes about {long(plan.expected)}."]
    if plan.point is not None:
        said.append(f"Back to {point_words(plan.point, now)}.")
    said += [f"Loses {each}." for each in plan.way.loses]
    return _wrapped(tuple(said), width, "bright")


def going_lines(plan: Plan, state: State, now: datetime, width: int) -> list[Line]:
    """The chosen way in a few lines, with what a restore would lose as it stands now."""
    point = plan.point if plan.way.id in {RESTORE, DUMP} else None
    costs = cost_to(state, now, point.name, point.method) if point is not None else None
    loses = _wrapped(costs.rows, width, "careful-bold") if costs is not None else []
    return [*short_lines(plan, now, width), *loses]


def _reason(reason: str, width: int) -> list[Line]:
    return _wrapped((f"Reason: {reason}",), width, "text") if reason else []


def cost_lines(costs: Cost | None, width: int, *, most: int | None = None) -> list[Line]:
    """What is lost (`most` sentences of it), how long it takes and until when, and what its age means."""
    if costs is None:
        return labelled("What is lost", ("Nothing was upgraded: nothing is lost.",), width)
    tone = {"good": "text", "careful": "careful"}.get(costs.tone, "bad")
    return [
        *labelled("What is lost", costs.loss[:most], width),
        *labelled("How long", (costs.time,), width, "bad" if costs.over else "text"),
        *labelled("Its age", (costs.age,), width, tone),
    ]


def late_lines(width: int) -> list[Line]:
    """What there is instead of a rollback once it is too late for one."""
    said = "24 hours after 3.x came into service no rollback is run from here. Three ways:"
    lines = _wrapped((said,), width, "careful-bold")
    for number, way in enumerate(THREE_WAYS, 1):
        first, *rest = wrap(way, width - 4)
        lines += [line((f"  {number} ", "dim"), (first, "text")), *(line((f"    {each}", "text")) for each in rest)]
    return [*lines, line(("    x", "bold"), (" writes the list of these rows into the session's artifacts", "dim"))]


def labelled(name: str, texts: tuple[str, ...], width: int, tone: str = "text") -> list[Line]:
    """Texts beside a name."""
    lines = []
    for number, text in enumerate(texts):
        for n, each in enumerate(wrap(text, width - LABEL)):
            label = name if number == n == 0 else ""
            lines.append(line((f"{label:<{LABEL}}", "bold"), (each, tone)))
    return lines


def _wrapped(texts: tuple[str, ...], width: int, tone: str) -> list[Line]:
    return [line((each, tone)) for text in texts for each in wrap(text, width)]
