"""The announcement, as mail and for the channel, from the config and its schedule: D-3 sends it, prerequisite 10 asks
whether it was sent as it reads now."""

from __future__ import annotations

import hashlib

from migration_cockpit.config import Settings
from migration_cockpit.session.words import hm

DAY, LOOK = "D-3", "announcement"
"""The day whose journal tells of it, and by which look."""
ANNOUNCE = "announce-"
SENT = f"message-{ANNOUNCE}"
"""What the operations that send one begin with."""
COPIED = "copied"
"""The fact that somebody sent it by hand: digest and who."""
MILESTONES = (
    ("announce", "the migration starts"),
    ("pause", "all DAGs are paused; running tasks may end"),
    ("helm", "UI and API go down, the new version is installed"),
    ("migrate", "the database is migrated"),
    ("smoke", "UI and API are back, smoke tests"),
    ("critical", "critical DAGs run again"),
    ("rest", "all other DAGs follow"),
    ("soak", "everything runs, and is watched"),
    ("success", "done, if nothing is late"),
)


def mail(settings: Settings) -> str:
    """Subject and body of the mail."""
    deployment, schedule = settings.deployment, settings.schedule
    begins = schedule.announce
    lines = [f"  {hm(schedule.planned(step))} UTC - {words}" for step, words in MILESTONES]
    return "\n".join(
        (
            f"Subject: {deployment.name} moves to Airflow {deployment.target_version} on {begins:%A, %d %B, %H:%M} UTC",
            "",
            "Hello,",
            "",
            f"on {begins:%A, %d %B %Y} {deployment.name} is migrated from Airflow {deployment.source_version} to "
            f"{deployment.target_version}.",
            "",
            "Timeline:",
            *lines,
            f"  {hm(schedule.window_end)} UTC - the window ends; what is not done by then is gone back from",
            "",
            "What changes:",
            "  - UI and API are down from the installation to the smoke tests; no DAG runs until it is unpaused",
            "  - the UI looks different",
            "  - the REST API is /api/v2, with a token from /auth/token; /api/v1 and /health are gone with 3.x",
            "",
            "What stays:",
            "  - all DAGs with their history, connections and variables; a DAG that is paused stays paused",
            "  - who may do what, and the alerts",
            "",
            f"Something is wrong during or after it? {deployment.on_call}",
            *([f"How it goes is told in {settings.slack.channel}."] if settings.slack else []),
            "",
        )
    )


def slack(settings: Settings) -> str:
    """The same for the channel, in few lines."""
    deployment, schedule = settings.deployment, settings.schedule
    return (
        f"{deployment.name} moves from Airflow {deployment.source_version} to {deployment.target_version} on "
        f"{schedule.announce:%A, %d %B}, {hm(schedule.announce)} to {hm(schedule.window_end)} UTC. "
        f"No DAG runs from {hm(schedule.pause)}; UI and API are down from {hm(schedule.helm)}; critical DAGs are back "
        f"at about {hm(schedule.critical)}, all others by {hm(schedule.soak)}. Afterwards the API is /api/v2: /api/v1 "
        f"and /health are gone. Questions and problems: {deployment.on_call}."
    )


def digest(settings: Settings) -> str:
    """Eight hex digits over both texts: another date is another announcement."""
    return hashlib.sha256(f"{slack(settings)}{mail(settings)}".encode()).hexdigest()[:8]


def message(settings: Settings) -> str:
    """The message's name, by which it goes out once."""
    return f"{ANNOUNCE}{digest(settings)}"


def operation(settings: Settings) -> str:
    """The name of the operation that sends it."""
    return f"{SENT}{digest(settings)}"
