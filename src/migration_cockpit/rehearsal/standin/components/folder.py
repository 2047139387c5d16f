"""The dags folder, watched: every pass parses what is there and brings the database up to date with it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.standin.components.dagfiles import DagImportError, ParsedDag, parse
from migration_cockpit.rehearsal.standin.components.dagsync import DagSync
from migration_cockpit.rehearsal.standin.components.metrics import report_parsing, wobble
from migration_cockpit.rehearsal.standin.worldfaults import fault

if TYPE_CHECKING:
    from pathlib import Path

    from migration_cockpit.rehearsal.standin.components.statsd import Statsd
    from migration_cockpit.rehearsal.standin.database import Connection
    from migration_cockpit.rehearsal.standin.settings import Settings

_PARSE_SECONDS = 0.028
"""What a real parse of one of the rehearsal's files costs once warm: 30 files in 0.85 s."""


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
        self.attach(session)

    def attach(self, session: Connection) -> None:
        """Use this session from now on."""
        default = self._settings.catchup_by_default
        path = str(self._settings.dags_folder)
        self._sync = DagSync(session, is3=self._is3, catchup_default=default, folder=path)

    def step(self) -> None:
        """Parse and write, when the interval since the last pass is over."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._settings.parse_interval
        dags, errors = parse_folder(self._settings.dags_folder, self._settings.world, is3=self._is3)
        now = datetime.now(UTC)
        self._sync.write(dags, now)
        self._sync.mark_missing([dag.dag_id for dag in dags])
        self._sync.write_errors(errors, now)
        report_parsing(self._statsd, len(dags), len(errors), _PARSE_SECONDS * len(dags) * wobble())
