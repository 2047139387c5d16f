"""3 the upgrade checks were made; 4 no violation is left, or each is accepted with a reason; 14 the schedules."""

from __future__ import annotations

import fnmatch
import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from migration_cockpit.connections import Unreachable
from migration_cockpit.connections.errors import one_line
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.prepare import lint, versions
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where, together
from migration_cockpit.playbook.prepare.values import merged, setting, truth

RULES = "AIR30,AIR31"
"""ruff's rules for Airflow 3: removed, moved to a provider, incompatible, suggested. Stable since ruff 0.13."""
SECONDS = 120.0
SHOWN = 5
_CATCHUP = """
select count(*) filter (where data->'dag'->>'catchup' is null), count(*)
from serialized_dag s join dag d on d.dag_id = s.dag_id where d.is_active and data is not null
"""
_XCOMS = """
select count(*) filter (where octet_length(value) = 0),
  count(*) filter (where substring(value for 1) <> '\\x80' and position('\\x5c7530303030'::bytea in value) > 0),
  count(*) filter (where substring(value for 1) <> '\\x80'
    and (position('NaN'::bytea in value) > 0 or position('Infinity'::bytea in value) > 0))
from xcom
"""
"""One pass over the table, read-only: empty ones, ones with a null character, ones that hold NaN or Infinity."""
XCOM_SECONDS = 60
KEPT = {"catchup_by_default": True, "create_cron_data_intervals": True}
"""What 2.11 has by default and 3.x has not."""


class Accepted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A violation that may stay, and why."""

    code: str
    file: str
    """A pattern such as `legacy/*.py`, below the DAGs folder."""
    reason: str


class _Exceptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    accept: tuple[Accepted, ...] = ()


async def checks(where: Where) -> Seen:
    """ruff's rules on the DAGs folder, import errors of staging on 3.x, `airflow config lint`."""
    parts = []
    violations = await in_thread(ruff, where.settings.prepare.dags, where.settings.prepare.ruff)
    if isinstance(violations, str):
        parts.append(Seen(UNKNOWN, (violations,), "set prepare.dags and prepare.ruff in the config"))
    else:
        parts.append(Seen(HOLDS, (f"ruff {RULES}: {len(violations)} violations (see the next one)",)))
    if where.staging is not None and where.settings.prepare.staging_dsn is not None:
        parts += [await versions.at_target(where), await versions.import_errors(where)]
    else:
        parts.append(Seen(UNKNOWN, ("import errors of 3.x are not known",), "set prepare.staging_dsn in the config"))
    parts.append(await xcoms(where))
    parts.append(await lint.look(where))
    return together(parts)


async def xcoms(where: Where) -> Seen:
    """XComs that would stop the migration's revision that makes them jsonb."""
    try:
        empty, null, nan = (await versions.query(where.place.connections, _XCOMS, seconds=XCOM_SECONDS))[0]
    except Unreachable as error:
        return Seen(UNKNOWN, (f"the XComs could not be looked through: {one_line(error)}",), "look at a copy")
    bad = [f"{count} {words}" for count, words in ((empty, "empty"), (null, "with a null character")) if count]
    found = [f"XComs that stop the migration: {', '.join(bad)}"] if bad else []
    if nan:
        found.append(f"{nan} XComs hold NaN or Infinity: inside a text they stop it too")
    if found:
        mend = "migration-cockpit failures xcom-empty, xcom-null-character, xcom-nan"
        return Seen(FAILS, tuple(found), f"{mend}: each says how they are taken out and kept")
    return Seen(HOLDS, ("no XCom that is known to stop the migration",))


