"""The eleven steps of migration day, in their order."""

from __future__ import annotations

from migration_cockpit.playbook.announce import Announce
from migration_cockpit.playbook.drain import Drain
from migration_cockpit.playbook.healthy import Healthy
from migration_cockpit.playbook.helm import HelmUpgradeStep
from migration_cockpit.playbook.migrate import Migrate
from migration_cockpit.playbook.pause import Pause
from migration_cockpit.playbook.smoke import Smoke
from migration_cockpit.playbook.soak import Soak
from migration_cockpit.playbook.step import Step
from migration_cockpit.playbook.success import Success
from migration_cockpit.playbook.unpause import UnpauseCritical, UnpauseRest

STEPS: tuple[Step, ...] = (
    Announce(),
    Pause(),
    Drain(),
    HelmUpgradeStep(),
    Migrate(),
    Healthy(),
    Smoke(),
    UnpauseCritical(),
    UnpauseRest(),
    Soak(),
    Success(),
)
