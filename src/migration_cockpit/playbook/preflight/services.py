"""AWS, Airflow's API, Grafana and Slack: reached with the account that the flight will have."""

from __future__ import annotations

import json
from typing import Any

from migration_cockpit.connections import WorldError
from migration_cockpit.connections.grafana import CREATE, READ, GrafanaRefused
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight import aws_rights
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.sources.metrics import UNITS, why


async def aws(place: Place) -> list[Finding]:
    """The identity, each action that it needs, and the instance. Raises NotSupported for Aurora."""
    area, rds = "AWS", place.settings.rds
    if rds is None:
        dump = place.settings.dump.enabled
        mend = "set dump.enabled: without RDS a verified pg_dump is the only way back"
        return [Finding(area, "recovery point", dump, "no [rds]; a dump" if dump else "no [rds] and no dump", mend)]
    identity = await place.connections.aws_identity()
    rights = await aws_rights.look(place, identity)
    found = [Finding(area, "identity", True, identity), *rights]
    if any("rds:DescribeDBInstances" in each.found for each in rights):
        return found  # what it is cannot be told
    instance = await place.connections.rds_instance()
    status = str(instance.get("DBInstanceStatus", ""))
    storage = instance.get("AllocatedStorage")
    text = f"{rds.instance} {status}, {instance.get('Engine')} {instance.get('EngineVersion')}, {storage} GiB"
    found.append(Finding(area, "instance", status == "available", text, "wait until it is available"))
    pending = instance.get("PendingModifiedValues") or {}
    text = json.dumps(pending, default=str) if pending else "none"
    found.append(Finding(area, "pending changes", not pending, text, "apply them before"))
    return found


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
    try:
        dags = await api.dag_count()
    except WorldError as error:
        mend = "check airflow.username and airflow.password; 2.x wants basic auth in api.auth_backends"
        return [*found, Finding("Airflow", "account", False, str(error), mend)]
    # Its name is in the config; where it is also somebody's password it would be masked here.
    mend = "may the account of airflow.username see all DAGs?"
    found.append(Finding("Airflow", "account", dags > 0, f"it sees {dags} DAGs", mend))
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
    return [*found, *await _annotations(place)] if settings.annotate else found


async def _annotations(place: Place) -> list[Finding]:
    """Whether steps may be written onto the dashboards; asked of Grafana, nothing is written."""
    area, name = "Grafana", "annotations"
    try:
        rights = await place.connections.grafana_call("GET", "/api/access-control/user/permissions")
    except GrafanaRefused as error:
        if error.status == 404:
            return [Finding(area, name, True, "this Grafana cannot be asked what the token may (404): not proved")]
        return [Finding(area, name, False, error.why, error.mend)]
    held = rights if isinstance(rights, dict) else {}
    missing = [right for right in (CREATE, READ) if right not in held]
    if not missing:
        return [Finding(area, name, True, f"the token has {CREATE} and {READ}")]
    mend = "give it to the service account, or set grafana.annotate = false"
    return [
        Finding(area, name, False, f"the token has not {right}: needed for steps on the dashboards", mend)
        for right in missing
    ]


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
