"""config.toml as typed settings.

Every key is declared once, here; `config.example.toml` documents them for people. An error names the file, the key,
what was found there and what is taken. Times are UTC, durations are seconds unless the key's name says otherwise.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

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


LONGEST = 31_536_000.0
"""Seconds in a year: no number of the config is larger."""
LONGEST_NAME = 100
"""Characters of a deployment's name: it becomes part of a directory's."""


class ConfigError(Exception):
    """config.toml cannot be used; the message names the file, the key, what was found and what is taken."""


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
"""`auto` is dark, or the terminal's own sixteen colours where it has no more. NO_COLOR outranks them all."""


class Screen(Section, frozen=True, kw_only=True):
    """How the screen looks, sounds and takes keys."""

    theme: Theme = "auto"
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
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]


def load(path: Path) -> Settings:
    """Read and check a config file.

    Raises ConfigError for an unreadable file, a file that is not TOML, a missing or unknown key, a wrong type, a
    version that is not supported or times out of order.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); config.toml is a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    except RecursionError:
        raise ConfigError(f"{path}: is not a config.toml: brackets within brackets, too deep to be read") from None
    return parse(raw, path)


def parse(raw: dict[str, Any], path: Path) -> Settings:
    """Turn the tables of a config file into settings; `path` is named in errors and anchors relative paths."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error), raw)}") from error
    _check(settings, path)
    return _anchor(settings, path.parent)


def _explain(message: str, raw: dict[str, Any]) -> str:
    """Say a validation error in the words of the file: table.key, what was found, what is taken."""
    text, _, where = message.partition(" - at ")
    key = where.strip("`").removeprefix("$").lstrip(".")
    table = key or "top level"
    missing = re.search(r"missing required field `(\w+)`", text)
    if missing:
        name = f"{key}.{missing[1]}" if key else missing[1]
        return f"{name}: is missing; config.example.toml says what it takes"
    unknown = re.search(r"unknown field `(.+)`", text)
    if unknown:
        known = _keys_of(key)
        near = difflib.get_close_matches(unknown[1], known, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; {table} takes {', '.join(known)}"
        return f"{f'{key}.' if key else ''}{unknown[1]}: is not a key{hint}"
    found = _lookup(raw, key)
    if text.startswith("Invalid enum value"):
        return f"{key}: found {found!r}, takes {' or '.join(_choices(key))}"
    taken = text.removeprefix("Expected ").partition(", got ")[0].strip("`").replace("`", "")
    words = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "object": "a table"}
    words |= {"array": "a list", "datetime": "a UTC time such as 2026-05-16T09:00:00Z"}
    words["Invalid RFC3339 encoded datetime"] = words["datetime"]
    taken = " or ".join(words.get(part.strip(), part.strip()) for part in taken.split("|"))
    shown = _kind(found) if _may_be_secret(key, text) else repr(found)
    return f"{key}: found {shown}, takes {taken}"


def _may_be_secret(key: str, text: str) -> bool:
    """Whether what stands at the key may be a secret itself, as where a DSN is written in place of its reference."""
    # What stands where a table belongs is shown by its kind only: nobody knows what was put there.
    return text.startswith("Expected `object") or _keys_of(key.rpartition(".")[0]) == list(SecretRef.__struct_fields__)


def _kind(found: Any) -> str:
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return next((word for kind, word in kinds.items() if isinstance(found, kind)), "a time")


def _keys_of(key: str) -> list[str]:
    """The keys that a table of this dotted name takes."""
    current: Any = Settings
    for part in [p for p in key.split(".") if p]:
        name = part.split("[")[0]
        field = next((f for f in msgspec.structs.fields(current) if f.encode_name == name), None)
        if field is None:
            return []
        options = getattr(field.type, "__args__", (field.type,))
        current = next((o for o in options if isinstance(o, type) and issubclass(o, msgspec.Struct)), None)
        if current is None:
            return []
    return [field.encode_name for field in msgspec.structs.fields(current)]


def _choices(key: str) -> list[str]:
    """The words that a key takes which takes some words only."""
    table, _, name = key.rpartition(".")
    section: Any = next((f.type for f in msgspec.structs.fields(Settings) if f.encode_name == table), None)
    field = next(f for f in msgspec.structs.fields(section) if f.encode_name == name)
    return [str(each) for each in field.type.__args__]


def _lookup(raw: dict[str, Any], key: str) -> Any:
    """The value found at a dotted key, for an error message."""
    value: Any = raw
    for part in re.findall(r"\w+", key):
        if isinstance(value, list) and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return value
    return value


_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)$")


def version_tuple(version: str) -> tuple[int, int, int]:
    """ "2.11.2" -> (2, 11, 2). Raises ValueError for anything but three numbers."""
    match = _VERSION.match(version)
    if not match:
        raise ValueError(f"{version!r} is not a version such as 2.11.2")
    return int(match[1]), int(match[2]), int(match[3])


