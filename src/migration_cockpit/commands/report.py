"""`report`: what happened in a session, as a page or as Markdown."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from migration_cockpit.commands import USAGE_ERROR, Command

PAGE, MARKDOWN = {".html", ".htm"}, {".md", ".markdown"}


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a journal (session.jsonl, also .gz or .zst) or a session's directory"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="report.html or report.md (default: Markdown on the terminal)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the report; 1 when the journal cannot be read, or not to its end."""
    from migration_cockpit.report import markdown, page
    from migration_cockpit.report.gather import gather
    from migration_cockpit.report.sections import document
    from migration_cockpit.session.recording.opening import read

    output = options.output
    kind = output.suffix.lower() if output else ".md"
    if kind not in PAGE | MARKDOWN:
        said = f"-o {output}: the name decides what is written; it takes .html or .md"
        print(f"migration-cockpit report: {said}", file=sys.stderr)
        return USAGE_ERROR
    found = gather(read(options.file))
    if found.damage:
        print(f"migration-cockpit report: {found.damage}", file=sys.stderr)
    if found.state.session is None:
        if not found.damage:
            print(f"migration-cockpit report: {options.file}: no session was opened in it", file=sys.stderr)
        return 1
    told = document(found)
    text = page.render(told) if kind in PAGE else markdown.render(told)
    if output is None:
        print(text, end="")
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            print(f"migration-cockpit report: {output}: cannot be written: {error.strerror}", file=sys.stderr)
            return 1
        print(f"wrote {output}")
    return 1 if found.damage else 0


COMMAND = Command(
    "report",
    "write what happened in a session as a page or as Markdown",
    """\
  migration-cockpit report SESSION -o report.html     one file with charts, to print or to mail
  migration-cockpit report SESSION -o report.md       for the wiki
  migration-cockpit report session.jsonl | less       to look at""",
    options,
    run,
)
