"""Every scene that has a snapshot, by name: what State it shows, and what is open over it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from migration_cockpit.advice.rollback_cost import cost
from migration_cockpit.app.plan import PANES, Looking
from migration_cockpit.cockpit import dialogs
from migration_cockpit.cockpit.details import table_of
from migration_cockpit.cockpit.dialogs import blocker, details, palette
from migration_cockpit.cockpit.dialogs.guide import GuideDialog
from migration_cockpit.cockpit.replay.controls import REPLAY_CONTROLS, WATCH_CONTROLS, JumpDialog
from migration_cockpit.cockpit.replay.player import Player
from migration_cockpit.cockpit.replay.watcher import Watcher
from migration_cockpit.playbook import postpone
from migration_cockpit.playbook.rollback.plan import END
from migration_cockpit.playbook.sheet import Sheet
from migration_cockpit.playbook.steps import STEPS
from migration_cockpit.session import events as ev
from migration_cockpit.session.lease import Holder
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.state import InFlight, Resumption
from tests.app import fixtures, going_back
from tests.app.fixtures import SAMPLES, Fold, at, upgraded
from tests.app.preparing import NOW as PREPARING
from tests.app.snapshots.stage import Opened, Scene, Stage, StandingClock
from tests.app.test_days_page import gone_through
from tests.app.test_guide import gathered
from tests.report.sample import write_day

sample_state = cache(fixtures.sample_state)
"""Folded once: a State does not change."""
after = cache(fixtures.after)

OTHER = Holder("sre-2", "bastion", "airflow-prod-20260516-085512", "elsewhere", "t", "2026-05-16T08:55:12.000000Z")
WHY_NOT = f"{OTHER.words} drives since 08:55:12 UTC: this cockpit observes; t takes over where that may be"
LONG = "the storage team has seen the volume at its limit and asks for half an hour more before anything else is done"


def _sample(name: str, stage: Stage) -> Opened:
    stage.stand(*sample_state(name))
    return Opened()


def _pane(pane: str, stage: Stage) -> Opened:
    stage.stand(*sample_state("blocked"))
    return Opened(looking=Looking(pane, zoom=True))


def _rows(pane: str, stage: Stage) -> Opened:
    stage.stand(*sample_state("blocked"))
    return Opened(details.RowsDialog(details.Looking(pane)), looking=Looking(pane))


def _rows_in(sample: str, pane: str, stage: Stage) -> Opened:
    stage.stand(*sample_state(sample))
    return Opened(details.RowsDialog(details.Looking(pane)), looking=Looking(pane))


def _about(pane: str, stage: Stage) -> Opened:
    stage.stand(*sample_state("blocked"))
    return Opened(details.AboutDialog(details.Looking(pane)), looking=Looking(pane))


def _row(pane: str, key: str, stage: Stage) -> Opened:
    stage.stand(*sample_state("blocked"))
    return Opened(details.RowDialog(details.Looking(pane, key=key), key), looking=Looking(pane))


def _row_in(sample: str, pane: str, number: int, stage: Stage) -> Opened:
    """The row of this place in a pane's own order."""
    stage.stand(*sample_state(sample))
    key = table_of(pane, stage.state, stage.clock.now()).rows[number].key
    return Opened(details.RowDialog(details.Looking(pane, key=key), key), looking=Looking(pane))


def _pod_looked(stage: Stage, *, refused: bool = False) -> Opened:
    """A pod whose events and log were read; or that could not be."""
    name = "airflow-dag-processor-66c4-t7w8n"
    state, now = sample_state("blocked")
    fold = Fold()
    fold.state = state
    warning = state.pods.warnings[0] if state.pods else None
    assert warning is not None
    why = "Kubernetes refuses: pods/log is forbidden for migration-cockpit in namespace airflow"
    fold.add("10:32:02", ev.PodLookAsked(pod=name))
    fold.add(
        "10:32:04",
        ev.PodLooked(
            pod=name,
            container="wait-for-airflow-migrations",
            previous=True,
            log=()
            if refused
            else ("[info] waiting for migrations", "TimeoutError: There are still unapplied migrations"),
            log_why=why if refused else "",
            events=() if refused else (warning,),
        ),
    )
    stage.stand(fold.state, now)
    return Opened(details.RowDialog(details.Looking("pods", key=name), name), looking=Looking("pods"))


def _filtered(stage: Stage) -> Opened:
    stage.stand(*sample_state("blocked"))
    return Opened(details.FilterDialog(details.Looking("database", words="grafana")), looking=Looking("database"))


def _page(page: str, sample: str, stage: Stage) -> Opened:
    stage.stand(*sample_state(sample))
    return Opened(page=page)


