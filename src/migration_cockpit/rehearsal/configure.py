"""The config.toml of a rehearsal: the same keys as any deployment's, pointing at loopback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe

from migration_cockpit.rehearsal.pace import Pace
from migration_cockpit.rehearsal.prepared import ACCESS_LOG, PACKAGES

CRITICAL = ("capstone_orders_etl_realtime", "daily_revenue_aggregation", "fraud_detection_pipeline")
NORMAL = ("weekly_metrics_dashboard", "monthly_billing_report", "ad_hoc_data_quality_check")
CANARY = "cockpit_canary"


@dataclass(frozen=True)
class Endpoints:
    """Where the world's servers listen and what opens them."""

    airflow_url: str
    airflow_user: str
    airflow_password: str
    dsn: str
    aws_url: str
    grafana_url: str
    grafana_token: str
    datasource: str
    slack_url: str
    postgres_binaries: Path


@dataclass(frozen=True)
class Prepared:
    """What the world has beside production, and what opens it: staging, and what is looked at in the weeks before."""

    airflow_url: str
    dsn: str
    scratch_dsn: str
    """By a role that may create databases."""
    grafana_url: str
    grafana_token: str
    context: str
    differs: tuple[str, ...]
    alertmanager: str
    dags: Path
    team: tuple[str, ...]


@dataclass(frozen=True)
class Deployment:
    """The emulated deployment's names."""

    source: str
    target: str
    namespace: str
    release: str
    context: str
    instance: str
    region: str
    chart: str
    chart_version: str


def write(
    directory: Path,
    deployment: Deployment,
    endpoints: Endpoints,
    pace: Pace,
    *,
    rds: bool = True,
    prepared: Prepared | None = None,
    repoint: str = "swap",
) -> Path:
    """Write config.toml, the files that hold its secrets and the AWS profile; returns the config's path.

    Without `rds` the database is one that AWS knows nothing of: a dump is its recovery point.
    """
    secrets = directory / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    kept = {} if prepared is None else _secrets(prepared)
    for name, value in {
        **kept,
        "dsn": endpoints.dsn,
        "airflow-password": endpoints.airflow_password,
        "grafana-token": endpoints.grafana_token,
        "slack-webhook": endpoints.slack_url,
    }.items():
        _private(secrets / name, value)
    _private(
        directory / "aws-credentials",
        f"[rehearsal]\naws_access_key_id = testing\naws_secret_access_key = {token_urlsafe(30)}\n",
    )
    _private(directory / "aws-config", f"[profile rehearsal]\nregion = {deployment.region}\n")
    path = directory / "config.toml"
    tables = _tables(deployment, endpoints, pace)
    if prepared is not None:
        tables["prepare"] = _prepare(prepared, endpoints, tables["grafana"])
        tables["dump"]["enabled"] = True  # what has no dump has nothing to test
    tables["rollback"]["repoint"] = repoint
    if not rds:
        del tables["rds"]
        tables["dump"]["enabled"] = True
    _private(path, _toml(tables))
    return path


def _tables(deployment: Deployment, endpoints: Endpoints, pace: Pace) -> dict[str, dict[str, object]]:
    now = datetime.now(UTC).replace(microsecond=0)
    return {
        "deployment": {
            "name": "rehearsal",
            "production": False,
            "rehearsal": True,
            "source_version": deployment.source,
            "target_version": deployment.target,
            "on_call": "the rehearsal's on-call",
        },
        "kubernetes": {
            "context": deployment.context,
            "namespace": deployment.namespace,
            "release": deployment.release,
            "kubeconfig": "./kubeconfig",
        },
        "helm": {
            "binary": "./helm",
            "chart": deployment.chart,
            "chart_version": deployment.chart_version,
            "values": ["values-3x.yaml"],
        },
        "postgres": {"dsn": _file("dsn")},
        "rds": {
            "instance": deployment.instance,
            "region": deployment.region,
            "endpoint_url": endpoints.aws_url,
            "profile": "rehearsal",
            "snapshot_timeout": max(15.0, pace.snapshot * 5),
        },
        "dump": {
            "enabled": False,
            "pg_dump": str(endpoints.postgres_binaries / "pg_dump"),
            "pg_restore": str(endpoints.postgres_binaries / "pg_restore"),
        },
        "rollback": {
            "restore_expected": pace.restore,
            "restore_timeout": max(30.0, pace.restore * 10),
            "drain": pace.limits.get("drain", 600.0),
            "healthy": pace.limits.get("healthy", 300.0) * 3,
        },
        "airflow": {
            "url": endpoints.airflow_url,
            "username": endpoints.airflow_user,
            "password": _file("airflow-password"),
        },
        "grafana": {
            "url": endpoints.grafana_url,
            "datasource_uid": endpoints.datasource,
            "token": _file("grafana-token"),
            "regression_percent": pace.regression_percent,
        },
        "slack": {"webhook": _file("slack-webhook"), "channel": "#airflow-migration"},
        "dags": {"canary": CANARY, "critical": list(CRITICAL), "normal": list(NORMAL), **pace.dags},
        "schedule": {**pace.planned(now), "window_end": now + pace.window},
        "limits": dict(pace.limits),
        "cadence": dict(pace.cadence),
    }


def _secrets(prepared: Prepared) -> dict[str, str]:
    return {
        "staging-dsn": prepared.dsn,
        "scratch-dsn": prepared.scratch_dsn,
        "staging-grafana-token": prepared.grafana_token,
    }


def _prepare(prepared: Prepared, endpoints: Endpoints, grafana: Mapping[str, object]) -> dict[str, object]:
    own = {"url": prepared.grafana_url, "token": _file("staging-grafana-token")}
    return {
        "dags": str(prepared.dags),
        "access_logs": [ACCESS_LOG],
        "production_packages": PACKAGES.format("production"),
        "staging_packages": PACKAGES.format("target"),
        "target_packages": PACKAGES.format("target"),
        "staging_dsn": _file("staging-dsn"),
        "staging_context": prepared.context,
        "staging_differs": list(prepared.differs),
        "staging_airflow": {
            "url": prepared.airflow_url,
            "username": endpoints.airflow_user,
            "password": _file("airflow-password"),
        },
        # A world is young: what its staging did half an hour ago is nothing.
        "staging_grafana": {**grafana, **own, "baseline_minutes": 0.3},
        "scratch_dsn": _file("scratch-dsn"),
        "team": list(prepared.team),
        "alertmanager": prepared.alertmanager,
    }


def _file(name: str) -> dict[str, str]:
    return {"file": f"secrets/{name}"}


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _toml(tables: Mapping[str, Mapping[str, object]]) -> str:
    parts = []
    for name, table in tables.items():
        lines = [f"{key} = {_value(value)}" for key, value in table.items()]
        parts.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(parts) + "\n"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    return repr(value)
