"""The keys of a replay, in the shape of the flight's own table; what would change the world is off, and says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from migration_cockpit.cockpit.control import Act, Control
from migration_cockpit.cockpit.dialogs import details, guide, prepare
from migration_cockpit.cockpit.dialogs.base import OpenDialog, close, confirm
from migration_cockpit.cockpit.keys import Keys
from migration_cockpit.cockpit.replay.moments import NoMoment, moment
from migration_cockpit.cockpit.replay.player import SPEEDS, STEP_SIGNS, Player, speed_words
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.playbook.sheet import Refused

if TYPE_CHECKING:
    from migration_cockpit.cockpit.desk import Desk
    from migration_cockpit.cockpit.shown import Shown


class ReplayDesk(Keys):
    """Where a recording is played."""

    def __init__(self, player: Player) -> None:
        super().__init__(player, REPLAY_CONTROLS)
        self.player = player


class WatchDesk(Keys):
    """Where somebody else's flight is watched."""

    def __init__(self, watcher: Shown) -> None:
        super().__init__(watcher, WATCH_CONTROLS)

    @property
    def standing(self) -> str:
        """The code of a second person, while a rollback waits for one: only who watches sees it."""
        code = self.shown.state.way_back.code
        return f"a rollback asks for a second person: agree with it first, then read out {code}" if code else ""


class JumpDialog(OpenDialog):
    """A moment is typed."""

    place = "jump"

    async def confirm(self, desk: Desk) -> None:
        """Show it. Raises Refused when it is no moment of the recording."""
        assert isinstance(desk, ReplayDesk)
        go_to(desk.player, self.typed)
        desk.close_dialog()


def go_to(player: Player, text: str) -> None:
    """Show the moment that a text names. Raises Refused."""
    first, last = player.recording.first, player.recording.last
    try:
        at = moment(text, begin=first.t, end=max(first.t, last.t), here=player.clock.moment, steps=player.steps)
    except NoMoment as error:
        raise Refused(str(error)) from error
    player.to_time(at)


def _does(act: Callable[[Player], str | None]) -> Act:
    """An action on the player; what it returns becomes the notice."""

    async def pressed(desk: ReplayDesk) -> None:
        desk.notice = act(desk.player) or ""

    return pressed


def _event(count: int) -> Act:
    def act(player: Player) -> str | None:
        player.playing = False
        if player.by_events(count):
            return None
        return "this is the last event" if count > 0 else "this is the first event"

    return _does(act)


def _minute(sign: int) -> Act:
    def act(player: Player) -> str | None:
        before = player.clock.moment
        player.by_seconds(sign * 60.0)
        if player.clock.moment != before:
            return None
        return "this is the end of the recording" if sign > 0 else "this is the beginning of the recording"

    return _does(act)


def _landmark(kind: str, *, back: bool) -> Act:
    def act(player: Player) -> str:
        found = player.to_landmark(frozenset({kind}), back=back)
        if found is not None:
            return found.text
        still = "; the recording is still being looked through" if player.survey.at < player.survey.end else ""
        return f"no {kind} {'before' if back else 'after'} this moment{still}"

    return _does(act)


def _step(step: str) -> Act:
    def act(player: Player) -> str:
        go_to(player, f"step:{step}")
        return f"step {step} began at {player.clock.moment:%H:%M:%S}"

    return _does(act)


def _faster(by: int) -> Act:
    def act(player: Player) -> str:
        player.faster(by)
        return f"speed {speed_words(player.speed)}"

    return _does(act)


def _skip(player: Player) -> str:
    player.skip_idle = not player.skip_idle
    return (
        "stretches without an event are skipped" if player.skip_idle else "stretches without an event take their time"
    )


async def _jump(desk: ReplayDesk) -> None:
    desk.player.playing = False
    desk.open(JumpDialog())


async def _quit(desk: Keys) -> None:
    desk.quitting = True


