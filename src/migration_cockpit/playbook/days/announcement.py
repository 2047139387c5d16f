"""D-3: everybody is told what comes, by mail and on the channel, from the config and its schedule."""

from __future__ import annotations

from migration_cockpit.actions.messages import SendMessage
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.playbook import letters
from migration_cockpit.playbook.days.shape import Day, Ground
from migration_cockpit.playbook.prepare.people import judge_window
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen
from migration_cockpit.session.words import hm

MAIL, CHANNEL = "announcement.txt", "announcement-slack.txt"


async def window(ground: Ground) -> Seen:
    """The dates that are announced make sense; that they were approved is a prerequisite."""
    seen = judge_window(ground.settings.schedule, ground.now)
    return seen if seen.status == FAILS else Seen(HOLDS, seen.found)


async def announce(ground: Ground) -> Seen:
    """The texts are kept; the channel's is sent once where that is asked for, or somebody says that they sent both."""
    recorder, settings = ground.flight.recorder, ground.settings
    text, letter = letters.slack(settings), letters.mail(settings)
    recorder.write_artifact(MAIL, letter.encode())
    recorder.write_artifact(CHANNEL, f"{text}\n".encode())
    kept = f"mail in artifacts/{MAIL}, channel's text in artifacts/{CHANNEL}"
    digest = letters.digest(settings)
    site = Site(settings, ground.flight.session, ground.flight.connections)
    message = SendMessage(site, letters.message(settings), text)
    before = ground.state.operations.get(f"{ground.day}/{message.name}")
    if before is not None and before.outcome == "done" and before.ended is not None:
        return Seen(HOLDS, (f"sent to the channel on {before.ended:%Y-%m-%d} at {hm(before.ended)} UTC", kept))
    if ground.copied:
        ground.flight.write_fact(
            ground.day, letters.COPIED, {"digest": digest, "by": ground.flight.operator, "at": ground.now.isoformat()}
        )
    copied = ground.flight.fact(ground.day, letters.COPIED) or {}
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


D3 = Day(letters.DAY, "everybody is told", (("window", window), (letters.LOOK, announce)))
