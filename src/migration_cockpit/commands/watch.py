"""`watch`: follow a live session read-only, here or in a browser."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from migration_cockpit.commands import USAGE_ERROR, Command


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument(
        "file", type=Path, metavar="SESSION", help="a session's directory, or a journal that grows (session.jsonl)"
    )


def run(options: argparse.Namespace) -> int:
    """Follow it until one leaves; nothing that is done here reaches the flight."""
    from migration_cockpit.app import refuse_terminal
    from migration_cockpit.app.app import CockpitApp
    from migration_cockpit.cockpit.replay.controls import WatchDesk
    from migration_cockpit.cockpit.replay.watcher import Watcher
    from migration_cockpit.launch import ended_by
    from migration_cockpit.session.journal import JournalError
    from migration_cockpit.session.recording import Recording, find_journal

    if why := refuse_terminal(dict(os.environ)):
        print(f"migration-cockpit watch: {why}", file=sys.stderr)
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
    app = CockpitApp(watcher, WatchDesk(watcher))
    app.run()
    for said in (watcher.trouble, *watcher.complaints, recording.damage.words() if recording.damage else ""):
        if said:
            print(f"migration-cockpit watch: {said}", file=sys.stderr)
    return ended_by(app.ended_by) or (1 if watcher.trouble or recording.damage else 0)


COMMAND = Command(
    "watch",
    "follow a live session on the same screen, read-only",
    """\
  migration-cockpit watch SESSION                         on this machine, or any file that grows""",
    options,
    run,
)
