"""Where the migration Job's manifest comes from in the live release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from migration_cockpit.actions import direct
from migration_cockpit.actions.cluster import labels, main_container
from migration_cockpit.actions.job_template import Origin, manifest
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.postgres import MIGRATION_APPLICATION
from migration_cockpit.connections.releases import documents

CHART_COMPONENT = "run-airflow-migrations"


async def build(
    site: Site,
    name: str,
    command: str = "",
    *,
    dsn: str | None = None,
    application: str = MIGRATION_APPLICATION,
    way: direct.Way | None = None,
) -> tuple[dict[str, Any], str | None]:
    """The Job's manifest, and the direct DSN that must be put into a Secret of the Job's name first, if any.

    `command` is run in the place of `airflow db migrate`. `dsn` is another database than Airflow's, `application` what
    its sessions are called. `way` is how the Job reaches the database where that was tried.

    Raises OperationError where neither the chart's Job nor a scheduler of the target version is to be found, and the
    connections' errors.
    """
    scheduler = await _scheduler(site)
    origin = await _rendered(site) or await _stored(site)
    if origin is None:
        if scheduler is None:
            raise OperationError("the release has neither a migration Job nor a scheduler to take the template from")
        origin = Origin("the scheduler's pod template", scheduler, "scheduler")
    image = main_container(origin.template.get("spec", {}), origin.component).get("image", "")
    if scheduler is not None:
        # images.useDefaultImageForMigration and a stored Job of an older revision name another image.
        image = main_container(scheduler.get("spec", {}), "scheduler").get("image", "") or image
    reference: tuple[str, str] | None = (name, "connection")
    pooled = False
    if dsn is None:
        reference, dsn, pooled = await _direct(site, name, way)
    job = manifest(
        site,
        name,
        origin,
        image=image,
        service_account=await _service_account(site, origin, scheduler),
        auth_manager=_before_fab(site.settings.helm.chart_version),
        dsn_secret=reference,
        pooled=pooled,
        command=command,
        application=application,
    )
    return job, dsn


async def build_from(
    site: Site, name: str, objects: Iterable[Mapping[str, Any]], command: str, *, where: str
) -> dict[str, Any]:
    """The manifest of a Job that runs `command` in the scheduler's image of a revision's `objects`.

    Its connection stands in a Secret of the Job's own name, key `connection`; `where` names the revision. Raises
    OperationError where the objects hold no scheduler.
    """
    template = next(
        (
            each["spec"]["template"]
            for each in objects
            if each.get("kind") in {"Deployment", "StatefulSet"} and labels(each).get("component") == "scheduler"
        ),
        None,
    )
    if template is None:
        raise OperationError(f"{where} has no scheduler to take the template from")
    origin = Origin(f"the scheduler of {where}", template, "scheduler")
    job = manifest(
        site,
        name,
        origin,
        image=main_container(template.get("spec", {}), "scheduler").get("image", ""),
        service_account=await _service_account(site, origin, None),
        dsn_secret=(name, "connection"),
        pooled=True,
        command=command,
    )
    await _without_missing(site, job["spec"]["template"]["spec"]["containers"][0], name)
    return job


async def _without_missing(site: Site, container: dict[str, Any], own: str) -> None:
    """Leave out variables of Secrets that are not there: an upgrade takes some away, and this command needs none."""
    kept = []
    for variable in container.get("env") or []:
        secret = ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name")
        if secret in {None, own} or await site.live.kube.find("secrets", str(secret)) is not None:
            kept.append(variable)
    container["env"] = kept


def _before_fab(chart_version: str) -> bool:
    """Whether the chart's airflow.cfg does not name the FAB auth manager: it does from 1.16 on."""
    match = re.match(r"v?(\d+)\.(\d+)", chart_version)
    return match is not None and (int(match[1]), int(match[2])) < (1, 16)


def find_job(objects: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The chart's migration Job among the objects of a manifest."""
    return next(
        (each for each in objects if each.get("kind") == "Job" and labels(each).get("component") == CHART_COMPONENT),
        None,
    )


def _origin(job: Mapping[str, Any] | None, words: str) -> Origin | None:
    return None if job is None else Origin(words, job["spec"]["template"], CHART_COMPONENT)


async def _rendered(site: Site) -> Origin | None:
    """The Job as helm renders it for the target version; None when it cannot."""
    helm = site.settings.helm
    values = [word for name in helm.values for word in ("-f", name)]
    arguments = ["template", site.release, helm.chart, "--version", helm.chart_version, *values]
    arguments += ["--set", "migrateDatabaseJob.enabled=true"]
    try:
        executed = await site.live.helm(*arguments, timeout=120.0)
        if executed.code != 0:
            return None
        return _origin(find_job(documents(executed.out)), f"helm template {helm.chart} {helm.chart_version}")
    except (WorldError, TimeoutError):
        return None


async def _stored(site: Site) -> Origin | None:
    """The Job among the hooks that Helm stored with a revision, the newest first."""
    for release in reversed(await site.live.releases.history()):
        for hook in release.hooks:
            if hook.kind == "Job" and (found := _origin(find_job(documents(hook.manifest)), "")):
                return Origin(f"the hooks of revision {release.revision}", found.template, found.component)
    return None


async def _scheduler(site: Site) -> Mapping[str, Any] | None:
    """The live scheduler's pod template: a Deployment, or a StatefulSet with a Local executor and persistence."""
    for resource in ("deployments", "statefulsets"):
        for item in await site.live.kube.list(resource, label=f"{site.selector},component=scheduler"):
            template: Mapping[str, Any] = item["spec"]["template"]
            return template
    return None


async def _service_account(site: Site, origin: Origin, scheduler: Mapping[str, Any] | None) -> str | None:
    """The Job's own account where it exists: with the Job switched off the chart does not make it, nor keep it."""
    wanted = origin.template.get("spec", {}).get("serviceAccountName")
    if not wanted or await site.live.kube.find("serviceaccounts", wanted) is not None:
        return None
    fallback = (scheduler or {}).get("spec", {}).get("serviceAccountName")
    return fallback or "default"


async def _direct(site: Site, name: str, way: direct.Way | None) -> tuple[tuple[str, str] | None, str | None, bool]:
    """Which Secret holds the DSN past PgBouncer, the DSN where that Secret is still to be made, and whether PgBouncer
    stands between all the same."""
    given = site.settings.postgres.direct_dsn
    if way is not None and way.silent:
        return None, None, way.pooled
    if given is None:
        way = way or await direct.way(site)
        return ((name, "connection") if way.dsn else None), way.dsn, way.pooled
    if given.secret:
        secret, key = given.secret.split("/", 1)
        return (secret, key), None, False
    return (name, "connection"), await site.live.dsn(direct=True), False
