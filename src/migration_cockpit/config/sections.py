"""The tables of config.toml and their keys, each declared once, with its default.

`config.example.toml` documents them for people. Times are UTC, durations are seconds unless the key's name says
otherwise.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

STEP_IDS = (
    "announce",
    "pause",
    "drain",
    "helm",
    "migrate",
    "healthy",
    "smoke",
    "critical",
    "rest",
    "soak",
    "success",
)
"""The eleven steps of migration day, in the order in which they are flown."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of config.toml: unknown keys are refused, so that a misspelt limit never silently falls back."""


class SecretRef(Section, frozen=True, kw_only=True):
    """Where a secret is read from: exactly one key.

    `secret` is "name/key" of a Kubernetes Secret in the release's namespace.
    """

    env: str | None = None
    file: str | None = None
    secret: str | None = None
    value: str | None = None

    def source(self) -> str:
        """Say where the secret comes from without saying what it is."""
        if self.env:
            return f"environment variable {self.env}"
        if self.file:
            return f"file {self.file}"
        if self.secret:
            return f"Secret {self.secret}"
        return "config value"


class Deployment(Section, frozen=True, kw_only=True):
    """Which Airflow this is, and from which version to which it is taken."""

    name: str
    production: bool
    source_version: str
    target_version: str
    on_call: str
    rehearsal: bool = False


class Kubernetes(Section, frozen=True, kw_only=True):
    """The cluster. The context is always named: never whatever happens to be current."""

    context: str
    namespace: str
    release: str
    kubeconfig: str | None = None


class Helm(Section, frozen=True, kw_only=True):
    """The user's own helm: its binary, the chart it shall install and the values for the target version."""

    chart: str
    chart_version: str
    values: tuple[str, ...]
    binary: str = "helm"
    arguments: tuple[str, ...] = ()


class Postgres(Section, frozen=True, kw_only=True):
    """The metadata database as the cockpit reaches it, and as the migration Job does where that differs."""

    dsn: SecretRef
    direct_dsn: SecretRef | None = None
    port_forward: str | None = None
    reference_from_image: bool = True


class Rds(Section, frozen=True, kw_only=True):
    """The RDS instance behind the database: snapshots and CloudWatch."""

    instance: str
    region: str
    snapshot_prefix: str = "airflow-pre-3x"
    endpoint_url: str | None = None
    profile: str | None = None
    snapshot_timeout: float = 3600.0


class Dump(Section, frozen=True, kw_only=True):
    """A pg_dump of the metadata database as a recovery point, beside the snapshot or instead of it."""

    enabled: bool = False
    pg_dump: str = "pg_dump"
    pg_restore: str = "pg_restore"
    timeout: float = 7200.0


class Rollback(Section, frozen=True, kw_only=True):
    """How the way back is flown: what Airflow finds the restored database by, waits, and who may restore a dump."""

    repoint: Literal["swap", "secret"] = "swap"
    admin_dsn: SecretRef | None = None
    fingerprint: bool = True
    fingerprint_timeout: float = 900.0
    drain: float = 600.0
    restore_expected: float = 1200.0
    restore_timeout: float = 7200.0
    healthy: float = 900.0
    late: bool = False
    second_person: bool = False


class Queries(Section, frozen=True, kw_only=True):
    """PromQL of the four scheduler metrics; the defaults are the names that the chart's statsd exporter gives."""

    loop_duration: str = 'max(airflow_scheduler_scheduler_loop_duration{quantile="0.5"})'
    queued_tasks: str = "sum(airflow_executor_queued_tasks)"
    open_slots: str = "sum(airflow_executor_open_slots)"
    parse_time: str = "max(airflow_dag_processing_total_parse_time)"


class Grafana(Section, frozen=True, kw_only=True):
    """Grafana as the way to Prometheus: its datasource proxy."""

    url: str
    datasource_uid: str
    token: SecretRef | None = None
    queries: Queries = Queries()
    regression_percent: float = 20.0
    baseline_minutes: float = 30.0
    annotate: bool = True
    """Write each step's start and end onto the dashboards, which takes the right annotations:create."""
    dashboards: tuple[str, ...] = ()
    """UIDs of the dashboards; none stands for the organisation, whose annotations a dashboard shows by their tag."""


class Airflow(Section, frozen=True, kw_only=True):
    """Airflow's own web address and the account the cockpit uses there (basic auth on 2.x, a token on 3.x)."""

    url: str
    username: str
    password: SecretRef


class Slack(Section, frozen=True, kw_only=True):
    """The incoming webhook for the messages of the playbook."""

    webhook: SecretRef
    channel: str = "#airflow-migration"
    updates: Literal["ask", "send", "off"] = "ask"
    updates_every: float = 1800.0


