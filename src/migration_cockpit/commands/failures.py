"""`failures`: the catalogue of known failures: list it, explain one, or look for them in a log."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.commands import USAGE_ERROR, Command, configured, session_option
from migration_cockpit.commands.paper import width
from migration_cockpit.config import STEP_IDS

if TYPE_CHECKING:
    from migration_cockpit.session.events import GuideFound

WIDEST = 110
FAMILIES = ("migration", "dags", "consumers", "ui")
"""The guided pages; a test holds them to the playbook's."""


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("id", nargs="?", metavar="ID", help="explain this one; without it the catalogue is listed")
    parser.add_argument("--log", metavar="FILE", help="look for known failures in a log; - reads standard input")
    parser.add_argument("--step", choices=STEP_IDS, default="", metavar="STEP", help="how bad each is at this step")
    parser.add_argument("--family", choices=FAMILIES, help="gather the evidence for this family; needs --config")
    parser.add_argument("--config", type=Path, help="with --family: the deployment's config.toml")
    session_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """List, explain or look; 1 when a log shows a known failure, 2 for an id or file that is not there."""
    from migration_cockpit.advice import failures
    from migration_cockpit.advice.failures.printed import as_data, listing, told

    if options.family:
        return _guide(options)
    if options.log:
        return _look(options)
    if options.id is None:
        everything = [as_data(each) for each in failures.catalogue()]
        print(json.dumps(everything, indent=2, ensure_ascii=False) if options.json else listing(options.step))
        return 0
    failure = failures.by_id(options.id)
    if failure is None:
        near = failures.near(options.id)
        hint = f"did you mean {', '.join(near)}?" if near else "`migration-cockpit failures` lists them"
        return _wrong(f"{options.id} is no known failure; {hint}")
    print(
        json.dumps(as_data(failure), indent=2, ensure_ascii=False) if options.json else told(failure, {}, width(WIDEST))
    )
    return 0


def _look(options: argparse.Namespace) -> int:
    from migration_cockpit.advice import failures
    from migration_cockpit.advice.failures.printed import as_data, told

    try:
        text = sys.stdin.read() if options.log == "-" else Path(options.log).read_text("utf-8", "replace")
    except OSError as error:
        return _wrong(f"{options.log} cannot be read: {error.strerror}")
    found = failures.match_lines(text.splitlines(), where=options.log)
    if options.json:
        rows = [as_data(each.failure) | {"evidence": each.evidence, "values": dict(each.values)} for each in found]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif found:
        print("\n\n".join(f"» {each.evidence}\n\n{told(each.failure, each.values, width(WIDEST))}" for each in found))
    else:
        print("No known failure shows in it.")
    return 1 if found else 0


def _guide(options: argparse.Namespace) -> int:
    """Print what a guided page gathers; 1 where something fails or is not known."""
    import asyncio
    from contextlib import closing

    from migration_cockpit.connections import Connections
    from migration_cockpit.playbook.guided import by_id, gather, outcome
    from migration_cockpit.playbook.guided.printed import as_data, as_lines
    from migration_cockpit.session.clock import SystemClock
    from migration_cockpit.session.journal import JournalError
    from migration_cockpit.session.recording import Recording
    from migration_cockpit.session.recording.opening import find_journal
    from migration_cockpit.session.redact import of_deployment
    from migration_cockpit.session.state import State

    if options.config is None:
        return _wrong("--family needs --config: it looks at a deployment")
    family, state, artifacts = by_id(options.family), State(), None
    assert family is not None  # argparse takes no other
    settings = configured(options.config)
    if options.session is not None:
        try:
            journal = find_journal(options.session)
            with closing(Recording(journal)) as recording:
                state, artifacts = recording.state(recording.end), journal.parent / "artifacts"
        except JournalError as error:
            return _wrong(str(error))

    def tell(one: GuideFound) -> None:
        if not options.json:
            print(as_lines(one, width=width(WIDEST)))

    async def go() -> tuple[GuideFound, ...]:
        connections = Connections(settings, of_deployment(settings), SystemClock())
        try:
            await connections.warm()
            return await gather(family, connections, state, artifacts, tell)
        finally:
            await connections.close()

    found = asyncio.run(go())
    if options.json:
        print(json.dumps(as_data(family, found), indent=2, ensure_ascii=False))
    return 0 if outcome(found) == "holds" else 1


def _wrong(text: str) -> int:
    print(f"migration-cockpit failures: {text}", file=sys.stderr)
    return USAGE_ERROR


COMMAND = Command(
    "failures",
    "list the known failures of these migrations, explain one, or look for them in a log",
    """\
  migration-cockpit failures                          every known failure, by family
  migration-cockpit failures xcom-nan                 what you see, why, the mend as commands, how sure
  migration-cockpit failures --log migrate.log        which of them does this log show?
  kubectl logs job/NAME | migration-cockpit failures --log -
  migration-cockpit failures --family dags --config config.toml   DAGs do not parse: gather the evidence
  migration-cockpit failures --json | jq -r '.[].id'""",
    options,
    run,
)
