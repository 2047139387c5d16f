"""The dialogs: views of the desk. They hold nothing but where one has scrolled to and what is being typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.app.dialogs.base import Dialog

if TYPE_CHECKING:
    from migration_cockpit.app.app import CockpitApp

__all__ = ["Dialog", "dialog_for", "kinds"]


def dialog_for(about: str, app: CockpitApp) -> Dialog:
    """The dialog for a place of the desk (`sheet`, `decision` …) or a page (`help`, `advice`, `failures`, `days`)."""
    return kinds()[about](about, app)


def kinds() -> dict[str, type[Dialog]]:
    """Every dialog and page by the place or page that it is for. Imported with the first one that is opened."""
    from migration_cockpit.app.dialogs.blocker import EndBlockerDialog
    from migration_cockpit.app.dialogs.days import DaysDialog
    from migration_cockpit.app.dialogs.decision import DecisionDialog
    from migration_cockpit.app.dialogs.details import AboutPane, FilterDialog, OneRow, RowsDialog
    from migration_cockpit.app.dialogs.failures import FailuresDialog
    from migration_cockpit.app.dialogs.guide import GuideDialog
    from migration_cockpit.app.dialogs.helm import OfferDialog, TakeOverDialog
    from migration_cockpit.app.dialogs.help import AdviceDialog, HelpDialog
    from migration_cockpit.app.dialogs.jump import JumpDialog
    from migration_cockpit.app.dialogs.palette import PaletteDialog
    from migration_cockpit.app.dialogs.postpone import PostponeDialog
    from migration_cockpit.app.dialogs.prepare import (
        BackupDialog,
        PrepareDialog,
        PrerequisiteDialog,
        SignDialog,
    )
    from migration_cockpit.app.dialogs.resumed import ResumedDialog
    from migration_cockpit.app.dialogs.rollback import (
        RollbackCodeDialog,
        RollbackCountdown,
        RollbackDialog,
        RollbackEndJobDialog,
        RollbackPhraseDialog,
        RollbackReasonDialog,
    )
    from migration_cockpit.app.dialogs.sheet import SheetDialog
    from migration_cockpit.app.dialogs.under_way import UnderWayDialog
    from migration_cockpit.app.dialogs.window import WindowDialog
    from migration_cockpit.app.dialogs.writing import MessageDialog, NoteDialog

    return {
        "sheet": SheetDialog,
        "decision": DecisionDialog,
        "note": NoteDialog,
        "message": MessageDialog,
        "window": WindowDialog,
        "offer": OfferDialog,
        "takeover": TakeOverDialog,
        "postpone": PostponeDialog,
        "guide": GuideDialog,
        "prepare": PrepareDialog,
        "prerequisite": PrerequisiteDialog,
        "sign": SignDialog,
        "test-backup": BackupDialog,
        "end-blocker": EndBlockerDialog,
        "resumed": ResumedDialog,
        "rollback": RollbackDialog,
        "rollback-reason": RollbackReasonDialog,
        "rollback-end-job": RollbackEndJobDialog,
        "rollback-code": RollbackCodeDialog,
        "rollback-under-way": UnderWayDialog,
        "rollback-phrase": RollbackPhraseDialog,
        "rollback-countdown": RollbackCountdown,
        "palette": PaletteDialog,
        "rows": RowsDialog,
        "rows-filter": FilterDialog,
        "row": OneRow,
        "about-pane": AboutPane,
        "jump": JumpDialog,
        "help": HelpDialog,
        "advice": AdviceDialog,
        "failures": FailuresDialog,
        "days": DaysDialog,
    }
