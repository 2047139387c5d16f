"""`init`: what a cluster tells of an Airflow release, as the values of a config.toml. Looks only; changes nothing."""

from __future__ import annotations

from migration_cockpit.playbook.discovery.draft import DraftError, fill, schedule, target_values, template
from migration_cockpit.playbook.discovery.look import Discovery, look
from migration_cockpit.playbook.discovery.releases import Installed, NoRelease, installed

__all__ = [
    "Discovery",
    "DraftError",
    "Installed",
    "NoRelease",
    "fill",
    "installed",
    "look",
    "schedule",
    "target_values",
    "template",
]
