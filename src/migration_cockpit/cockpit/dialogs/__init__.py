"""The dialogs as the desk knows them: what is asked, what is typed, what Enter does. `app/dialogs` draws them."""

from __future__ import annotations

from migration_cockpit.cockpit.dialogs.base import OpenDialog
from migration_cockpit.cockpit.dialogs.blocker import EndBlockerDialog
from migration_cockpit.cockpit.dialogs.decision import DecisionDialog
from migration_cockpit.cockpit.dialogs.guide import GuideDialog
from migration_cockpit.cockpit.dialogs.helm import OfferDialog, TakeOverDialog
from migration_cockpit.cockpit.dialogs.postpone import PostponeDialog
from migration_cockpit.cockpit.dialogs.prepare import BackupDialog, PrepareDialog, PrerequisiteDialog, SignDialog
from migration_cockpit.cockpit.dialogs.resumed import ResumedDialog
from migration_cockpit.cockpit.dialogs.rollback import (
    RollbackCodeDialog,
    RollbackCountdown,
    RollbackDialog,
    RollbackEndJobDialog,
    RollbackPhraseDialog,
    RollbackReasonDialog,
)
from migration_cockpit.cockpit.dialogs.sheet import SheetDialog
from migration_cockpit.cockpit.dialogs.under_way import UnderWayDialog
from migration_cockpit.cockpit.dialogs.window import WindowDialog
from migration_cockpit.cockpit.dialogs.writing import MessageDialog, NoteDialog

__all__ = [
    "BackupDialog",
    "DecisionDialog",
    "EndBlockerDialog",
    "GuideDialog",
    "MessageDialog",
    "NoteDialog",
    "OfferDialog",
    "OpenDialog",
    "PostponeDialog",
    "PrepareDialog",
    "PrerequisiteDialog",
    "ResumedDialog",
    "RollbackCodeDialog",
    "RollbackCountdown",
    "RollbackDialog",
    "RollbackEndJobDialog",
    "RollbackPhraseDialog",
    "RollbackReasonDialog",
    "SheetDialog",
    "SignDialog",
    "TakeOverDialog",
    "UnderWayDialog",
    "WindowDialog",
]