def sheet(step_id: str, stage: Stage, *, failing: bool = False) -> Sheet:
    """A step's own sheet; what its gates saw is made up."""
    step = next(each for each in STEPS if each.id == step_id)
    gates = tuple(
        ev.Check(
            name=gate.name,
            holds=not (failing and number == 0),
            found="6 tasks still run, the oldest for 1h08m" if failing and number == 0 else "as it must be",
            mend="wait for them, or end them in step 3" if failing and number == 0 else "",
        )
        for number, gate in enumerate(step.gates(stage.settings))
    )
    operations = step.operations(stage.settings, "airflow-prod-20260516-085512", 1)
    return Sheet(
        step=step_id,
        title=step.title,
        purpose=step.purpose,
        differs=step.differs,
        undo=step.undo,
        expected=step.expected(stage.settings),
        gates=gates,
        commands=tuple(command for each in operations for command in each.describe()),
        verification=tuple(step.verification(stage.settings)),
    )


def _sheet(step_id: str, stage: Stage) -> Opened:
    stage.stand(*sample_state("before"))
    return Opened(dialogs.SheetDialog(sheet(step_id, stage)))


def _sheet_fails(stage: Stage) -> Opened:
    stage.stand(*sample_state("before"))
    why = "a gate does not hold: type a reason (Tab goes to the field), or press Esc"
    return Opened(dialogs.SheetDialog(sheet("helm", stage, failing=True)), typed=LONG, notice=why)


def _guide(family: str, stage: Stage) -> Opened:
    stage.stand(*sample_state("soak"))
    return Opened(GuideDialog(family))


def _guide_gathered(stage: Stage) -> Opened:
    stage.stand(gathered(), at("10:40:30"))
    return Opened(GuideDialog("migration"))


def _days_found(stage: Stage) -> Opened:
    stage.stand(*gone_through())
    return Opened(page="days")


def _decision(stage: Stage, *, choice: str = "") -> Opened:
    stage.stand(*sample_state("drain"))
    assert stage.state.decision is not None
    dialog = dialogs.DecisionDialog(stage.state.decision.event)
    dialog.choice = choice
    return Opened(dialog)


def _writing(kind: type[dialogs.OpenDialog], typed: str, stage: Stage) -> Opened:
    stage.stand(*sample_state("migrating"))
    return Opened(kind(), typed=typed)


def _driven(stage: Stage, *, offered: bool, stale: bool) -> Opened:
    stage.stand(*sample_state("migrating"))
    stage.not_driving = (
        f"{OTHER.words} drives since 08:55:12 UTC: this cockpit observes; t takes over where that may be"
    )
    keeper = SimpleNamespace(offered=offered, stale=stale, quiet=41.0, me=OTHER)
    stage.driving = SimpleNamespace(keeper=keeper, other=OTHER, error="")
    return Opened(dialogs.TakeOverDialog("airflow-prod", stage))  # type: ignore[arg-type]  # the light stands for it


def _observer(stage: Stage) -> Opened:
    stage.stand(*sample_state("migrating"))
    stage.not_driving = (
        f"{OTHER.words} drives since 08:55:12 UTC: this cockpit observes; t takes over where that may be"
    )
    return Opened(notice=stage.not_driving)


def _postpone(stage: Stage) -> Opened:
    stage.stand(*sample_state("drain"))
    fold = Fold()
    fold.state = stage.state
    fold.add("09:04", ev.LedgerWritten(artifact="ledger.json", active=212, total=230))
    stage.stand(fold.state, at("09:48"))
    commands = (ev.Command(text="airflow dags unpause --treat-dag-id-as-regex '^(etl_orders|ml_features)$'", what="…"),)
    message = postpone.message(stage.settings, "<reason>")
    return Opened(dialogs.PostponeDialog(commands, message, postpone.starts_from(stage.state)))


def _unwritable(stage: Stage) -> Opened:
    """The journal's disk is full: no step runs, and that stands on the screen."""
    stage.stand(*sample_state("migrating"))
    stage.recorder.write_error = "No space left on device"
    return Opened()


def _not_prepared(stage: Stage) -> Opened:
    state, now = sample_state("nothing")
    stage.stand(state, now - timedelta(days=4))
    return Opened(dialogs.PrepareDialog())


def _prepared(make: Callable[[], dialogs.OpenDialog], stage: Stage) -> Opened:
    stage.stand(sample_state("preparing")[0], PREPARING)
    return Opened(make())


def _blocker(stage: Stage) -> Opened:
    stage.stand(*sample_state("blocked"))
    found = blocker.offered(stage.state)
    assert found is not None
    dialog = dialogs.EndBlockerDialog(*found)
    return Opened(dialog, typed=dialog.phrase[:3])


