"""AWS, Airflow's API, Grafana and Slack: reached with the account that the flight will have."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_cockpit.actions import snapshot
from migration_cockpit.config import Rds
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.aws import refused
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.sources.metrics import UNITS, why


async def aws(place: Place) -> list[Finding]:
    """The identity, the instance, and what may be read of it. Raises NotSupported for Aurora."""
    area, rds = "AWS", place.settings.rds
    if rds is None:
        dump = place.settings.dump.enabled
        mend = "set dump.enabled: without RDS a verified pg_dump is the only way back"
        return [Finding(area, "recovery point", dump, "no [rds]; a dump" if dump else "no [rds] and no dump", mend)]
    found = [Finding(area, "identity", True, await place.connections.aws_identity())]
    instance = await place.connections.rds_instance()
    status = str(instance.get("DBInstanceStatus", ""))
    storage = instance.get("AllocatedStorage")
    text = f"{rds.instance} {status}, {instance.get('Engine')} {instance.get('EngineVersion')}, {storage} GiB"
    found.append(Finding(area, "instance", status == "available", text, "wait until it is available"))
    pending = instance.get("PendingModifiedValues") or {}
    text = json.dumps(pending, default=str) if pending else "none"
    found.append(Finding(area, "pending changes", not pending, text, "apply them before"))
    return [*found, await _snapshots(place, rds), await _cloudwatch(place, rds)]


async def _snapshots(place: Place, rds: Rds) -> Finding:
    from botocore.exceptions import ClientError

    try:
        await snapshot.describe(place.database, f"{rds.snapshot_prefix}-check")
    except ClientError as error:
        return _denied("snapshots", error)
    text = "may be described; taking one cannot be tried without taking one (rds:CreateDBSnapshot)"
    return Finding("AWS", "snapshots", True, text)


async def _cloudwatch(place: Place, rds: Rds) -> Finding:
    from botocore.exceptions import ClientError

    now = datetime.now(UTC)
    metric = {
        "Namespace": "AWS/RDS",
        "MetricName": "FreeStorageSpace",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": rds.instance}],
    }
    query = {"Id": "free", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}
    span = {"StartTime": now - timedelta(minutes=10), "EndTime": now}
    try:
        await place.connections.aws_call("cloudwatch", "get_metric_data", MetricDataQueries=[query], **span)
    except ClientError as error:
        return _denied("metrics", error)
    return Finding("AWS", "metrics", True, "CloudWatch answers")


def _denied(name: str, error: Exception) -> Finding:
    told = refused(error)
    return Finding("AWS", name, False, told.why, told.mend)


async def airflow(place: Place) -> list[Finding]:
    """The version that answers, its health, and what the account sees."""
    api = place.connections.airflow
    version = await api.version()
    source = place.settings.deployment.source_version
    mend = "deployment.source_version must name what runs"
    found = [Finding("Airflow", "version", version == source, f"{version} answers, config says {source}", mend)]
    health = await api.health()
    ill = [f"{part.name} {part.status or 'never seen'}" for part in health.components if part.status != "healthy"]
    # 2.x runs without a dag-processor of its own: never seen is not ill there.
    ill = [text for text in ill if not (text.startswith("dag_processor") and version.startswith("2."))]
    text = ", ".join(ill) or "healthy"
    mend = "mend it before: a migration heals nothing"
    found.append(Finding("Airflow", "health", not ill, text, mend if ill else ""))
    user = place.settings.airflow.username
    try:
        dags = await api.dag_count()
    except WorldError as error:
        mend = "check airflow.username and airflow.password; 2.x wants basic auth in api.auth_backends"
        return [*found, Finding("Airflow", "account", False, str(error), mend)]
    found.append(Finding("Airflow", "account", dags > 0, f"{user} sees {dags} DAGs", f"does {user} see all DAGs?"))
    return found


async def grafana(place: Place) -> list[Finding]:
    """Each query of the scheduler pane; the first that fails speaks for all, they share their way."""
    area, settings = "Grafana", place.settings.grafana
    if settings is None:
        return [Finding(area, "configured", True, "no [grafana]: the scheduler pane stays empty")]
    prometheus = await place.connections.prometheus()
    found: list[Finding] = []
    for name in UNITS:
        query = getattr(settings.queries, name)
        try:
            result = await in_thread(_ask, prometheus, query)
        except Exception as error:  # noqa: BLE001 - the client raises its own and its libraries' errors
            mend = "check grafana.url, grafana.token and grafana.datasource_uid"
            return [*found, Finding(area, "reach", False, why(error), mend)]
        mend = f"no data: is this the metric's name here? grafana.queries.{name}"
        found.append(Finding(area, name, bool(result), query, "" if result else mend))
    return found


def _ask(prometheus: Any, query: str) -> Any:
    return prometheus.custom_query(query=query)


async def slack(place: Place) -> list[Finding]:
    """Where the webhook comes from; nothing is posted."""
    settings = place.settings.slack
    if settings is None:
        return [Finding("Slack", "configured", True, "no [slack]: people tell each other")]
    webhook = await place.connections.secret(settings.webhook)
    ok = webhook.startswith(("https://", "http://"))
    text = f"webhook from {settings.webhook.source()}, channel {settings.channel}; nothing was sent"
    return [Finding("Slack", "webhook", ok, text, "" if ok else "slack.webhook must lead to the webhook's address")]