async def violations(where: Where) -> Seen:
    """No violation of ruff's Airflow 3 rules, or an accepted one with its reason."""
    prepare = where.settings.prepare
    found = await in_thread(ruff, prepare.dags, prepare.ruff)
    if isinstance(found, str):
        return Seen(UNKNOWN, (found,), "set prepare.dags and prepare.ruff in the config")
    accepted = await in_thread(exceptions, prepare.exceptions)
    if isinstance(accepted, str):
        return Seen(FAILS, (accepted,), "correct the file of the exceptions")
    folder = Path(prepare.dags or ".")  # the config has made it absolute
    left = [each for each in found if not any(_accepts(one, each, folder) for one in accepted)]
    covered = len(found) - len(left)
    words = [f"{covered} accepted with a reason"] if covered else []
    if not left:
        return Seen(HOLDS, (f"no violation of {RULES} in {folder.name}/", *words))
    codes = Counter(str(each["code"]) for each in left)
    lines = [f"{_file(each, folder)}:{each['location']['row']} {each['code']} {each['message']}" for each in left]
    more = [f"… {len(left) - SHOWN} more"] if len(left) > SHOWN else []
    counts = ", ".join(f"{count} {code}" for code, count in codes.most_common())
    mend = (
        f"ruff check --select {RULES} --fix in the DAGs' repository, or accept each with a reason: prepare.exceptions"
    )
    return Seen(FAILS, (counts, *lines[:SHOWN], *more, *words), mend)


async def schedules(where: Where) -> Seen:
    """What decides which runs come due is pinned to what production does: the defaults change with 3.x."""
    newest = await where.place.connections.releases.newest()
    before = newest.computed() if newest is not None else {}
    after = await in_thread(merged, where.settings.helm.values)
    if isinstance(after, str):
        return Seen(UNKNOWN, (after,), "correct helm.values")
    parts = []
    for name, default in KEPT.items():
        has = truth(setting(before, "scheduler", name), default)
        given = setting(after, "scheduler", name)
        text = f"{name}: production has {has}, the target's values say {'nothing' if given is None else given}"
        mend = f"set config.scheduler.{name}: '{has}' in the values before the first parse, or sign what would change"
        holds = truth(given, not default) == has
        parts.append(Seen(HOLDS if holds else FAILS, (text,), "" if holds else mend))
    seen = together(parts)
    if seen.status == FAILS:
        own, total = (await versions.query(where.place.connections, _CATCHUP))[0]
        seen = Seen(FAILS, (*seen.found, f"{own} of {total} DAGs follow the default of catchup"), seen.mend)
    return seen


def ruff(folder: str | None, program: str) -> list[dict[str, Any]] | str:
    """What ruff finds in a folder; or why it cannot look."""
    if folder is None:
        return "the DAGs folder is not known"
    if not Path(folder).is_dir():
        return f"{folder} is not a folder"
    command = [
        _found(program),
        "check",
        "--select",
        RULES,
        "--output-format",
        "json",
        "--no-fix",
        "--no-cache",
        "--exit-zero",
    ]
    # Their own settings could switch the rules off; what a comment in a file excuses is excused.
    command += ["--isolated", folder]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except OSError as error:
        return f"{program} cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"{program} did not end within {SECONDS:.0f} s"
    if ran.returncode:
        return f"{program}: {' '.join(ran.stderr.split())[:200]}"
    found: list[dict[str, Any]] = json.loads(ran.stdout or "[]")
    return found


def _found(program: str) -> str:
    """The program, from the PATH or else from beside the Python that runs the cockpit."""
    if "/" in program or shutil.which(program):
        return program
    beside = Path(sys.executable).with_name(program)
    return str(beside) if beside.exists() else program


def exceptions(file: str | None) -> tuple[Accepted, ...] | str:
    """The accepted violations; or why the file cannot be used."""
    if file is None:
        return ()
    try:
        given = msgspec.convert(tomllib.loads(Path(file).read_text("utf-8")), _Exceptions).accept
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        return f"{file}: {error}"
    bare = [f"{each.code} in {each.file}" for each in given if not each.reason.strip()]
    return f"{file}: no reason for {', '.join(bare)}" if bare else given


def _accepts(one: Accepted, violation: dict[str, Any], folder: Path) -> bool:
    return violation["code"] == one.code and fnmatch.fnmatch(_file(violation, folder), one.file)


def _file(violation: dict[str, Any], folder: Path) -> str:
    path = Path(violation["filename"])
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name