def _resumed_clean(stage: Stage) -> Opened:
    state, now = sample_state("drain")
    left = Resumption(at=now, last=now - timedelta(hours=2), before="sre-2", left="detached")
    stage.stand(msgspec.structs.replace(state, resumption=left), now)
    return Opened(dialogs.ResumedDialog())


def _resumed(stage: Stage) -> Opened:
    state, now = sample_state("migrating")
    operations = (
        InFlight(step="migrate", operation="migration-job", begun=at("10:21:08"), found="running", detail="1 pod runs"),
        InFlight(step="migrate", operation="measure", begun=at("10:21:05"), found="done", outcome="done"),
        InFlight(step="migrate", operation="announce-start", begun=at("10:21:04")),
    )
    left = Resumption(
        at=now,
        last=now - timedelta(minutes=3),
        before="sre-2",
        left="",
        step="migrate",
        torn=117,
        operations=operations,
    )
    stage.stand(msgspec.structs.replace(state, resumption=left), now)
    return Opened(dialogs.ResumedDialog())


# --- The way back ---------------------------------------------------------------------------------------------------


def _look_back(stage: Stage, *, job: str = "", hours: float = 0.5) -> dialogs.RollbackDialog:
    state = going_back.costing(after().state)
    stage.stand(state, at("13:05") + timedelta(hours=hours))
    runner = going_back.PaperRunner(stage.settings, job=job)
    stage.runner = runner
    looking = runner.prospect()
    try:
        looking.send(None)  # it awaits nothing
    except StopIteration as found:
        prospect = found.value
    return dialogs.RollbackDialog(prospect, cost(stage.state, stage.clock.now()))


def _rollback(stage: Stage, *, way: str = "", job: str = "", hours: float = 0.5) -> Opened:
    dialog = _look_back(stage, job=job, hours=hours)
    if way:
        dialog.plan = going_back.PaperRunner(stage.settings, job=job).plan_back(dialog.prospect, way)
    return Opened(dialog)


def _going(kind: Any, typed: str, stage: Stage, *, job: str = "") -> Opened:
    first = _look_back(stage, job=job)
    plan = going_back.PaperRunner(stage.settings, job=job).plan_back(first.prospect, "restore", job=END)
    if kind is dialogs.RollbackReasonDialog:
        return Opened(kind(plan, first.prospect), typed=typed)
    reason = "tasks fail by the hundred, no mend in sight"
    if kind is dialogs.RollbackCodeDialog:
        return Opened(kind(plan, first.prospect, reason, "123456"), typed=typed)
    dialog = kind(plan, first.prospect, reason)
    if kind is dialogs.RollbackCountdown:
        dialog._at = stage.clock.monotonic() + 5.0
    return Opened(dialog, typed=typed, notice="armed: it begins in 5 s, Esc cancels" if not typed else "")


def _back_over(stage: Stage) -> Opened:
    fold = Fold()
    fold.state = going_back.under_way(after().state)
    assert fold.state.rollback is not None
    for number, each in enumerate(fold.state.rollback.stages[4:]):
        if number:
            fold.add(f"12:{46 + number}", ev.RollbackStageStarted(stage=each.id, operator="sre-1"))
        fold.add(f"12:{46 + number}:30", ev.RollbackStageEnded(stage=each.id, outcome="verified", operator="sre-1"))
    fold.add("12:59", ev.RollbackEnded(outcome="rolled back", operator="sre-1"))
    stage.stand(fold.state, at("13:00"))
    return Opened(dialogs.UnderWayDialog())


def _under_way(stage: Stage, *, failed: bool = False) -> Opened:
    stage.stand(going_back.under_way(after().state, failed=failed), at("12:45"))
    return Opened(dialogs.UnderWayDialog())


# --- What is looked at afterwards, or from elsewhere ------------------------------------------------------------------


@cache
def _day() -> Path:
    """The journal of the sample day; it lies in a folder that lasts as long as the process."""
    folder = tempfile.TemporaryDirectory(prefix="cockpit-scenes-")
    _FOLDERS.append(folder)
    return write_day(Path(folder.name))


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def _replay(dialog: dialogs.OpenDialog | None, stage: Stage) -> Opened:
    player = Player(Recording(_day()))
    player.to_time(at("10:44"))
    stage.shows = player
    return Opened(dialog, controls=REPLAY_CONTROLS, typed="step:migrate" if dialog else "")


def _watch(stage: Stage) -> Opened:
    recording = Recording(_day())
    stage.shows = Watcher(recording, StandingClock(recording.last.t + timedelta(seconds=1)))
    return Opened(controls=WATCH_CONTROLS)


def _message_before(stage: Stage) -> Opened:
    stage.stand(upgraded().state, at("10:10"))
    return Opened(dialogs.MessageDialog(), typed=LONG)


