"""Every kind of event: what is written to the journal and folded into State.

An event says one fact, past tense. `kind` is its name on disk; adding a kind or an optional field is a minor change,
anything else needs a new version of the journal's envelope.
"""

from __future__ import annotations

from migration_cockpit.session.events.base import VERSION, Check, Command, Event
from migration_cockpit.session.events.cost import (
    CostCounted,
    CostRead,
    RecoveryMarked,
    SecondPersonAsked,
    WayBackExpected,
)
from migration_cockpit.session.events.dashboards import AnnotationTried
from migration_cockpit.session.events.days import (
    DayEnded,
    DayFound,
    DayMeasured,
    DaysRemembered,
    DayStarted,
    DayState,
    Measurement,
)
from migration_cockpit.session.events.failures import FailureGone, FailureShown
from migration_cockpit.session.events.guides import GuideEnded, GuideFound, GuideStarted
from migration_cockpit.session.events.looks import PodLookAsked, PodLooked
from migration_cockpit.session.events.migration import ChainTold, MigrationMeasured
from migration_cockpit.session.events.postpone import POSTPONE, PostponeEnded, PostponeStarted
from migration_cockpit.session.events.prepare import (
    BACKUP_TEST,
    PREPARE,
    PrepareEnded,
    PrepareStarted,
    PrerequisiteSeen,
)
from migration_cockpit.session.events.records import (
    BaselineTaken,
    LedgerWritten,
    LogLine,
    MessageQueued,
    MessageTried,
    RecoveryPoint,
    VerdictChanged,
)
from migration_cockpit.session.events.rollback import (
    ROLLBACK,
    RollbackConsidered,
    RollbackEnded,
    RollbackStage,
    RollbackStageEnded,
    RollbackStageStarted,
    RollbackStarted,
)
from migration_cockpit.session.events.session import (
    ClockJumped,
    DriverChanged,
    LeaseChanged,
    Note,
    RulesSet,
    SessionClosed,
    SessionOpened,
    WindowMoved,
)
from migration_cockpit.session.events.sources import (
    CredentialsExpire,
    DatabaseRead,
    HealthRead,
    Keyframe,
    MetricsRead,
    PodsRead,
    SourceBeat,
    SourceFailed,
    SourceRecovered,
    StorageRead,
    TasksRead,
)
from migration_cockpit.session.events.steps import (
    DecisionAsked,
    DecisionMade,
    GateOverridden,
    OperationEnded,
    OperationIntended,
    OperationObserved,
    SheetOpened,
    StepEnded,
    StepFact,
    StepProgress,
    StepStarted,
    StepVerified,
)
from migration_cockpit.session.events.updates import UPDATE, UpdatePrepared

__all__ = [
    "BACKUP_TEST",
    "KINDS",
    "POSTPONE",
    "PREPARE",
    "ROLLBACK",
    "UPDATE",
    "VERSION",
    "AnnotationTried",
    "BaselineTaken",
    "ChainTold",
    "Check",
    "ClockJumped",
    "Command",
    "CostCounted",
    "CostRead",
    "CredentialsExpire",
    "DatabaseRead",
    "DayEnded",
    "DayFound",
    "DayMeasured",
    "DayStarted",
    "DayState",
    "DaysRemembered",
    "DecisionAsked",
    "DecisionMade",
    "DriverChanged",
    "Event",
    "FailureGone",
    "FailureShown",
    "GateOverridden",
    "GuideEnded",
    "GuideFound",
    "GuideStarted",
    "HealthRead",
    "Keyframe",
    "LeaseChanged",
    "LedgerWritten",
    "LogLine",
    "Measurement",
    "MessageQueued",
    "MessageTried",
    "MetricsRead",
    "MigrationMeasured",
    "Note",
    "OperationEnded",
    "OperationIntended",
    "OperationObserved",
    "PodLookAsked",
    "PodLooked",
    "PodsRead",
    "PostponeEnded",
    "PostponeStarted",
    "PrepareEnded",
    "PrepareStarted",
    "PrerequisiteSeen",
    "RecoveryMarked",
    "RecoveryPoint",
    "RollbackConsidered",
    "RollbackEnded",
    "RollbackStage",
    "RollbackStageEnded",
    "RollbackStageStarted",
    "RollbackStarted",
    "RulesSet",
    "SecondPersonAsked",
    "SessionClosed",
    "SessionOpened",
    "SheetOpened",
    "SourceBeat",
    "SourceFailed",
    "SourceRecovered",
    "StepEnded",
    "StepFact",
    "StepProgress",
    "StepStarted",
    "StepVerified",
    "StorageRead",
    "TasksRead",
    "UpdatePrepared",
    "VerdictChanged",
    "WayBackExpected",
    "WindowMoved",
]


def _kinds(base: type[Event]) -> dict[str, type[Event]]:
    return {cls.kind: cls for cls in base.__subclasses__()}


KINDS = _kinds(Event)
"""Event class by its name on disk, in the order in which the documentation lists them."""
