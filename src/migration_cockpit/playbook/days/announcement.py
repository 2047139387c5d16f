"""D-3: everybody is told what comes, by mail and on the channel, from the config and its schedule."""

from __future__ import annotations

import hashlib

from migration_cockpit.actions.messages import SendMessage
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.playbook.days.shape import Day, Ground
from migration_cockpit.playbook.prepare.people import judge_window
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen
from migration_cockpit.session.words import hm

MAIL, CHANNEL = "announcement.txt", "announcement-slack.txt"
COPIED = "copied"
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


async def window(ground: Ground) -> Seen:
    """The dates that are announced make sense; that they were approved is a prerequisite."""
    seen = judge_window(ground.settings.schedule, ground.now)
    return seen if seen.status == FAILS else Seen(HOLDS, seen.found)


async def announce(ground: Ground) -> Seen:
    """The texts are kept; the channel's is sent once where that is asked for, or somebody says that they sent both."""
    recorder, settings = ground.flight.recorder, ground.settings
    text, letter = slack(settings), mail(settings)
    recorder.write_artifact(MAIL, letter.encode())
    recorder.write_artifact(CHANNEL, f"{text}\n".encode())
    kept = f"mail in artifacts/{MAIL}, channel's text in artifacts/{CHANNEL}"
    digest = hashlib.sha256(f"{text}{letter}".encode()).hexdigest()[:8]
    message = SendMessage(Site(settings, ground.flight.session, ground.flight.connections), f"announce-{digest}", text)
    before = ground.state.operations.get(f"{ground.day}/{message.name}")
    if before is not None and before.outcome == "done" and before.ended is not None:
        return Seen(HOLDS, (f"sent to the channel on {before.ended:%Y-%m-%d} at {hm(before.ended)} UTC", kept))
    if ground.copied:
        ground.flight.write_fact(ground.day, COPIED, {"digest": digest, "by": ground.flight.operator})
    copied = ground.flight.fact(ground.day, COPIED) or {}
    if copied.get("digest") == digest:
        return Seen(HOLDS, (f"{copied['by']} says that it was sent by hand", kept))
    if not ground.send:
        mend = "--send posts the channel's text; --copied says that you sent it, with the mail"
        return Seen(UNKNOWN, ("prepared, not sent", kept), mend)
    try:
        await ground.flight.do(ground.day, message)
    except OperationError as error:
        return Seen(FAILS, (f"not sent: {error}", kept), "mend slack.webhook and run it again; or send it by hand")
    return Seen(HOLDS, ("sent to the channel", kept), "")


D3 = Day("D-3", "everybody is told", (("window", window), ("announcement", announce)))
