"""`replay`: a session on the same screen, from any moment, at any speed."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.commands import USAGE_ERROR, Command, look_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from migration_cockpit.advice.verdict import Verdict
    from migration_cockpit.cockpit.replay.player import Player
    from migration_cockpit.session.recording import Recording
    from migration_cockpit.session.state import State

SLOWEST, FASTEST = 0.25, 600.0


def _speed(text: str) -> float:
    try:
        value = float(text.rstrip("x"))
    except ValueError:
        value = 0.0
    if not SLOWEST <= value <= FASTEST:
        raise argparse.ArgumentTypeError(f"found {text}, takes a number from {SLOWEST:g} to {FASTEST:g}")
    return value


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a journal (session.jsonl, also .gz or .zst) or a session's directory"
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        default="",
        help="begin at 2026-05-16T10:32:07Z, 10:32, +5m from the start, step:5 or end",
    )
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="N", help="0.25 to 600 (default: 1)")
    parser.add_argument("--skip-idle", action="store_true", help="skip stretches without an event")
    parser.add_argument(
        "--recompute",
        nargs="?",
        const="print",
        choices=["print", "screen"],
        help="where today's code judges the migration otherwise: print it and end (default), or say it on the screen",
    )
    look_options(parser)
    parser.add_argument("--headless", action="store_true", help="no screen; needs --print-state")
    parser.add_argument("--print-state", choices=["json"], help="print State at the moment of --at, and end")


def run(options: argparse.Namespace) -> int:
    """Play it; 1 when it cannot be read or is damaged."""
    if options.headless or options.recompute == "print":
        return _run(options)
    from migration_cockpit.app import painting_first

    with painting_first():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from migration_cockpit.cockpit.replay.controls import go_to
    from migration_cockpit.cockpit.replay.player import Player
    from migration_cockpit.playbook.sheet import Refused
    from migration_cockpit.session.journal import JournalError
    from migration_cockpit.session.recording import Recording, find_journal

    if options.recompute == "print":
        return _recompute(options.file)
    if options.headless != bool(options.print_state):
        print("migration-cockpit replay: --headless and --print-state json go together", file=sys.stderr)
        return USAGE_ERROR
    try:
        recording = Recording(find_journal(options.file))
        player = Player(recording, speed=options.speed, skip_idle=options.skip_idle)
    except JournalError as error:
        print(f"migration-cockpit replay: {error}", file=sys.stderr)
        return 1
    if options.headless:
        player.look_through()
    if options.recompute:
        player.judge = _judge(recording)
    try:
        if options.at:
            go_to(player, options.at)
    except Refused as refused:
        print(f"migration-cockpit replay: --at: {refused}", file=sys.stderr)
        return USAGE_ERROR
    if options.headless:
        return _print_state(player)
    return _play(player, options.theme, options.glyphs)


def _judge(recording: Recording) -> Callable[[State, datetime], Verdict | None]:
    """Today's judge, by the limits and rates of the recording."""
    from migration_cockpit.advice.verdict import judge
    from migration_cockpit.app.panes.frame import Rules

    rules = Rules.of(recording.state(recording.end))
    return lambda state, now: judge(state, now, rules.limits, rules.rates)


def _recompute(file: Path) -> int:
    from migration_cockpit.cockpit.replay.recompute import differences
    from migration_cockpit.session.journal import JournalError
    from migration_cockpit.session.recording import Recording, find_journal

    try:
        recording = Recording(find_journal(file))
    except JournalError as error:
        print(f"migration-cockpit replay: {error}", file=sys.stderr)
        return 1
    found = 0
    for found, each in enumerate(differences(recording, _judge(recording)), start=1):  # noqa: B007 - how many there were
        when = f"{each.begin:%Y-%m-%d %H:%M:%S}Z to {each.end:%H:%M:%S}Z"
        print(f"{when}  recorded {each.recorded}, today's code says {each.now}: {each.evidence}")
    if not found:
        print("today's code says the same as was recorded")
    if recording.damage is not None:
        print(f"migration-cockpit replay: {recording.damage.words()}; {recording.lost()}", file=sys.stderr)
    return 1 if recording.damage or recording.cut else 0


def _print_state(player: Player) -> int:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(player.state), indent=2).decode())
    return _tell(player)


def _play(player: Player, theme: str | None, glyphs: str | None) -> int:
    from migration_cockpit.app import draws_ascii, refused
    from migration_cockpit.app.app import CockpitApp
    from migration_cockpit.cockpit.replay.controls import ReplayDesk
    from migration_cockpit.launch import ended_by

    if refused("migration-cockpit replay"):
        return USAGE_ERROR
    app = CockpitApp(player, ReplayDesk(player), colours=theme, ascii_only=draws_ascii(glyphs, os.environ))
    app.run()
    return ended_by(app.ended_by) or _tell(player)


def _tell(player: Player) -> int:
    """Say what is missing of the recording; 1 when something is."""
    for said in player.missing():
        print(f"migration-cockpit replay: {said}", file=sys.stderr)
    for text in player.complaints:
        print(f"migration-cockpit replay: {text}", file=sys.stderr)
    return 1 if player.recording.damage or player.recording.cut else 0


COMMAND = Command(
    "replay",
    "play a session on the same screen, from any moment, at any speed",
    """\
  migration-cockpit replay SESSION                        from its beginning
  migration-cockpit replay SESSION --at step:5 --speed 60 the database migration, a minute a second
  migration-cockpit replay session.jsonl.zst --at 10:32   packed files open as they are
  migration-cockpit replay SESSION --headless --at +90m --print-state json | jq .steps""",
    options,
    run,
)
