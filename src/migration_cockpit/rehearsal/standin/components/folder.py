"""The dags folder, watched: every pass parses what is there and brings the database up to date with it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.components.dagfiles import DagImportError, ParsedDag, parse
from migration_cockpit.rehearsal.standin.components.dagsync import DagSync
from migration_cockpit.rehearsal.standin.components.metrics import PARSE, report_parsing, slower, wobble
from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from pathlib import Path

    from migration_cockpit.rehearsal.standin.components.statsd import Statsd
    from migration_cockpit.rehearsal.standin.database import Connection
    from migration_cockpit.rehearsal.standin.settings import Settings

_PARSE_SECONDS = 0.028
"""What a real parse of one of the rehearsal's files costs once warm: 30 files in 0.85 s."""
_REFRESH = 30.0
"""Every DAG is written again after this many seconds, as `min_file_process_interval` has it."""
_FIRST_PASS = 8
"""How many DAGs the first pass after a migration writes in one tick, at least."""


def parse_folder(folder: Path, world: Path | None, *, is3: bool) -> tuple[list[ParsedDag], dict[str, str]]:
    """Every DAG in `folder` and the import errors by path, with the faults dag-lost and import-error done to them."""
    dags: list[ParsedDag] = []
    errors: dict[str, str] = {}
    paths = sorted(folder.rglob("*.py")) if folder.is_dir() else []
    for path in paths:
        try:
            dags += parse(path, folder, is3=is3)
        except DagImportError as error:
            errors[str(path)] = str(error)
    return _with_faults(dags, errors, world) if is3 else (dags, errors)


def _with_faults(
    dags: list[ParsedDag], errors: dict[str, str], world: Path | None
) -> tuple[list[ParsedDag], dict[str, str]]:
    lost = fault(world, "dag-lost")
    if lost is not None and dags:
        name = str(lost.get("dag_id", _victim(dags)))
        dags = [dag for dag in dags if dag.dag_id != name]
    broken = fault(world, "import-error")
    if broken is not None and dags:
        name = str(broken.get("dag_id", _victim(dags)))
        path = next((dag.path for dag in dags if dag.dag_id == name), dags[-1].path)
        text = "ModuleNotFoundError: No module named 'airflow.operators.bash_operator'"
        errors = {**errors, path: f'Traceback (most recent call last):\n  File "{path}", line 7, in <module>\n{text}\n'}
        dags = [dag for dag in dags if dag.path != path]
    return dags, errors


def _victim(dags: list[ParsedDag]) -> str:
    names = [dag.dag_id for dag in dags]
    return "daily_revenue_aggregation" if "daily_revenue_aggregation" in names else names[-1]


class Folder:
    """One component's eye on the dags folder."""

    def __init__(self, session: Connection, settings: Settings, statsd: Statsd, *, is3: bool) -> None:
        self._settings = settings
        self._statsd = statsd
        self._is3 = is3
        self._next = 0.0
        self._refresh = 0.0
        self._seen: object = None
        self._waiting: list[ParsedDag] = []
        self.attach(session)

    def attach(self, session: Connection) -> None:
        """Use this session from now on."""
        default = self._settings.catchup_by_default
        path = str(self._settings.dags_folder)
        self._sync = DagSync(session, is3=self._is3, catchup_default=default, folder=path)

    def step(self) -> None:
        """Go on with a first pass that is under way, else look at the folder when the interval is over."""
        if self._waiting:
            self._write_some()
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + self._settings.parse_interval
            self._look()

    def _look(self) -> None:
        """Parse and write when a file or a fault changed, and from time to time so that no DAG looks forgotten."""
        found = self._signature()
        if found == self._seen and time.monotonic() < self._refresh:
            return
        first = self._seen is None
        self._seen, self._refresh = found, time.monotonic() + _REFRESH
        dags, errors = parse_folder(self._settings.dags_folder, self._settings.world, is3=self._is3)
        now = datetime.now(UTC)
        self._sync.write_errors(errors, now)
        if first and self._sync.unparsed():
            # A 3.x dag-processor over a freshly migrated database: all but the first file are stale until their turn.
            self._sync.mark_missing([dag.dag_id for dag in dags[:1]])
            self._waiting = dags
            self._write_some()
        else:
            self._sync.write(dags, now)
            self._sync.mark_missing([dag.dag_id for dag in dags])
        seconds = _PARSE_SECONDS * len(dags) * wobble() * slower(self._settings.world, PARSE, is3=self._is3)
        report_parsing(self._statsd, len(dags), len(errors), seconds)

    def _write_some(self) -> None:
        share = max(_FIRST_PASS, len(self._waiting) // 3)
        self._sync.write(self._waiting[:share], datetime.now(UTC))
        self._waiting = self._waiting[share:]

    def _signature(self) -> object:
        names = ("dag-lost", "import-error", "scheduler-regression") if self._is3 else ()
        faults = [fault(self._settings.world, name) for name in names]
        folder = self._settings.dags_folder
        paths = sorted(folder.rglob("*.py")) if folder.is_dir() else []
        return faults, [(path, path.stat().st_mtime_ns) for path in paths]
