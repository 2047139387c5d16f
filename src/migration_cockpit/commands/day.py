"""`day`: what belongs to a day before or after the migration, looked at and kept."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.commands import USAGE_ERROR, Command, config_option, configured, operator_option
from migration_cockpit.commands.paper import width

if TYPE_CHECKING:
    from migration_cockpit.config import Settings
    from migration_cockpit.playbook.days.shape import Day, Ground
    from migration_cockpit.playbook.prepare.shape import Seen
    from migration_cockpit.session.events import DayState

WIDEST = 120
ANNOUNCED, REVIEWED = "D-3", "D+7"


def options(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("day", metavar="DAY", help="D-7, D-3, D-1, D+1 or D+7")
    config_option(parser)
    parser.add_argument("--send", action="store_true", help="D-3: post the announcement to the channel")
    parser.add_argument("--copied", action="store_true", help="D-3: say that you sent the announcement by hand")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    operator_option(parser)


def run(options: argparse.Namespace) -> int:
    """Go through the day: 0 when all holds, 1 when something does not or is not known."""
    from migration_cockpit.playbook.days import DAYS, by_id
    from migration_cockpit.session.journal import JournalError

    settings = configured(options.config)
    if (options.send or options.copied) and options.day.upper() != ANNOUNCED:
        print(f"migration-cockpit day: --send and --copied belong to {ANNOUNCED}", file=sys.stderr)
        return USAGE_ERROR
    day = by_id(options.day)
    if day is None:
        names = ", ".join(f"{each.id} ({each.title})" for each in DAYS)
        print(f"migration-cockpit day: {options.day} is no day of the playbook; there are {names}", file=sys.stderr)
        return USAGE_ERROR
    try:
        state, journal = _gone_through(day, settings, options)
    except JournalError as error:
        print(f"migration-cockpit day: {error}", file=sys.stderr)
        return 1
    from migration_cockpit.playbook.days.printed import as_data

    if options.json:
        print(json.dumps(as_data(day.id, state, str(journal)), indent=2, ensure_ascii=False))
    else:
        print(f"\n{day.id} {state.outcome}; kept in {journal}")
    return 0 if state.outcome == "holds" else 1


def _gone_through(day: Day, settings: Settings, options: argparse.Namespace) -> tuple[DayState, Path]:
    """The day as it stands in the end, and its journal. Raises JournalError."""
    from migration_cockpit.cockpit.opening import opening
    from migration_cockpit.connections import Connections
    from migration_cockpit.launch import operator_name
    from migration_cockpit.playbook.days import go_through, opened
    from migration_cockpit.playbook.days.printed import as_lines
    from migration_cockpit.playbook.flight import Flight
    from migration_cockpit.session.clock import SystemClock
    from migration_cockpit.session.journal import FILE, SessionLock, make_directory
    from migration_cockpit.session.places import days_of, sessions_home
    from migration_cockpit.session.recorder import Recorder
    from migration_cockpit.session.redact import of_deployment

    deployment, sessions, clock = settings.deployment, sessions_home(), SystemClock()
    home = days_of(sessions, deployment.name, deployment.source_version, deployment.target_version)
    operator = operator_name(options.operator)
    make_directory(home)
    with ExitStack() as stack:
        lock = SessionLock(home)
        lock.take(f"{operator}, process {os.getpid()}")
        stack.callback(lock.release)
        redactor = of_deployment(settings)
        recorder = Recorder(home, clock, redactor)
        stack.callback(recorder.close)
        opened(recorder, opening(settings, f"days-{home.name}"))

        async def go() -> None:
            connections = Connections(settings, redactor, clock)
            flight = Flight(settings, connections, recorder, clock)
            flight.operator = operator
            tell = (lambda _: None) if options.json else (lambda found: print(as_lines(found, width=width(WIDEST))))
            try:
                await go_through(
                    day,
                    flight,
                    sessions=sessions,
                    send=options.send,
                    copied=options.copied,
                    also=(("report", _report),) if day.id == REVIEWED else (),
                    tell=tell,
                )
            finally:
                await connections.close()

        asyncio.run(go())
        return recorder.state.days[day.id], home / FILE


async def _report(ground: Ground) -> Seen:
    """The report of the flown session, with what the days have found, written beside their journal."""
    import msgspec

    from migration_cockpit.connections.threads import in_thread
    from migration_cockpit.playbook.days.first_day import NOT_FLOWN
    from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen
    from migration_cockpit.report import page
    from migration_cockpit.report.gather import gather
    from migration_cockpit.report.sections import document
    from migration_cockpit.session.recording.opening import read

    if ground.flown is None:
        return Seen(UNKNOWN, (NOT_FLOWN,))
    journal = ground.flown.journal
    found = await in_thread(lambda: gather(read(journal)))
    if found.damage:
        return Seen(FAILS, (found.damage,), "see `migration-cockpit verify`")
    # The session ended before the days after it began.
    found.state = msgspec.structs.replace(found.state, days=ground.state.days)
    name = f"report-{ground.flown.name}.html"
    ground.flight.recorder.write_artifact(name, page.render(document(found)).encode())
    return Seen(HOLDS, (f"artifacts/{name} tells of {found.events} events",))


COMMAND = Command(
    "day",
    "go through a day before or after the migration: what holds, by evidence, kept for the next",
    """\
  migration-cockpit day D-7 --config config.toml      staging on 3.x beside production
  migration-cockpit day D-3 --config config.toml      the announcement, kept to be copied; --send posts it
  migration-cockpit day D-1 --config config.toml      takes the backups and verifies each
  migration-cockpit day D+1 --config config.toml      the first day against the time before
  migration-cockpit day D+1 --config config.toml --json | jq '.found[] | select(.status != "holds")'""",
    options,
    run,
)
