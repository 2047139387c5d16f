"""`check`: every connection that the playbook needs is tried; what is wrong is told with its mend. Changes nothing."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migration_cockpit.actions import database
from migration_cockpit.actions.helm import refused_arguments
from migration_cockpit.actions.site import Site
from migration_cockpit.advice import revisions
from migration_cockpit.config import Settings, version_tuple
from migration_cockpit.connections import Connections, KubeError, WorldError
from migration_cockpit.connections.errors import one_line
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.findings import Finding, as_json, as_table
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.redact import Redactor

__all__ = ["as_json", "as_table", "examine"]

LOOK_SECONDS = 20.0
OLDEST_HELM = (3, 19, 0)
"""Chart 1.22 takes Helm 3.19 and later (its release notes); older charts take older ones."""

PERMISSIONS: tuple[tuple[str, str, str, str], ...] = (
    ("list", "pods", "", "the pods pane"),
    ("watch", "pods", "", "the pods pane"),
    ("get", "pods", "log", "following the migration's log"),
    ("delete", "pods", "", "ending pods stuck in Init"),
    ("list", "events", "", "warnings of the namespace"),
    ("list", "secrets", "", "reading the Helm release"),
    ("get", "secrets", "", "reading the Helm release"),
    ("list", "deployments", "", "components"),
    ("list", "statefulsets", "", "components"),
    ("patch", "deployments", "scale", "stopping the components"),
    ("patch", "statefulsets", "scale", "stopping the components"),
    ("create", "jobs", "", "the migration Job"),
    ("get", "jobs", "", "the migration Job"),
    ("list", "cronjobs", "", "CronJobs that touch the database"),
    ("patch", "cronjobs", "", "suspending CronJobs that touch the database"),
)
"""What the steps do in the cluster: verb, resource, subresource and what for. helm has needs of its own."""

OWNERS: tuple[tuple[str, str], ...] = (("applications", "Argo CD"), ("helmreleases", "Flux"))

Look = Callable[["_Site"], Awaitable[Sequence[Finding]]]


class _Site:
    def __init__(self, settings: Settings, connections: Connections) -> None:
        self.settings = settings
        self.connections = connections
        self.database = Site(settings, "check", connections)


async def examine(settings: Settings) -> list[Finding]:
    """Try everything, all at once; a look that fails or hangs is itself a finding."""
    connections = Connections(settings, Redactor(), SystemClock())
    site = _Site(settings, connections)
    try:
        groups = await asyncio.gather(*(_guarded(area, look, site) for area, look in LOOKS))
    finally:
        await connections.close()
    return [finding for group in groups for finding in group]


async def _guarded(area: str, look: Look, site: _Site) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            found = await look(site)
    except TimeoutError:
        return [Finding(area, "answer", False, f"none within {LOOK_SECONDS:.0f} s", "check the network path")]
    except WorldError as error:
        mend = getattr(error, "mend", "")
        why = getattr(error, "why", "") or str(error)
        return [Finding(area, "reach", False, why, mend)]
    except Exception as error:  # noqa: BLE001 - the boundary: whatever a client library raises becomes a finding
        return [Finding(area, "reach", False, site.connections.redactor.clean(one_line(error)))]
    return found


async def _kubernetes(site: _Site) -> Sequence[Finding]:
    area, kube, where = "Kubernetes", site.connections.kube, site.settings.kubernetes
    found = [Finding(area, "cluster", True, f"context {where.context}, {await kube.version()}")]

    async def allowed(verb: str, resource: str, subresource: str, what: str) -> Finding | None:
        if await kube.can(verb, resource, subresource=subresource):
            return None
        name = f"{resource}/{subresource}" if subresource else resource
        mend = f"add {verb} on {name} in namespace {where.namespace} to the cockpit's Role"
        return Finding(area, "permission", False, f"may not {verb} {name}: needed for {what}", mend)

    missing = [finding for finding in await asyncio.gather(*(allowed(*rule) for rule in PERMISSIONS)) if finding]
    found += missing or [Finding(area, "permissions", True, f"{len(PERMISSIONS)} of {len(PERMISSIONS)}")]
    return found


async def _release(site: _Site) -> Sequence[Finding]:
    area, settings = "Helm release", site.settings
    name = settings.kubernetes.release
    newest = await site.connections.releases.newest()
    if newest is None:
        mend = "check kubernetes.release and kubernetes.namespace: helm list -A"
        return [Finding(area, name, False, f"there is no release {name} in {settings.kubernetes.namespace}", mend)]
    text = f"revision {newest.revision} {newest.status}, chart {newest.chart}-{newest.chart_version}"
    mend = "helm rollback to the last deployed revision ends a pending operation" if newest.pending else ""
    found = [Finding(area, name, newest.status == "deployed", text, mend or "helm history says what happened")]
    version = str(newest.computed().get("airflowVersion") or newest.app_version)
    source = settings.deployment.source_version
    mend = "deployment.source_version must name what runs"
    found.append(Finding(area, "airflowVersion", version == source, f"{version}, config says {source}", mend))
    found.append(await _chart_tag(area, newest.computed(), version))
    if refused := refused_arguments(settings.helm.arguments):
        found.append(Finding(area, "helm.arguments", False, "; ".join(refused), "take them out of helm.arguments"))
    there = await in_thread(lambda: [(file, Path(file).is_file()) for file in settings.helm.values])
    mend = "helm.values names no readable file"
    found += [Finding(area, "values file", ok, file, "" if ok else mend) for file, ok in there]
    return found


async def _chart_tag(area: str, values: dict[str, Any], version: str) -> Finding:
    image = values.get("images", {}).get("airflow", {})
    tag = str(image.get("tag") or values.get("defaultAirflowTag") or "")
    seen = re.match(r"\d+\.\d+", tag)
    ok = seen is None or seen[0] == ".".join(version.split(".")[:2])
    mend = "set airflowVersion to the image's version: all 2.x/3.x decisions of the chart rest on it"
    return Finding(area, "image tag", ok, f"{tag or 'by digest'} with airflowVersion {version}", "" if ok else mend)


async def _rulers(site: _Site) -> Sequence[Finding]:
    """Who else rules the release: GitOps puts back what the cockpit changes, autoscalers undo scale-to-zero."""
    area, kube, release = "Who else rules it", site.connections.kube, site.settings.kubernetes.release
    found = []
    for resource, name in OWNERS:
        try:
            objects = await kube.list(resource, namespace="")
        except KubeError as error:
            if not (error.missing or error.denied):
                raise
            text = "not installed" if error.missing else "may not be listed: whether it rules the release is unknown"
            found.append(Finding(area, name, error.missing, text, f"allow list on {resource}, or ask who runs {name}"))
            continue
        ruling = [obj for obj in objects if _rules(obj, release, site.settings.kubernetes.namespace)]
        active = [obj["metadata"]["name"] for obj in ruling if not _suspended(obj)]
        text = f"{', '.join(active)} syncs the release" if active else f"{len(ruling)} for it, suspended or none"
        found.append(Finding(area, name, not active, text, f"suspend {name}'s sync for the window" if active else ""))
    for resource, name in (("scaledobjects", "KEDA"), ("horizontalpodautoscalers", "HPA")):
        try:
            objects = await kube.list(resource, label=f"release={release}")
        except KubeError as error:
            if not error.missing:
                raise
            objects = []
        names = ", ".join(obj["metadata"]["name"] for obj in objects)
        found.append(Finding(area, name, True, f"{names}: paused in step 4" if names else "none"))
    return found


def _rules(obj: dict[str, Any], release: str, namespace: str) -> bool:
    spec = obj.get("spec", {})
    if "destination" in spec:  # an Argo CD Application
        helm = spec.get("source", {}).get("helm", {}) or {}
        named = helm.get("releaseName") or obj["metadata"]["name"]
        return bool(spec["destination"].get("namespace") == namespace and named == release)
    target = spec.get("targetNamespace") or obj["metadata"].get("namespace")
    named = spec.get("releaseName") or obj["metadata"]["name"]
    return bool(target == namespace and named == release)


def _suspended(obj: dict[str, Any]) -> bool:
    spec = obj.get("spec", {})
    if "destination" in spec:
        return not (spec.get("syncPolicy") or {}).get("automated")
    return bool(spec.get("suspend"))


async def _postgres(site: _Site) -> Sequence[Finding]:
    area, db = "Postgres", site.database
    version, name, user = (
        await database.rows(db, "select current_setting('server_version'), current_database(), current_user")
    )[0]
    found = [Finding(area, "reach", True, f"PostgreSQL {version}, database {name} as {user}")]
    grants = (
        "select pg_has_role('pg_monitor','member') or rolsuper, pg_has_role('pg_signal_backend','member') or rolsuper"
    )
    monitor, signal = (await database.rows(db, f"{grants} from pg_roles where rolname = current_user"))[0]
    mend = f"GRANT pg_monitor, pg_read_all_data TO {user}"
    found.append(Finding(area, "pg_monitor", monitor, "granted" if monitor else "missing", "" if monitor else mend))
    mend = f"GRANT pg_signal_backend TO {user}"
    found.append(Finding(area, "pg_signal_backend", signal, "granted" if signal else "missing", "" if signal else mend))
    heads = await database.heads(db)
    source = site.settings.deployment.source_version
    wanted = revisions.head(source)
    text = f"{', '.join(heads.revisions) or 'none'}, Airflow {source} has {wanted}"
    ok = heads.revisions == (wanted,)
    mend = "the database is not at the source version: deployment.source_version, or a migration that began already"
    found.append(Finding(area, "alembic_version", ok, text, "" if ok else mend))
    found += await _role_settings(area, db)
    return found


async def _role_settings(area: str, db: Site) -> list[Finding]:
    sql = """
        select coalesce(r.rolname, 'every role'), unnest(s.setconfig)
        from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole
        where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    """
    wanted = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")
    rows = [f"{role}: {text}" for role, text in await database.rows(db, sql) if text.split("=")[0] in wanted]
    text = "; ".join(rows) + ": the migration Job sets its own" if rows else "no timeout is set for a role or database"
    return [Finding(area, "session timeouts", True, text)]


async def _aws(site: _Site) -> Sequence[Finding]:
    area, rds = "AWS", site.settings.rds
    if rds is None:
        dump = site.settings.dump.enabled
        mend = "set dump.enabled: without RDS a verified pg_dump is the only way back"
        return [Finding(area, "recovery point", dump, "no [rds]; a dump" if dump else "no [rds] and no dump", mend)]
    found = [Finding(area, "identity", True, await site.connections.aws_identity())]
    instance = await site.connections.rds_instance()
    status = str(instance.get("DBInstanceStatus", ""))
    storage = instance.get("AllocatedStorage")
    text = f"{rds.instance} {status}, {instance.get('Engine')} {instance.get('EngineVersion')}, {storage} GiB"
    found.append(Finding(area, "instance", status == "available", text, "wait until it is available"))
    pending = instance.get("PendingModifiedValues") or {}
    ok = not pending
    found.append(Finding(area, "pending changes", ok, json.dumps(pending) if pending else "none", "apply them before"))
    return found


async def _http(site: _Site) -> Sequence[Finding]:
    version = await site.connections.airflow.version()
    source = site.settings.deployment.source_version
    mend = "deployment.source_version must name what runs"
    found = [Finding("Airflow", "version", version == source, f"{version} answers, config says {source}", mend)]
    health = await site.connections.airflow.health()
    ill = [f"{part.name} {part.status or 'never seen'}" for part in health.components if part.status != "healthy"]
    # 2.x runs without a dag-processor of its own: never seen is not ill there.
    ill = [text for text in ill if not (text.startswith("dag_processor") and version.startswith("2."))]
    text = ", ".join(ill) or "healthy"
    found.append(
        Finding("Airflow", "health", not ill, text, "mend it before: a migration heals nothing" if ill else "")
    )
    dags = await site.connections.airflow.dag_count()
    mend = f"does {site.settings.airflow.username} see all DAGs?"
    found.append(Finding("Airflow", "account", dags > 0, f"sees {dags} DAGs", "" if dags else mend))
    return found


async def _grafana(site: _Site) -> Sequence[Finding]:
    area, grafana = "Grafana", site.settings.grafana
    if grafana is None:
        return [Finding(area, "configured", True, "no [grafana]: the scheduler pane stays empty")]
    prometheus = await site.connections.prometheus()
    found = []
    for name in ("loop_duration", "queued_tasks", "open_slots", "parse_time"):
        query = getattr(grafana.queries, name)
        try:
            result = await in_thread(lambda query=query: prometheus.custom_query(query=query))
        except Exception as error:  # noqa: BLE001 - the client raises its own and its libraries' errors
            found.append(
                Finding(area, name, False, site.connections.redactor.clean(one_line(error)), "url, token, uid")
            )
            continue
        mend = f"no data: is this the metric's name here? grafana.queries.{name}"
        found.append(Finding(area, name, bool(result), query, "" if result else mend))
    return found


async def _slack(site: _Site) -> Sequence[Finding]:
    slack = site.settings.slack
    if slack is None:
        return [Finding("Slack", "configured", True, "no [slack]: people tell each other")]
    webhook = await site.connections.secret(slack.webhook)
    ok = webhook.startswith(("https://", "http://"))
    mend = "slack.webhook must lead to the webhook's address"
    text = f"webhook from {slack.webhook.source()}, channel {slack.channel}; nothing was sent"
    return [Finding("Slack", "webhook", ok, text, "" if ok else mend)]


async def _programs(site: _Site) -> Sequence[Finding]:
    return [await in_thread(_helm_binary, site.settings), *await _pg_dump(site)]


def _helm_binary(settings: Settings) -> Finding:
    binary = settings.helm.binary
    if shutil.which(binary) is None:
        return Finding("Programs", "helm", False, f"{binary} is not to be found", "install helm, or set helm.binary")
    ran = subprocess.run([binary, "version", "--short"], capture_output=True, text=True, timeout=15, check=False)
    seen = re.search(r"v(\d+)\.(\d+)\.(\d+)", ran.stdout)
    if ran.returncode or not seen:
        return Finding(
            "Programs", "helm", False, one_line(Exception(ran.stderr or ran.stdout)), "is helm.binary a helm?"
        )
    ok = tuple(int(part) for part in seen.groups()) >= OLDEST_HELM
    mend = f"chart {settings.helm.chart_version} may want {'.'.join(map(str, OLDEST_HELM))} or later"
    return Finding("Programs", "helm", ok, f"{ran.stdout.strip()} ({shutil.which(binary)})", "" if ok else mend)


async def _pg_dump(site: _Site) -> Sequence[Finding]:
    dump = site.settings.dump
    if not dump.enabled:
        return [Finding("Programs", "pg_dump", True, "no dump is configured")]
    if shutil.which(dump.pg_dump) is None:
        return [Finding("Programs", "pg_dump", False, f"{dump.pg_dump} is not to be found", "set dump.pg_dump")]
    ran = await in_thread(
        lambda: subprocess.run([dump.pg_dump, "--version"], capture_output=True, text=True, check=False)
    )
    seen = re.search(r"(\d+)", ran.stdout)
    server = int((await database.rows(site.database, "select current_setting('server_version_num')"))[0][0]) // 10000
    ok = bool(seen) and int(seen[1]) >= server if seen else False
    found = [
        Finding(
            "Programs", "pg_dump", ok, f"{ran.stdout.strip()}, server {server}", f"install pg_dump {server} or later"
        )
    ]
    size, free = await database.size(site.database), shutil.disk_usage(Path.home()).free
    text = f"{free / 1e9:.1f} GB free here, database {size / 1e9:.1f} GB"
    found.append(Finding("Programs", "disk for the dump", free > size, text, "free some, or set --session elsewhere"))
    return found


async def _credentials(site: _Site) -> Sequence[Finding]:
    end = site.settings.schedule.window_end
    now = datetime.now(UTC)
    await site.connections.airflow.version()
    ends = dict(await site.connections.credentials())
    if site.connections.airflow.expiry():
        ends["airflow"] = site.connections.airflow.expiry() or end
    found = []
    for name, at in sorted(ends.items()):
        ok = at > end or end < now < at
        text = f"until {at:%Y-%m-%d %H:%M} UTC, window ends {end:%Y-%m-%d %H:%M}"
        found.append(Finding("Credentials", name, ok, text, "" if ok else "renew it before the window begins"))
    return found or [Finding("Credentials", "expiry", True, "none that ends, as far as it can be read")]


def _versions(settings: Settings) -> Finding:
    source, target = settings.deployment.source_version, settings.deployment.target_version
    known = revisions.head(target)
    below = version_tuple(source) < (2, 11, 0)
    text = f"{source} → {target}"
    if below:
        mend = "the schema is the same from 2.10.3 on, but 2.11 has the warnings and checks: go there first"
        return Finding("Versions", "hop", False, text, mend)
    return Finding("Versions", "hop", bool(known), text, "this cockpit does not know the target's revisions")


async def _hop(site: _Site) -> Sequence[Finding]:
    return [_versions(site.settings)]


LOOKS: tuple[tuple[str, Look], ...] = (
    ("Versions", _hop),
    ("Kubernetes", _kubernetes),
    ("Helm release", _release),
    ("Who else rules it", _rulers),
    ("Postgres", _postgres),
    ("AWS", _aws),
    ("Airflow", _http),
    ("Grafana", _grafana),
    ("Slack", _slack),
    ("Programs", _programs),
    ("Credentials", _credentials),
)
