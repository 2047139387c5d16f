"""Starting a cockpit from the command line: which session, who flies, on a screen or without one."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import signal
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from migration_cockpit.config import Settings
from migration_cockpit.session import journal
from migration_cockpit.session.events import SessionClosed
from migration_cockpit.session.journal import JournalError
from migration_cockpit.session.places import sessions_home
from migration_cockpit.session.state import State

Back = tuple[str, str]
"""An order to fly back: the id of the step after which, and the way, empty for the one that fits."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def operator_name(given: str | None) -> str:
    """Who flies: the name given, else the user who logged in by SSH, else the user of the process."""
    try:
        return given or os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user without an entry in passwd
        return f"uid-{os.getuid()}"


def new_session(deployment: str) -> Path:
    """A directory for a session that begins now."""
    return sessions_home() / f"{deployment}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def unfinished(deployment: str) -> Path | None:
    """The deployment's newest session if it has not come to an outcome. Raises JournalError for a damaged journal."""
    newest = _newest(deployment)
    if newest is None:
        return None
    outcome = _outcome(newest / journal.FILE)
    return newest if outcome not in {"verified", "overridden", "rolled back", "postponed"} else None


def _outcome(path: Path) -> str:
    """What a session came to, by the last line of its journal: of a day's journal no more than that is read."""
    from migration_cockpit.session.recording import Recording

    try:
        recording = Recording(path)
    except JournalError:
        if path.stat().st_size == 0 or b"\n" not in path.read_bytes()[: journal.LONGEST_LINE]:
            return ""  # it was begun and nothing was acknowledged
        raise
    with closing(recording):
        if recording.damage is not None:
            raise JournalError(f"{path}: {recording.damage.words()}")
        last = [entry.event for _, entry in recording.entries(recording.last.start)]
    return last[-1].outcome if last and isinstance(last[-1], SessionClosed) else ""


def _newest(deployment: str) -> Path | None:
    """The directory of the deployment's newest session; that of a deployment with a longer name is not one of it."""
    home, stamp = sessions_home(), re.compile(re.escape(deployment) + r"-\d{8}-\d{6}")
    names = [each.parent.name for each in home.glob(f"*/{journal.FILE}") if stamp.fullmatch(each.parent.name)]
    return home / max(names) if names else None


def choose_session(deployment: str, given: Path | None, *, new: bool) -> Path | None:
    """The session to fly: the one given, the unfinished one, or a new one. None when the operator declines `--new`.

    Raises JournalError when the journal of the one to go on with is damaged; `new` goes past that.
    """
    if given is not None:
        return given.resolve()
    try:
        open_one = unfinished(deployment)
    except JournalError as error:
        if not new:
            raise
        print(f"migration-cockpit: {error}", file=sys.stderr)
        open_one = _newest(deployment)
    if open_one is None:
        return new_session(deployment)
    if not new:
        return open_one
    print(f"Session {open_one.name} of {deployment} is not finished. Start another one? Type its name to confirm:")
    if sys.stdin.readline().strip() != open_one.name:
        print("Nothing was started.")
        return None
    return new_session(deployment)


def fly_on_screen(
    settings: Settings,
    directory: Path,
    *,
    operator: str,
    autopilot: float | None = None,
    back: Back | None = None,
    save_rates: Path | None = None,
    theme: str | None = None,
    glyphs: str | None = None,
) -> int:
    """Fly with the screen; returns the exit code. `autopilot` is the pause between its keys in seconds.

    `back` orders it to fly back: after which step, and by which way. `save_rates` names the file into which the rates
    of the migration go, once it ran. `theme` and `glyphs` outrank the config's. Raises ConfigError for keys of the
    config that cannot be.
    """
    from migration_cockpit.app import draws_ascii, painting_first, refused

    if refused("migration-cockpit"):
        return 2
    if why := unusable_rates(settings):
        print(f"migration-cockpit: {why}", file=sys.stderr)
        return 2
    with painting_first():
        from migration_cockpit.app.app import CockpitApp
        from migration_cockpit.app.controls import VIEW_CONTROLS, more_keys
        from migration_cockpit.cockpit.cockpit import Cockpit
        from migration_cockpit.cockpit.desk import Desk

        controls, views = more_keys(settings.screen.keys) if settings.screen.keys else (None, VIEW_CONTROLS)
        try:
            cockpit = Cockpit(settings, directory, operator=operator, observe=True, at_once=False)
        except JournalError as error:
            print(f"migration-cockpit: {error}", file=sys.stderr)
            return 1
        app = CockpitApp(
            cockpit,
            Desk(cockpit, controls),
            autopilot=autopilot,
            back=back,
            colours=theme or settings.screen.theme,
            ascii_only=draws_ascii(glyphs or settings.screen.glyphs, os.environ),
            mouse=settings.screen.mouse,
            views=views,
            bell=settings.screen.bell,
            copies=directory / "copied.txt",
        )
        app.run()
    from migration_cockpit.cockpit.outcome import exit_code

    if app.trouble:
        print(f"migration-cockpit: {app.trouble}", file=sys.stderr)
        return ended_by(app.ended_by) or 1
    if app.life.parting:
        print(f"migration-cockpit: {app.life.parting}", file=sys.stderr)
    print(f"session {directory}")
    write_rates(cockpit.state, save_rates)
    return ended_by(app.ended_by) or exit_code(cockpit.state, asked_back=back is not None)


def ended_by(number: int) -> int:
    """The exit code of a flight that a signal ended, 0 for none."""
    return 128 + number if number in {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} else 0


def fly_headless(
    settings: Settings,
    directory: Path,
    *,
    operator: str,
    pause: float,
    back: Back | None = None,
    save_rates: Path | None = None,
) -> int:
    """Fly by autopilot without a screen, and back where `back` orders that; returns the exit code.

    `save_rates` as for the screen.
    """
    from migration_cockpit.cockpit.autopilot import GoBack
    from migration_cockpit.cockpit.cockpit import Cockpit
    from migration_cockpit.cockpit.headless import fly

    if why := unusable_rates(settings):
        print(f"migration-cockpit: {why}", file=sys.stderr)
        return 2
    try:
        cockpit = Cockpit(settings, directory, operator=operator)
    except JournalError as error:
        print(f"migration-cockpit: {error}", file=sys.stderr)
        return 1
    order = GoBack(*back) if back else None
    code = asyncio.run(fly(cockpit, pause=pause, signals=SIGNALS, back=order))
    write_rates(cockpit.state, save_rates)
    return code


def unusable_rates(settings: Settings) -> str:
    """Why the rates that the config names cannot be used; empty when they can."""
    if not settings.estimate.rates:
        return ""
    from migration_cockpit.advice import rates

    try:
        rates.of(settings)
    except rates.RatesError as error:
        return str(error)
    return ""


def write_rates(state: State, path: Path | None) -> None:
    """Write the rates of the migration that ran, and say so, or why not."""
    if path is None:
        return
    from migration_cockpit.advice import own_rates

    text = own_rates.text(state)
    if not text:
        print("no rates are saved: no revision of the migration took long enough to tell", file=sys.stderr)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"migration-cockpit: {path}: the rates cannot be written: {error.strerror or error}", file=sys.stderr)
        return
    print(f"rates of this migration: {path}")