class Dags(Section, frozen=True, kw_only=True):
    """Which DAGs come back first, how fast, and the canary that proves that tasks really run."""

    canary: str
    critical: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()
    critical_wait: float = 10.0
    normal_wait: float = 5.0
    observation: float = 1800.0
    max_runs_at_once: int = 50


class Schedule(Section, frozen=True, kw_only=True):
    """When each step is planned, UTC, and when the maintenance window closes."""

    announce: datetime
    pause: datetime
    drain: datetime
    helm: datetime
    migrate: datetime
    healthy: datetime
    smoke: datetime
    critical: datetime
    rest: datetime
    soak: datetime
    success: datetime
    window_end: datetime

    def planned(self, step: str) -> datetime:
        """When the step of this id is planned to start."""
        value = getattr(self, step)
        assert isinstance(value, datetime)  # every step id is a field of this table
        return value


class Limits(Section, frozen=True, kw_only=True):
    """Waits, time-outs and thresholds of the playbook, in seconds unless the name says otherwise."""

    drain: float = 1800.0
    stop_components: float = 900.0
    helm: float = 600.0
    healthy: float = 600.0
    external_secrets: float = 180.0
    smoke: float = 900.0
    canary: float = 600.0
    dags_settle: float = 60.0
    soak: float = 7200.0
    soak_failures: int = 0
    lock_timeout: float = 900.0
    reference: float = 900.0
    scan: float = 60.0
    quiet_warning: float = 60.0
    quiet: float = 1800.0
    checks_at: float = 2700.0
    decision_at: float = 7200.0
    heartbeat: float = 60.0
    message_retry: float = 30.0
    autoscaler_pause: float = 60.0


class Estimate(Section, frozen=True, kw_only=True):
    """What the estimate of the migration rests on."""

    rates: str | None = None


class Cadence(Section, frozen=True, kw_only=True):
    """How often each source is read, in seconds; pods are watched, not polled."""

    tasks: float = 2.0
    database: float = 1.0
    metrics: float = 10.0
    storage: float = 30.0
    health: float = 5.0
    cost: float = 30.0
    heartbeat: float = 30.0

    def late(self, source: str) -> float:
        """Age in seconds at which a reading is late: no change is told at least every heartbeat."""
        return 2.0 * max(float(getattr(self, source, 0.0)), self.heartbeat) + 5.0


class Prepare(Section, frozen=True, kw_only=True):
    """What `prepare` looks at in the weeks before, beside production itself. What is not named stays unknown."""

    dags: str | None = None
    ruff: str = "ruff"
    exceptions: str | None = None
    access_logs: tuple[str, ...] = ()
    production_packages: str | None = None
    staging_packages: str | None = None
    target_packages: str | None = None
    staging_dsn: SecretRef | None = None
    staging_context: str | None = None
    staging_namespace: str | None = None
    staging_airflow: Airflow | None = None
    staging_grafana: Grafana | None = None
    staging_differs: tuple[str, ...] = ()
    staging_runs: tuple[str, ...] = ()
    smoke: tuple[str, ...] = ()
    smoke_timeout: float = 600.0
    scratch_dsn: SecretRef | None = None
    team: tuple[str, ...] = ()
    alertmanager: str | None = None
    stale_days: float = 14.0


Theme = Literal["auto", "dark", "light", "deuteranopia", "tritanopia", "sixteen"]
Glyphs = Literal["auto", "unicode", "ascii"]
"""`auto` is dark, or the terminal's own sixteen colours where it has no more. NO_COLOR outranks them all."""


class Screen(Section, frozen=True, kw_only=True):
    """How the screen looks, sounds and takes keys."""

    theme: Theme = "auto"
    glyphs: Glyphs = "auto"
    """`auto` draws ASCII where the locale's character set is not UTF-8, and on TERM=linux."""
    mouse: bool = False
    """Take the mouse: a click selects a pane, the wheel scrolls. The terminal then selects text with Shift only."""
    bell: bool = False
    """Ring the terminal's bell when something must be seen; tmux makes an alert of it (monitor-bell)."""
    keys: dict[str, str] = {}
    """One more key by the id of an action of the main screen; the standard key stays, as the advice names it."""


class Settings(Section, frozen=True, kw_only=True):
    """The whole of config.toml."""

    deployment: Deployment
    kubernetes: Kubernetes
    helm: Helm
    postgres: Postgres
    airflow: Airflow
    dags: Dags
    schedule: Schedule
    rds: Rds | None = None
    dump: Dump = Dump()
    rollback: Rollback = Rollback()
    grafana: Grafana | None = None
    slack: Slack | None = None
    limits: Limits = Limits()
    estimate: Estimate = Estimate()
    cadence: Cadence = Cadence()
    prepare: Prepare = Prepare()
    screen: Screen = Screen()

    def digest(self) -> str:
        """The config's hash, as the journal's first event names it."""
        import hashlib  # loads OpenSSL: not before the first paint

        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]
