"""The DAGs of the rehearsal: what they are called, when they run, and the files that define them.

The files are ordinary Airflow DAG files that parse unchanged under 2.10/2.11 and 3.x (the operators moved between the
two, so each import is tried both ways). The stand-in reads the same files without importing them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CANARY = "cockpit_canary"
"""The DAG that the cockpit triggers to prove that scheduler, executor and execution API work together."""


@dataclass(frozen=True, slots=True)
class DagSpec:
    """One DAG of the rehearsal.

    `schedule` is a cron expression or None (only triggered by hand); `catchup` None leaves the argument out of the
    file, so that Airflow's configured default decides, which is not the same in 2.x and 3.x; `tasks` run one after
    another, each `seconds` long; `paused` says that somebody had paused it long before migration day.
    """

    dag_id: str
    schedule: str | None
    tasks: tuple[str, ...] = ("extract", "transform", "load")
    seconds: float = 1.0
    owner: str = "data"
    catchup: bool | None = False
    paused: bool = False
    operator: str = "bash"
    tags: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        """The name of the DAG's file inside the dags folder."""
        return f"{self.dag_id}.py"


_NAMED: tuple[DagSpec, ...] = (
    DagSpec(CANARY, None, ("check",), seconds=0.5, owner="platform", operator="python", tags=("cockpit",)),
    DagSpec("capstone_orders_etl_realtime", "*/10 * * * *", seconds=2.0, owner="orders", tags=("critical",)),
    DagSpec("daily_revenue_aggregation", "0 3 * * *", owner="finance", catchup=True, tags=("critical",)),
    DagSpec("fraud_detection_pipeline", "*/15 * * * *", seconds=2.0, owner="risk", tags=("critical",)),
    DagSpec("weekly_metrics_dashboard", "0 6 * * 1", owner="insights", catchup=None),
    DagSpec("monthly_billing_report", "0 2 1 * *", owner="finance", catchup=None),
    DagSpec("ad_hoc_data_quality_check", None, ("check", "report"), owner="insights", operator="python"),
)

_SCHEDULES: tuple[str, ...] = ("0 * * * *", "30 2 * * *", "15 4 * * *", "0 */6 * * *")
_PAUSED_EVERY = 8
"""Every eighth of the numbered DAGs has been paused on purpose: what the pause ledger must not unpause."""


def dag_specs(count: int) -> list[DagSpec]:
    """The first `count` DAGs of the rehearsal, always the same ones in the same order (`count` >= 1)."""
    if count < 1:
        raise ValueError(f"a rehearsal needs at least one DAG, got {count}")
    numbered = (_numbered(index) for index in range(max(0, count - len(_NAMED))))
    return [*_NAMED[:count], *numbered]


def write_dags(folder: Path, count: int, *, start: datetime | None = None) -> list[DagSpec]:
    """Write one file per DAG into `folder` (made if missing) and return what was written.

    `start` is the DAGs' start date (UTC); by default midnight two days ago, so that a real scheduler finds one or two
    intervals to catch up with and not a year of them.
    """
    if start is None:
        start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    specs = dag_specs(count)
    write_files(folder, specs, start)
    return specs


def write_files(folder: Path, specs: Iterable[DagSpec], start: datetime) -> None:
    """Write the files of `specs` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for spec in specs:
        (folder / spec.filename).write_text(dag_source(spec, start), encoding="utf-8")


def dag_source(spec: DagSpec, start: datetime) -> str:
    """The Python source of one DAG file."""
    return "\n".join([*_header(spec, start), *_tasks(spec), ""])


def _numbered(index: int) -> DagSpec:
    return DagSpec(
        f"etl_team{index % 4}_{index:02d}",
        _SCHEDULES[index % len(_SCHEDULES)],
        owner=f"team{index % 4}",
        catchup=None if index % 3 == 0 else False,
        paused=index % _PAUSED_EVERY == _PAUSED_EVERY - 1,
        operator="python" if index % 2 else "bash",
    )


_IMPORTS = {
    "bash": ("BashOperator", "airflow.providers.standard.operators.bash", "airflow.operators.bash"),
    "python": ("PythonOperator", "airflow.providers.standard.operators.python", "airflow.operators.python"),
}


def _header(spec: DagSpec, start: datetime) -> list[str]:
    name, new, old = _IMPORTS[spec.operator]
    catchup = [] if spec.catchup is None else [f"    catchup={spec.catchup},"]
    work = ["", "", "def work(seconds: float) -> None:", "    time.sleep(seconds)"] if spec.operator == "python" else []
    return [
        f'"""{spec.dag_id}: a DAG of the rehearsal."""',
        "",
        "from __future__ import annotations",
        "",
        *(["import time"] if spec.operator == "python" else []),
        "from datetime import datetime, timezone",
        "",
        "try:",
        "    from airflow.sdk import DAG",
        "except ImportError:",
        "    from airflow import DAG",
        "try:",
        f"    from {new} import {name}",
        "except ImportError:",
        f"    from {old} import {name}",
        *work,
        "",
        "",
        "with DAG(",
        f'    dag_id="{spec.dag_id}",',
        f"    schedule={_literal(spec.schedule)},",
        f"    start_date=datetime({start.year}, {start.month}, {start.day}, tzinfo=timezone.utc),",
        *catchup,
        "    max_active_runs=4,",
        f"    tags={list(spec.tags)!r},".replace("'", '"'),
        f'    default_args={{"owner": "{spec.owner}"}},',
        ") as dag:",
    ]


def _tasks(spec: DagSpec) -> list[str]:
    lines = [f"    {task} = {_operator_call(spec, task)}" for task in spec.tasks]
    if len(spec.tasks) > 1:
        lines.append(f"    {' >> '.join(spec.tasks)}")
    return lines


def _operator_call(spec: DagSpec, task: str) -> str:
    if spec.operator == "python":
        return f'PythonOperator(task_id="{task}", python_callable=work, op_args=[{spec.seconds}])'
    return f'BashOperator(task_id="{task}", bash_command="sleep {spec.seconds}")'


def _literal(value: str | None) -> str:
    return "None" if value is None else f'"{value}"'
