"""`watch`: follow a live session read-only, here or in a browser."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from migration_cockpit.commands import USAGE_ERROR, Command, look_options


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument(
        "file", type=Path, metavar="SESSION", help="a session's directory, or a journal that grows (session.jsonl)"
    )
    look_options(parser)
    parser.add_argument("--serve", action="store_true", help="offer it in a browser, read-only, to 8 viewers at most")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8010, help="port to serve on (default: %(default)s)")
    parser.add_argument("--token", metavar="TEXT", help="what a viewer must bring; beyond loopback one is made")


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"found {text}, takes a port from 1 to 65535")


def run(options: argparse.Namespace) -> int:
    """Follow it until one leaves; nothing that is done here reaches the flight."""
    if options.serve:
        return _serve(options)
    from migration_cockpit.app import painting_first

    with painting_first():
        return _watch(options)


def _watch(options: argparse.Namespace) -> int:
    from migration_cockpit.app import draws_ascii, refused
    from migration_cockpit.app.app import CockpitApp
    from migration_cockpit.cockpit.replay.controls import WatchDesk
    from migration_cockpit.cockpit.replay.watcher import Watcher
    from migration_cockpit.launch import ended_by
    from migration_cockpit.session.journal import JournalError
    from migration_cockpit.session.recording import Recording, find_journal

    if refused("migration-cockpit watch"):
        return USAGE_ERROR
    try:
        recording = Recording(find_journal(options.file))
    except JournalError as error:
        print(f"migration-cockpit watch: {error}", file=sys.stderr)
        return 1
    if recording.packed:
        print(f"migration-cockpit watch: {recording.path}: a packed file does not grow; replay it", file=sys.stderr)
        return USAGE_ERROR
    watcher = Watcher(recording)
    drawn = draws_ascii(options.glyphs, os.environ)
    app = CockpitApp(watcher, WatchDesk(watcher), colours=options.theme, ascii_only=drawn)
    app.run()
    for said in (watcher.trouble, *watcher.complaints, recording.damage.words() if recording.damage else ""):
        if said:
            print(f"migration-cockpit watch: {said}", file=sys.stderr)
    return ended_by(app.ended_by) or (1 if watcher.trouble or recording.damage else 0)


def _serve(options: argparse.Namespace) -> int:
    from migration_cockpit.serving import NotServed, serve
    from migration_cockpit.session.journal import JournalError
    from migration_cockpit.session.recording import Recording, find_journal

    try:
        path = find_journal(options.file).resolve()
        Recording(path).close()
        serve(path, options.host, options.port, options.token)
    except (JournalError, NotServed) as error:
        print(f"migration-cockpit watch: {error}", file=sys.stderr)
        return 1
    return 0


COMMAND = Command(
    "watch",
    "follow a live session on the same screen, read-only",
    """\
  migration-cockpit watch SESSION                         on this machine, or any file that grows
  migration-cockpit watch SESSION --serve                 in a browser on this machine
  migration-cockpit watch SESSION --serve --host 0.0.0.0  for colleagues, with a token""",
    options,
    run,
)