def _check(settings: Settings, path: Path) -> None:
    """What types cannot say: versions that are supported, times in order, one source per secret."""
    deployment = settings.deployment
    versions = {}
    for key in ("source_version", "target_version"):
        try:
            versions[key] = version_tuple(getattr(deployment, key))
        except ValueError as error:
            raise ConfigError(f"{path}: deployment.{key}: {error}") from None
    # The engine takes 2.10.3 and later: the schema head is the same up to 2.11.x.
    if not (2, 10, 3) <= versions["source_version"] < (3, 0, 0):
        found = deployment.source_version
        raise ConfigError(f"{path}: deployment.source_version: found {found}, takes 2.10.3 to 2.11.x")
    if versions["target_version"] < (3, 0, 0):
        found = deployment.target_version
        raise ConfigError(f"{path}: deployment.target_version: found {found}, takes 3.0.0 or later, in full")
    _check_times(settings.schedule, path)
    _check_numbers(settings, path)
    _check_names(settings, path)
    for key, ref in _secret_refs(settings).items():
        given = [name for name in ("env", "file", "secret", "value") if getattr(ref, name)]
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            raise ConfigError(f"{path}: {key}: found {found}, takes exactly one of env, file, secret, value")
        if ref.secret and ref.secret.count("/") != 1:
            raise ConfigError(f'{path}: {key}.secret: found {ref.secret!r}, takes "name/key"')
    for section in (settings.limits, settings.cadence):
        for field in msgspec.structs.fields(section):
            if getattr(section, field.name) < 0 or (section is settings.cadence and getattr(section, field.name) == 0):
                table = type(section).__name__.lower()
                found = getattr(section, field.name)
                raise ConfigError(f"{path}: {table}.{field.name}: found {found}, takes a number above zero")


def _check_numbers(settings: Settings, path: Path) -> None:
    """TOML knows inf and nan: a wait of either never ends, and no value is over such a limit."""
    for table in settings.__struct_fields__:
        section = getattr(settings, table)
        for name in getattr(section, "__struct_fields__", ()):
            value = getattr(section, name)
            if isinstance(value, float) and not abs(value) <= LONGEST:
                raise ConfigError(f"{path}: {table}.{name}: found {value}, takes a number up to {LONGEST:.0f}")


def _check_names(settings: Settings, path: Path) -> None:
    """What everything is named by, and is asked to be typed: there, and nothing in it that a terminal obeys."""
    names = {
        "deployment.name": settings.deployment.name,
        "kubernetes.context": settings.kubernetes.context,
        "kubernetes.namespace": settings.kubernetes.namespace,
        "kubernetes.release": settings.kubernetes.release,
    }
    for key, name in names.items():
        if not name.strip() or not name.isprintable():
            raise ConfigError(f"{path}: {key}: found {name!r}, takes a name, without line ends or control characters")
    if len(settings.deployment.name) > LONGEST_NAME:
        found = len(settings.deployment.name)
        raise ConfigError(f"{path}: deployment.name: found {found} characters, takes at most {LONGEST_NAME}")


def _check_times(schedule: Schedule, path: Path) -> None:
    names = [*STEP_IDS, "window_end"]
    for name in names:
        if getattr(schedule, name).tzinfo is None:
            raise ConfigError(f"{path}: schedule.{name}: has no zone; write it in UTC, with a Z at its end")
    for before, after in itertools.pairwise(names):
        if getattr(schedule, before) > getattr(schedule, after):
            raise ConfigError(
                f"{path}: schedule.{after}: found {_utc(getattr(schedule, after))}, which is before "
                f"schedule.{before} ({_utc(getattr(schedule, before))}); steps are planned in their order"
            )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _secret_refs(settings: Settings) -> dict[str, SecretRef]:
    """Every secret reference of the settings by its dotted key."""
    refs: dict[str, SecretRef] = {}

    def walk(value: object, key: str) -> None:
        if isinstance(value, SecretRef):
            refs[key] = value
        elif isinstance(value, msgspec.Struct):
            for field in msgspec.structs.fields(value):
                walk(getattr(value, field.name), f"{key}.{field.name}" if key else field.name)

    walk(settings, "")
    return refs


def _anchor(settings: Settings, base: Path) -> Settings:
    """Make file names of the config relative to the config file, wherever the cockpit is started."""

    def anchored(name: str) -> str:
        return str((base / Path(name).expanduser()).resolve())

    def walk(value: Any) -> Any:
        if isinstance(value, SecretRef):
            return msgspec.structs.replace(value, file=anchored(value.file)) if value.file else value
        if isinstance(value, Helm):
            chart = anchored(value.chart) if value.chart.startswith((".", "/", "~")) else value.chart
            binary = anchored(value.binary) if "/" in value.binary else value.binary
            values = tuple(anchored(name) for name in value.values)
            return msgspec.structs.replace(value, chart=chart, binary=binary, values=values)
        if isinstance(value, Estimate):
            return msgspec.structs.replace(value, rates=anchored(value.rates)) if value.rates else value
        if isinstance(value, Prepare):
            files = ("dags", "exceptions", "production_packages", "staging_packages", "target_packages")
            named = {name: anchored(getattr(value, name)) for name in files if getattr(value, name)}
            logs = tuple(anchored(name) for name in value.access_logs)
            dsn = walk(value.staging_dsn) if value.staging_dsn else None
            scratch = walk(value.scratch_dsn) if value.scratch_dsn else None
            value = msgspec.structs.replace(value, scratch_dsn=scratch)
            ruff = anchored(value.ruff) if "/" in value.ruff else value.ruff
            # Not resolved: a virtual environment's python is a link, and another program at the link's end.
            program = [
                str((base / Path(word).expanduser()).absolute()) if "/" in word else word for word in value.smoke[:1]
            ]
            smoke = (*program, *value.smoke[1:])
            staging = {"staging_airflow": walk(value.staging_airflow), "staging_grafana": walk(value.staging_grafana)}
            staging |= {"staging_dsn": dsn}
            return msgspec.structs.replace(value, **named, **staging, access_logs=logs, ruff=ruff, smoke=smoke)
        if isinstance(value, Kubernetes):
            return msgspec.structs.replace(value, kubeconfig=anchored(value.kubeconfig)) if value.kubeconfig else value
        if isinstance(value, msgspec.Struct):
            changed = {f.name: walk(getattr(value, f.name)) for f in msgspec.structs.fields(value)}
            return msgspec.structs.replace(value, **changed)
        return value

    anchored_settings = walk(settings)
    assert isinstance(anchored_settings, Settings)
    return anchored_settings
