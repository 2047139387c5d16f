"""What can be read of one release: versions, database, RDS instance, address, who else rules it, its DAGs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from migration_cockpit.actions import cluster
from migration_cockpit.connections import Kube, KubeError, Unreachable, postgres
from migration_cockpit.connections.errors import NotSupported, one_line
from migration_cockpit.connections.kube import Obj
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.discovery.releases import Installed
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.session.redact import Redactor

_RDS = re.compile(r"^(?P<instance>[a-z][\w-]*)\.[\w-]+\.(?P<region>[a-z]{2}(-[a-z]+)+-\d)\.rds\.amazonaws\.com(\.cn)?$")
_AURORA = re.compile(r"\.cluster-(ro-|custom-)?[\w-]+\.[\w-]+\.rds\.amazonaws\.com")
_POOLED_HOST = re.compile(r"\bhost=([^\s;]+)")
_CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_NEWEST_CHART = "1.22.0"
_FIRST_CHART = (1, 20)
"""Charts from here on run both 2.11 and 3.x."""


@dataclass
class Discovery:
    """What was found, as values of the config by dotted key, and as findings for people."""

    values: dict[str, Any] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)
    """Tables of the config that are left out because nothing of theirs was found."""
    findings: list[Finding] = field(default_factory=list)

    def found(self, area: str, name: str, text: str, **values: Any) -> None:
        """Something was read; `values` by config key, with __ for the dot."""
        self.findings.append(Finding(area, name, True, text))
        self.values |= {key.replace("__", "."): value for key, value in values.items()}

    def missing(self, area: str, name: str, text: str, mend: str) -> None:
        """Something could not be read, and where it is told instead."""
        self.findings.append(Finding(area, name, False, text, mend))


async def look(kube: Kube, installed: Installed, redactor: Redactor) -> Discovery:
    """Look at everything; what cannot be read is a finding, never an exception."""
    discovery = Discovery()
    _release(discovery, installed)
    for area, part in _PARTS:
        try:
            await part(discovery, kube, installed, redactor)
        except (KubeError, Unreachable, NotSupported) as error:
            discovery.missing(area, "reach", redactor.clean(one_line(error)), "fill in its keys by hand")
    return discovery


def _release(discovery: Discovery, installed: Installed) -> None:
    release = installed.release
    discovery.found(
        "Release",
        installed.name,
        installed.words(),
        deployment__source_version=installed.version,
        kubernetes__namespace=installed.namespace,
        kubernetes__release=installed.name,
    )
    number = tuple(int(part) for part in re.findall(r"\d+", release.chart_version)[:2])
    if number >= _FIRST_CHART:
        discovery.found(
            "Release", "chart", f"{release.chart_version} runs 2.11 and 3.x", helm__chart_version=release.chart_version
        )
    else:
        discovery.values["helm.chart_version"] = _NEWEST_CHART
        mend = f"upgrade the chart to {_NEWEST_CHART} on 2.11 first, on a day of its own"
        discovery.missing("Release", "chart", f"{release.chart_version} does not run 3.x", mend)


async def _database(discovery: Discovery, kube: Kube, installed: Installed, redactor: Redactor) -> None:
    reference = await _connection_secret(kube, installed)
    if reference is None:
        mend = "postgres.dsn: name where the DSN is read from"
        discovery.missing("Database", "Secret", f"no scheduler takes {_CONNECTION} from a Secret", mend)
        return
    name, key = reference
    discovery.found(
        "Database", "Secret", f"{name}, key {key}: Airflow's own account", postgres__dsn={"secret": f"{name}/{key}"}
    )
    dsn = redactor.register(postgres.check_dsn(await kube.secret(name, key)))
    given = await in_thread(postgres.parameters, dsn)
    host = str(given.get("host", ""))
    pooler = f"{installed.name}-pgbouncer"
    if host.split(".")[0] == pooler:
        discovery.values["postgres.port_forward"] = f"svc/{pooler}:{given.get('port', 6543)}"
        told = _POOLED_HOST.search(await kube.secret(f"{pooler}-config", "pgbouncer.ini"))
        host = told[1] if told else host
        mend = "postgres.direct_dsn: a Secret with the server's own address, for the migration Job"
        discovery.missing("Database", "PgBouncer", f"Airflow goes through {pooler}", mend)
    if _AURORA.search(host):
        raise NotSupported("Database", f"{host} is Aurora, and the cockpit flies migrations on RDS for PostgreSQL only")
    rds = _RDS.match(host)
    if rds is None:
        discovery.without.add("rds")
        discovery.found(
            "Database", "server", f"{host}: not an RDS endpoint, so a pg_dump is the recovery point", dump__enabled=True
        )
        return
    text = f"RDS instance {rds['instance']} in {rds['region']}"
    discovery.found("Database", "server", text, rds__instance=rds["instance"], rds__region=rds["region"])


async def _connection_secret(kube: Kube, installed: Installed) -> tuple[str, str] | None:
    """Name and key of the Secret that the live scheduler takes its connection from."""
    selector = f"tier=airflow,component=scheduler,release={installed.name}"
    for resource in ("deployments", "statefulsets"):
        for workload in await kube.list(resource, label=selector):
            container = cluster.main_container(workload["spec"]["template"]["spec"], "scheduler")
            for variable in container.get("env") or []:
                source = (variable.get("valueFrom") or {}).get("secretKeyRef")
                if variable["name"] == _CONNECTION and source:
                    return str(source["name"]), str(source["key"])
    return None


async def _address(discovery: Discovery, kube: Kube, installed: Installed, _redactor: Redactor) -> None:
    for ingress in await kube.list("ingresses", label=f"release={installed.name}"):
        spec = ingress["spec"]
        hosts = [rule["host"] for rule in spec.get("rules") or [] if rule.get("host")]
        if hosts:
            scheme = "https" if spec.get("tls") else "http"
            url = f"{scheme}://{hosts[0]}"
            discovery.found("Airflow", "address", f"{url}, by Ingress {ingress['metadata']['name']}", airflow__url=url)
            return
    discovery.missing("Airflow", "address", "the release has no Ingress with a host", "airflow.url: as users reach it")


async def _workloads(discovery: Discovery, kube: Kube, installed: Installed, _redactor: Redactor) -> None:
    selector = f"tier=airflow,release={installed.name}"
    sizes, images = [], set()
    for resource in ("deployments", "statefulsets"):
        for workload in await kube.list(resource, label=selector):
            component = cluster.labels(workload).get("component", "")
            sizes.append(f"{component} {workload['spec'].get('replicas', 1)}")
            if component in cluster.WRITERS:
                images.add(cluster.main_container(workload["spec"]["template"]["spec"], component).get("image", ""))
    if not sizes:
        mend = "the cockpit knows the official chart's labels: tier=airflow, component, release"
        discovery.missing("Workloads", "labels", "no workload carries the official chart's labels", mend)
        return
    discovery.found("Workloads", "replicas", ", ".join(sizes))
    discovery.found("Workloads", "image", ", ".join(sorted(images)))


async def _rulers(discovery: Discovery, kube: Kube, installed: Installed, _redactor: Redactor) -> None:
    for resource, what, note in (
        ("scaledobjects", "KEDA", "held still in step 4"),
        ("horizontalpodautoscalers", "HPA", "held still in step 4"),
        ("externalsecrets", "External Secrets", "waited for in step 6"),
    ):
        names = await _names(kube, resource)
        if names:
            discovery.found("Rulers", what, f"{', '.join(names)}: {note}")
    for resource, what, mend in (
        ("applications", "Argo CD", "suspend its sync for the window"),
        ("helmreleases", "Flux", "suspend it for the window"),
    ):
        names = [name for name in await _names(kube, resource, namespace="") if installed.name in name]
        if names:
            discovery.missing("Rulers", what, f"{', '.join(names)} may rule the release", f"{mend}; `check` says more")


async def _names(kube: Kube, resource: str, *, namespace: str | None = None) -> list[str]:
    """Names of the objects of a resource; none where it is not installed or may not be listed."""
    try:
        objects: list[Obj] = await kube.list(resource, namespace=namespace)
    except KubeError as error:
        if error.missing or error.denied:
            return []
        raise
    return [str(each["metadata"]["name"]) for each in objects]


async def _services(discovery: Discovery, kube: Kube, _installed: Installed, _redactor: Redactor) -> None:
    """Grafana by the label that its chart gives; Slack and the accounts nobody but a person knows."""
    try:
        services = await kube.list("services", label="app.kubernetes.io/name=grafana", namespace="")
    except KubeError as error:
        if not error.denied:
            raise
        services = []
    if services:
        where = services[0]["metadata"]
        text = f"Service {where['namespace']}/{where['name']}"
        discovery.missing("Grafana", "address", text, "grafana.url and datasource_uid: as you reach it from here")
    else:
        discovery.missing("Grafana", "address", "not seen in the cluster", "fill in [grafana], or leave it out")
    discovery.missing("Slack", "webhook", "nothing in a cluster tells it", "fill in [slack], or leave it out")
    discovery.missing("Airflow", "account", "nothing in a cluster tells it", "airflow.username and airflow.password")
    discovery.missing("DAGs", "lists", "which are critical only you know", "dags.canary, dags.critical, dags.normal")


_Part = Callable[[Discovery, Kube, Installed, Redactor], Awaitable[None]]
_PARTS: tuple[tuple[str, _Part], ...] = (
    ("Workloads", _workloads),
    ("Database", _database),
    ("Airflow", _address),
    ("Rulers", _rulers),
    ("Services", _services),
)
