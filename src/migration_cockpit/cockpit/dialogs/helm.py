"""Who has the helm: offering it to an operator by name, and taking it over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.cockpit.driving import since
from migration_cockpit.playbook.sheet import Refused

if TYPE_CHECKING:
    from migration_cockpit.cockpit.cockpit import Cockpit
    from migration_cockpit.cockpit.desk import Desk


class OfferDialog(OpenDialog):
    """What is typed is the name of the operator to whom the helm is offered."""

    place = "offer"

    async def confirm(self, desk: Desk) -> None:
        """Offer it, or to nobody any more. Raises Refused."""
        name, driving = self.typed.strip(), desk.cockpit.driving
        if driving is None:
            raise Refused("the cockpit is starting")
        if name == desk.cockpit.operator:
            raise Refused(f"{name} has the helm already: name the one who shall have it")
        if why := await driving.offer(name):
            raise Refused(why)
        if not name:
            desk.close_dialog("the helm is offered to nobody")
            return
        desk.cockpit.note(f"offers the helm to {name}")
        desk.close_dialog(f"{name} can take the helm with t, in a cockpit on this session")


class TakeOverDialog(OpenDialog):
    """What is typed is the word that confirms it; an offer needs none."""

    place = "takeover"

    def __init__(self, word: str, cockpit: Cockpit) -> None:
        super().__init__()
        self.word = word
        self._cockpit = cockpit

    @property
    def offered(self) -> bool:
        """Whether the one who drives offers the helm to this cockpit's operator."""
        driving = self._cockpit.driving
        return driving is not None and driving.keeper.offered

    def situation(self) -> tuple[str, ...]:
        """Who has the helm and whether it can be taken, a sentence each."""
        return situation(self._cockpit)

    async def confirm(self, desk: Desk) -> None:
        """Take it. Raises Refused where it is not stale, or the word is another."""
        if not self.offered and self.typed.strip() != self.word:
            raise Refused(f"type {self.word} to confirm, or press Esc")
        desk.say("the helm is being taken …")
        if why := await desk.cockpit.take_over():
            raise Refused(why)
        desk.close_dialog("you drive")
        desk.welcome()


def situation(cockpit: Cockpit) -> tuple[str, ...]:
    """Who has the helm and whether it can be taken, a sentence each."""
    driving = cockpit.driving
    if driving is None:
        return ("The cockpit is starting.",)
    keeper, other = driving.keeper, driving.other
    if driving.error:
        last = f" Seen last: {other.words} drives." if other is not None else ""
        return (f"The lease cannot be read: {driving.error}.", f"Who drives now is not known.{last}")
    if other is None:
        return ("Nobody holds the lease: it can be taken.",)
    said = [f"{other.words} drives{since(other)}; its session is {other.session}."]
    if keeper.offered:
        return (*said, "It offers you the helm: Enter takes it. Its cockpit lets go and follows yours.")
    if other.place != keeper.me.place:
        said.append("It flies from another directory or machine: what it has done is in its own journal, not in yours.")
    quiet = f"Its lease has not changed for {keeper.quiet:.0f} s"
    said.append(f"{quiet}: it is stale and can be taken." if keeper.stale else f"{quiet}: it is alive.")
    return tuple(said)


async def _offer(desk: Desk) -> None:
    desk.open(OfferDialog())


async def _take(desk: Desk) -> None:
    cockpit = desk.cockpit
    if not cockpit.not_driving:
        raise Refused("you drive already")
    desk.open(TakeOverDialog(cockpit.settings.deployment.name, cockpit))


OPEN = (
    Control("offer", ("o",), "offer", "offer the helm to another operator", "screen", _offer, footer=False),
    Control(
        "takeover", ("t",), "take over", "take the helm, stale or offered", "screen", _take, footer=False, observer=True
    ),
)
CONTROLS = (
    Control("give", ("enter",), "offer it", "offer the helm to the operator named", "offer", confirm),
    Control("hold", ("escape",), "back", "close; the helm stays here", "offer", close),
    Control("take", ("enter",), "take it", "take the helm", "takeover", confirm, observer=True),
    Control("leave-it", ("escape",), "back", "close; nothing is done", "takeover", close),
)
