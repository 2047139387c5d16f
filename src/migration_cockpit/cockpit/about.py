"""What each pane shows, where it comes from, what is normal, and what its rows open: the help and the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from migration_cockpit.advice.metrics import RULE


@dataclass(frozen=True)
class About:
    """A pane in words."""

    shows: str
    source: str
    normal: str
    rows: str
    """What a row is, and what Enter shows of it."""


PANES: Mapping[str, About] = {
    "timeline": About(
        shows="Each step with its plan, its start, the drift in minutes and its outcome; the window; the pause ledger "
        "(the DAGs that were active before step 2: these and no others are unpaused); the recovery points. "
        "While a way back is flown, its stages.",
        source="The session's journal: what the cockpit did and what it found. Planned times are those of [schedule].",
        normal="A drift of a few minutes. A step that is overridden or skipped stands with its reason; failed and "
        "aborted ones say what to do.",
        rows="A row is a step: its gates and verification with the values found, its operations with their commands, "
        "times and outcomes, and its earlier attempts.",
    ),
    "pods": About(
        shows="Every pod of the release: image, state, readiness, restarts, age, how one that runs again had ended; "
        "the namespace's warnings.",
        source="A watch on Kubernetes. A pod's events and the last 200 lines of its log are read when it is opened, "
        "within 8 seconds, and become part of the record.",
        normal="Between the upgrade and the migration new pods wait in Init. After the migration all of them run and "
        "restart no more.",
        rows="A row is a pod: its containers' state, its events, the end of its log; r reads them anew. Below the pods "
        "stand the workloads with their pods, and the namespace's warnings, each whole.",
    ),
    "tasks": About(
        shows="Task instances by live state, their course, the oldest by name, and how many DAGs are paused.",
        source="The metadata database, at cadence.tasks.",
        normal="Running, queued and restarting end before the upgrade; deferred and scheduled ones may stay. A task "
        "that runs for twice as long as usual is marked.",
        rows="A row is a task instance that runs, waits or failed since the cut-over: its DAG, run, host, how long it "
        "takes against how long it usually takes, and the DAG's other ones.",
    ),
    "database": About(
        shows="The verdict on the migration, its revision and progress, what moves, and which session blocks which.",
        source="PostgreSQL each second, read-only; storage from CloudWatch, a minute or more behind.",
        normal="The revision is the last committed one. The migration's advisory lock is held by an idle session. No "
        "waiters; a root blocker stands above those who wait for it.",
        rows="A row is a session: its statement, the locks that it holds, for whom it waits up to the root, and who "
        "waits for it. Literals of statements are masked.",
    ),
    "scheduler": About(
        shows="Four metrics of the scheduler against their value before the migration, and Airflow's own health.",
        source="Prometheus through Grafana's datasource proxy, at cadence.metrics; /health of Airflow's API.",
        normal="Durations within +20 % of the value before. Queued tasks and open slots follow the load, not the "
        "version: they are shown only. No data is not zero; from the upgrade until a scheduler of the target version "
        f"is ready it is expected. {RULE}",
        rows="A row is a metric or a component: the query in PromQL as it is asked, the course, and the rule it is "
        "judged by.",
    ),
    "log": About(
        shows="What steps print, what the cockpit does, verdicts, decisions and notes.",
        source="The session's journal; State keeps the last 400 lines, the journal all of them.",
        normal="Scroll up and it holds still; End follows again.",
        rows="A row is a line: Enter shows it whole.",
    ),
}
"""By pane, in the order in which Tab goes through them."""
