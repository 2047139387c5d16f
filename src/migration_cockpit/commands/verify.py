"""`verify`: is a journal whole and untouched, and where not?"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from migration_cockpit.commands import USAGE_ERROR, Command

SHORTEST = 8
"""Digits of a hash that are enough to tell it from others."""


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a journal (session.jsonl, also .gz or .zst) or a session's directory"
    )
    parser.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="HASH",
        help="a head hash that left the house (Kubernetes Event, Slack); repeatable",
    )


def run(options: argparse.Namespace) -> int:
    """Look at every line; 0 when all of them are as they were written, 1 when not."""
    from migration_cockpit.session.journal import JournalError
    from migration_cockpit.session.recording import Recording, find_journal

    for anchor in options.anchor:
        if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST},32}}", anchor.lower()):
            said = f"--anchor: found {anchor}, takes {SHORTEST} to 32 hex digits of a head hash"
            print(f"migration-cockpit verify: {said}", file=sys.stderr)
            return USAGE_ERROR
    try:
        path = find_journal(options.file)
        recording = Recording(path)
    except JournalError as error:
        print(f"migration-cockpit verify: {error}", file=sys.stderr)
        return 1
    survey = recording.survey(decode_all=True, anchors=tuple(each.lower() for each in options.anchor))
    for _ in survey.go_on():
        pass
    wrong = []
    if survey.damage is not None:
        recording.stop_at(survey.damage)
        wrong.append(f"{survey.damage.words()}; {recording.lost()}")
    elif recording.damage is not None:
        wrong.append(f"{recording.damage.words()}; {recording.lost()}")
    if recording.cut:
        wrong.append(recording.cut)
    for anchor in options.anchor:
        at = survey.anchored.get(anchor.lower())
        if at is None:
            wrong.append(f"anchor {anchor}: no line has this hash: the journal was written anew, or is not this one")
        else:
            print(f"anchor {anchor}: event {at.seq} at {at.t:%Y-%m-%d %H:%M:%S}Z; everything up to it is untouched")
    for said in wrong:
        print(f"migration-cockpit verify: {path}: {said}", file=sys.stderr)
    if wrong:
        return 1
    last = survey.last or recording.first
    print(f"whole: {survey.lines:,} events up to {last.t:%Y-%m-%d %H:%M:%S}Z, each follows from the one before")
    print(f"head {survey.hash}")
    if survey.unknown:
        kinds = ", ".join(sorted(survey.unknown))
        print(f"{survey.unknown.total():,} events of kinds that this version does not know: {kinds}")
    if recording.unfinished:
        print(f"{recording.unfinished:,} bytes of a last line that was never finished; nothing rests on them")
    if not options.anchor:
        print(
            "The chain shows damage. Against someone who writes all of it anew, give the head hash that a step's end "
            "left in a Kubernetes Event or in Slack: --anchor HASH"
        )
    return 0


COMMAND = Command(
    "verify",
    "is a journal whole and untouched, and where not?",
    """\
  migration-cockpit verify SESSION                        every line follows from the one before
  migration-cockpit verify SESSION --anchor 3f0c91d2      and it is the one whose hash was in Slack""",
    options,
    run,
)
