"""Messages that are the point of a step: queued, sent by the messenger, and seen to be accepted."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.playbook.flight import Flight
from migration_cockpit.session.events import Check

SLACK_SECONDS = 10.0
"""How long a step waits to see its message accepted before it ends not verified; the messenger goes on trying."""


async def announced(flight: Flight, step: str, name: str, text: str) -> Sequence[Check]:
    """Queue a message and wait until it was accepted; returns the check."""
    flight.queue_message(step, name, text)

    async def look() -> Sequence[Check]:
        return (delivered(flight, name),)

    return await flight.verify(step, look, timeout=SLACK_SECONDS, every=0.1)


def delivered(flight: Flight, name: str) -> Check:
    """Whether a message was accepted; without Slack in the config people tell each other, and that is said."""
    if flight.settings.slack is None:
        return Check(name="message", holds=True, found="no [slack] in the config: tell the people yourself")
    message = flight.state.messages.get(name)
    if message is not None and message.sent is not None:
        return Check(name="message", holds=True, found=f"accepted at {message.sent:%H:%M:%S} UTC")
    found = f"not accepted: {message.detail}" if message and message.detail else "not sent yet"
    mend = "it is tried again by itself; tell the people another way and override, or mend slack.webhook"
    return Check(name="message", holds=False, found=found, mend=mend)