SCENES: dict[str, Scene] = {
    **{f"board-{name}": partial(_sample, name) for name in SAMPLES},
    **{f"pane-{name}": partial(_pane, name) for name in PANES},
    **{f"rows-{name}": partial(_rows, name) for name in PANES},
    **{f"about-{name}": partial(_about, name) for name in ("pods", "database")},
    "rows-filter": _filtered,
    "row-pod": partial(_row, "pods", "airflow-dag-processor-66c4-t7w8n"),
    "row-session": partial(_row, "database", "24077"),
    "row-workload": partial(_row, "pods", "load Deployment/airflow-scheduler"),
    "row-warning": partial(_row_in, "blocked", "pods", -1),
    "row-pod-looked": _pod_looked,
    "row-pod-refused": partial(_pod_looked, refused=True),
    "row-step": partial(_row, "timeline", "migrate"),
    "row-stage": partial(_row_in, "back-failed", "timeline", 15),
    "row-task": partial(_row_in, "drain", "tasks", 0),
    "row-waiter": partial(_row, "database", "25611"),
    "row-metric": partial(_row_in, "soak", "scheduler", 0),
    "row-component": partial(_row_in, "soak", "scheduler", 4),
    "row-line": partial(_row_in, "blocked", "log", -2),
    "row-gone": partial(_row, "tasks", "billing|export|run|-1"),
    "rows-waiting": partial(_rows_in, "nothing", "pods"),
    "rows-unreachable": partial(_rows_in, "unreachable", "database"),
    "rows-stale": partial(_rows_in, "failing", "pods"),
    "rows-tasks-drain": partial(_rows_in, "drain", "tasks"),
    "help": partial(_page, "help", "migrating"),
    "advice": partial(_page, "advice", "blocked"),
    "failures": partial(_page, "failures", "recognised"),
    "failures-none": partial(_page, "failures", "before"),
    "days": partial(_page, "days", "before"),
    "days-found": _days_found,
    "sheet": partial(_sheet, "helm"),
    "sheet-migrate": partial(_sheet, "migrate"),
    "sheet-gate-fails": _sheet_fails,
    "guide": partial(_guide, ""),
    "guide-dags": partial(_guide, "dags"),
    "guide-gathered": _guide_gathered,
    "decision": _decision,
    "decision-chosen": partial(_decision, choice="go on"),
    "note": partial(_writing, dialogs.NoteDialog, LONG),
    "message": _message_before,
    "window": partial(_writing, dialogs.WindowDialog, "17:00 the block cost us half an hour"),
    "offer": partial(_writing, dialogs.OfferDialog, "sre-2"),
    "takeover": partial(_driven, offered=False, stale=False),
    "takeover-stale": partial(_driven, offered=False, stale=True),
    "takeover-offered": partial(_driven, offered=True, stale=False),
    "observer": _observer,
    "unwritable": _unwritable,
    "postpone": _postpone,
    "prepare": partial(_prepared, dialogs.PrepareDialog),
    "prepare-nothing": _not_prepared,
    "prerequisite": partial(_prepared, partial(dialogs.PrerequisiteDialog, 4)),
    "sign": partial(_prepared, partial(dialogs.SignDialog, 10, "11 window: approved", "the window is approved")),
    "test-backup": partial(
        _prepared,
        partial(dialogs.BackupDialog, 6, (ev.Command(text="pg_restore --jobs 2 airflow.dump", what="restore it"),)),
    ),
    "end-blocker": _blocker,
    "resumed": _resumed,
    "resumed-clean": _resumed_clean,
    "rollback": _rollback,
    "rollback-restore": partial(_rollback, way="restore"),
    "rollback-downgrade": partial(_rollback, way="downgrade"),
    "rollback-job": partial(_rollback, way="restore", job=going_back.JOB),
    "rollback-late": partial(_rollback, hours=26.0),
    "rollback-reason": partial(_going, dialogs.RollbackReasonDialog, LONG),
    "rollback-end-job": partial(_going, dialogs.RollbackEndJobDialog, "airflow-db", job=going_back.JOB),
    "rollback-code": partial(_going, dialogs.RollbackCodeDialog, "123"),
    "rollback-phrase": partial(_going, dialogs.RollbackPhraseDialog, "airflow"),
    "rollback-countdown": partial(_going, dialogs.RollbackCountdown, ""),
    "rollback-under-way": _under_way,
    "rollback-under-way-failed": partial(_under_way, failed=True),
    "rollback-over": _back_over,
    "palette": partial(_writing, palette.PaletteDialog, "rollback"),
    "replay": partial(_replay, None),
    "jump": partial(_replay, JumpDialog()),
    "watch": _watch,
}
"""A scene for every sample, pane, dialog and page; the tests hold this list against the code's."""
