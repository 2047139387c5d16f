"""The prerequisites at the desk: one is chosen, its evidence read, signed off; the backup tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migration_cockpit.cockpit.control import Act, Control
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.playbook.sheet import Refused

if TYPE_CHECKING:
    from migration_cockpit.actions.scratch import RestoreInScratch
    from migration_cockpit.cockpit.desk import Desk
    from migration_cockpit.cockpit.keys import Keys
    from migration_cockpit.session.events import Command
    from migration_cockpit.session.state import State

BACKUP = "backup"
COUNT = 15


class PrepareDialog(OpenDialog):
    """All of them; one is chosen."""

    place = "prepare"

    def __init__(self, chosen: int = 0) -> None:
        super().__init__()
        self.chosen = chosen
        """Which one, from 0 on."""


class PrerequisiteDialog(OpenDialog):
    """One with its evidence in full."""

    place = "prerequisite"

    def __init__(self, chosen: int) -> None:
        super().__init__()
        self.chosen = chosen


class SignDialog(OpenDialog):
    """What is typed is the note: what was looked at, who approved it."""

    place = "sign"

    def __init__(self, chosen: int, title: str, says: str) -> None:
        super().__init__()
        self.chosen = chosen
        self.title = title
        self.says = says
        """What is said by signing."""

    async def confirm(self, desk: Desk) -> None:
        """Sign it. Raises Refused without a note, or where it cannot be written down."""
        from migration_cockpit.playbook.prepare.signoffs import SignOffError

        note = self.typed.strip()
        if not note:
            raise Refused("type what you looked at or who approved it, or press Esc")
        asked = of(desk.cockpit.state, self.chosen)
        try:
            desk.cockpit.preparing.sign(asked, note)
        except SignOffError as error:
            raise Refused(str(error)) from error
        desk.open(PrepareDialog(self.chosen), f"{desk.cockpit.operator} has signed {self.title}")


class BackupDialog(OpenDialog):
    """What the test of the newest dump does; Enter does it."""

    place = "test-backup"

    def __init__(self, chosen: int, commands: tuple[Command, ...], test: RestoreInScratch | None = None) -> None:
        """`test` is what the commands are of."""
        super().__init__()
        self.chosen = chosen
        self.commands = commands
        self.test = test

    async def confirm(self, desk: Desk) -> None:
        """Begin. Raises Refused while something else goes on."""
        assert self.test is not None  # only a picture has none
        if not desk.cockpit.preparing.test_backup(self.test):
            raise Refused("the prerequisites are being looked at: press Enter again when that is over")
        desk.open(PrepareDialog(self.chosen), "the newest dump is being restored into a scratch database")


def of(state: State, chosen: int) -> str:
    """The id of the chosen prerequisite. Raises Refused while none has been seen."""
    for each in state.prepare.seen.values() if state.prepare else ():
        if each.event.number == chosen + 1:
            return each.event.id
    raise Refused("it has not been looked at yet: r looks at all of them")


async def _open(desk: Keys) -> None:
    cockpit = getattr(desk, "cockpit", None)  # a replay has none: it shows what was seen then
    off = "" if cockpit is None or cockpit.not_driving else cockpit.preparing.off
    desk.open(PrepareDialog(), off)
    if cockpit is not None and cockpit.state.prepare is None and not (cockpit.not_driving or off):
        cockpit.preparing.look()


def _move(step: int) -> Act:
    async def act(desk: Keys) -> None:
        dialog = desk.dialog
        assert isinstance(dialog, PrepareDialog)
        dialog.chosen = (dialog.chosen + step) % COUNT

    return act


def _chosen(desk: Keys) -> int:
    dialog: Any = desk.dialog
    return int(dialog.chosen)


async def _evidence(desk: Keys) -> None:
    desk.open(PrerequisiteDialog(_chosen(desk)))


async def _back(desk: Keys) -> None:
    desk.open(PrepareDialog(_chosen(desk)))


async def _look(desk: Desk) -> None:
    if why := desk.cockpit.preparing.off:
        raise Refused(why)
    if not desk.cockpit.preparing.look():
        raise Refused("they are being looked at already")
    desk.notice = "looking at all of them; each shows as it is found"


async def _sign(desk: Desk) -> None:
    chosen, state = _chosen(desk), desk.cockpit.state
    asked = of(state, chosen)
    assert state.prepare is not None
    event = state.prepare.seen[asked].event
    if event.evidence == "holds":
        raise Refused("it holds by evidence: nobody's word is needed")
    if not event.signable:
        raise Refused(
            f"evidence says against it, and no word outweighs that: {event.mend or 'mend it, then look again'}"
        )
    desk.open(SignDialog(chosen, f"{event.number} {event.id}: {event.title}", event.sign))


async def _test_backup(desk: Desk) -> None:
    from migration_cockpit.playbook.prepare.backup import NothingToTest

    try:
        test = desk.cockpit.preparing.backup_test()
    except NothingToTest as error:
        raise Refused(str(error)) from error
    desk.open(BackupDialog(_chosen(desk), test.describe(), test))


OPEN = Control(
    "prepare", ("p",), "prepare", "the fifteen prerequisites of migration day", "screen", _open, observer=True
)
READING = (
    Control("evidence", ("enter",), "evidence", "all that was found of it", "prepare", _evidence, observer=True),
    Control("choose-next", ("down", "j"), "choose", "the next one", "prepare", _move(1), False, observer=True),
    Control("choose-last", ("up", "k"), "choose", "the one before", "prepare", _move(-1), False, observer=True),
    Control("leave-prepare", ("escape", "p"), "the day", "close; the board of migration day", "prepare", close),
    Control("all-of-them", ("escape", "enter"), "back", "back to all of them", "prerequisite", _back, observer=True),
)
"""What can be done wherever they are shown, in a replay too."""
CONTROLS = (
    *(
        Control(f"{name}{suffix}", (key,), label, said, place, act, footer)
        for place, suffix in (("prepare", ""), ("prerequisite", "-this"))
        for name, key, label, said, act, footer in (
            ("sign", "s", "sign", "sign it off in your name, with a note", _sign, True),
            ("look-at-all", "r", "again", "look at all of them again", _look, True),
            ("test-backup", "t", "backup", "restore the newest dump into a scratch database", _test_backup, True),
        )
    ),
    Control("write-sign", ("enter",), "sign", "sign it off with this note", "sign", confirm),
    Control("drop-sign", ("escape",), "back", "back; nothing is signed", "sign", _back),
    Control("do-test", ("enter",), "do it", "restore, compare, drop, as shown", "test-backup", confirm),
    Control("drop-test", ("escape",), "back", "back; nothing is done", "test-backup", _back),
)