def _off(what: str, own: Sequence[Control]) -> tuple[Control, ...]:
    """The keys of a flight that are not one's own: they say that they are off, and why."""

    def refuses(control: Control) -> Act:
        async def act(_: Keys) -> None:
            raise Refused(f"this is a {what}: {control.label} is off, nothing here changes the world")

        return act

    taken = {key for control in own for key in control.keys}
    return tuple(
        Control(
            f"off-{each.id}", keys, each.label, f"off in a {what}: {each.help}", "screen", refuses(each), footer=False
        )
        for each in CONTROLS
        if each.where == "screen" and (keys := tuple(key for key in each.keys if key not in taken))
    )


_KEYS = {"0": "0", "-": "minus"}
_OWN = (
    Control("play", ("space",), "play", "play, and pause", "screen", _does(lambda player: player.toggle())),
    Control("faster", ("f",), "faster", f"play faster, up to {speed_words(SPEEDS[-1])}", "screen", _faster(1)),
    Control("slower", ("s",), "slower", f"play slower, down to {speed_words(SPEEDS[0])}", "screen", _faster(-1)),
    Control("later-minute", ("right",), "minute", "a minute later", "screen", _minute(1)),
    Control("earlier-minute", ("left",), "minute back", "a minute earlier", "screen", _minute(-1), footer=False),
    Control("next-event", ("full_stop",), "event", "the next event", "screen", _event(1)),
    Control("last-event", ("comma",), "event back", "the event before", "screen", _event(-1), footer=False),
    *(
        Control(
            f"step-{step}",
            (_KEYS.get(sign, sign),),
            "step",
            f"the beginning of step {step}",
            "screen",
            _step(step),
            footer=False,
        )
        for step, sign in STEP_SIGNS.items()
    ),
    Control(
        "next-step",
        ("right_square_bracket",),
        "step",
        "the next step",
        "screen",
        _landmark("step", back=False),
        footer=False,
    ),
    Control(
        "last-step",
        ("left_square_bracket",),
        "step",
        "the step before",
        "screen",
        _landmark("step", back=True),
        footer=False,
    ),
    Control("next-incident", ("i",), "incident", "the next incident", "screen", _landmark("incident", back=False)),
    Control(
        "last-incident",
        ("I",),
        "incident back",
        "the incident before",
        "screen",
        _landmark("incident", back=True),
        footer=False,
    ),
    Control(
        "next-verdict", ("v",), "verdict", "the next change of the verdict", "screen", _landmark("verdict", back=False)
    ),
    Control(
        "last-verdict",
        ("V",),
        "verdict back",
        "the change of the verdict before",
        "screen",
        _landmark("verdict", back=True),
        footer=False,
    ),
    Control("next-note", ("n",), "note", "the next note", "screen", _landmark("note", back=False)),
    Control("last-note", ("N",), "note back", "the note before", "screen", _landmark("note", back=True), footer=False),
    Control("jump", ("t",), "to a time", "jump to a moment that you type", "screen", _jump),
    Control(
        "idle", ("x",), "skip idle", "skip stretches without an event while playing, or not", "screen", _does(_skip)
    ),
    prepare.OPEN,
    details.OPEN,
    guide.OPEN,
    Control("leave", ("q",), "leave", "leave the replay", "screen", _quit),
)
REPLAY_CONTROLS: tuple[Control, ...] = (
    *_OWN,
    *_off("replay", _OWN),
    *prepare.READING,
    *guide.READING,
    Control("go-to", ("enter",), "go there", "show the moment that is typed", "jump", confirm),
    Control("stay", ("escape",), "back", "close; the moment stays", "jump", close),
    *details.CONTROLS,
)
"""Every action of a replay; no key stands twice in one place."""

_WATCH_OWN = (
    prepare.OPEN,
    details.OPEN,
    guide.OPEN,
    Control("leave", ("q",), "leave", "leave; the flight goes on", "screen", _quit),
)
WATCH_CONTROLS: tuple[Control, ...] = (
    *_WATCH_OWN,
    *_off("watch", _WATCH_OWN),
    *prepare.READING,
    *guide.READING,
    *details.CONTROLS,
)
"""Every action of a watcher: to look, to read, and to leave."""
