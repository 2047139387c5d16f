"""`helm upgrade`: render, store the revision as pending, bring the cluster to it, run hooks, store how it went."""

from __future__ import annotations

import copy

from migration_cockpit.rehearsal.helm import apply, rollback, waiting
from migration_cockpit.rehearsal.helm.charts import Chart
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.hooks import Runner
from migration_cockpit.rehearsal.helm.kube import Object
from migration_cockpit.rehearsal.helm.operation import (
    Options,
    Session,
    cancellable,
    fault,
    record_call,
    store_quietly,
)
from migration_cockpit.rehearsal.helm.release import PENDING, Release, check_name, now
from migration_cockpit.rehearsal.helm.render import Target
from migration_cockpit.rehearsal.helm.values import Reuse, Values, for_upgrade

IN_PROGRESS = "another operation (install/upgrade/rollback) is in progress"


def upgrade(session: Session, name: str, chart: Chart, given: Values, reuse: Reuse, options: Options) -> Release:
    """Upgrade a release and return the new revision.

    Raises:
        HelmError: what helm prints after `UPGRADE FAILED: `; the new revision is then stored as failed, unless nothing
            was stored yet.
    """
    check_name(name)
    if not options.dry_run and fault("helm-pending") is not None:
        _leave_pending(session, name)
    current, last = _current(session, name)
    values, defaults = for_upgrade(reuse, given, current.config, current.load_chart().values, chart.values)
    rendered_chart = Chart(chart.metadata, defaults, chart.templates, chart.files, chart.schema)
    target = Target(name, current.namespace, last.version + 1, is_upgrade=True)
    rendered = session.render(rendered_chart, values, target, options)
    release = Release(
        name=name,
        namespace=current.namespace,
        version=last.version + 1,
        chart=rendered_chart.to_record(),
        config=values,
        manifest=rendered.manifest,
        hooks=rendered.hooks,
        first_deployed=current.first_deployed,
        last_deployed=now(),
        status="pending-upgrade",
        description="Preparing upgrade",
        notes=rendered.notes,
        labels=last.labels,
    )
    return _perform(session, current, release, options)


def _current(session: Session, name: str) -> tuple[Release, Release]:
    """The revision to compare with (the deployed one) and the newest one."""
    history = session.storage.query(name=name)
    if not history:
        raise HelmError(f'"{name}" has no deployed releases')
    last = history[-1]
    if last.status in PENDING:
        raise HelmError(IN_PROGRESS)
    if last.status == "deployed":
        return last, last
    deployed = session.storage.deployed(name)
    if deployed is not None:
        return deployed, last
    if last.status in {"failed", "superseded"}:
        return last, last
    raise HelmError(f'"{name}" has no deployed releases')


def _leave_pending(session: Session, name: str) -> None:
    """The fault `helm-pending`: the newest revision is one that a killed helm never finished."""
    history = session.storage.query(name=name)
    if history and history[-1].status not in PENDING:
        pending = copy.deepcopy(history[-1])
        pending.version += 1
        pending.status, pending.description, pending.last_deployed = "pending-upgrade", "Preparing upgrade", now()
        session.storage.create(pending)


def _perform(session: Session, current: Release, release: Release, options: Options) -> Release:
    before = apply.build(current.manifest, current.namespace)
    target = apply.own(apply.build(release.manifest, release.namespace), release.name, release.namespace)
    known = {apply.key(item) for item in before}
    fresh = [item for item in target if apply.key(item) not in known]
    if options.take_ownership:
        adopted = [item for item in fresh if session.kube.get(item) is not None]
    else:
        try:
            adopted = apply.adoptable(session.kube, fresh, release.name, release.namespace)
        except HelmError as error:
            raise HelmError(f"Unable to continue with update: {error}") from error
    if options.dry_run:
        release.description = options.description or "Dry run complete"
        return release
    session.storage.create(release)
    record_call("upgrade", release)
    result = apply.Result()
    with cancellable(release.name):
        try:
            _release(session, current, release, (before + adopted, target, result), options)
        except (HelmError, OSError) as error:
            raise _failed(session, release, result, options, error) from error
    return release


def _release(
    session: Session,
    current: Release,
    release: Release,
    objects: tuple[list[Object], list[Object], apply.Result],
    options: Options,
) -> None:
    before, target, result = objects
    hooks = Runner(session.kube, session.storage, release, options.timeout_s)
    if not options.no_hooks:
        _hooks(hooks, "pre-upgrade")
    apply.update(session.kube, before, target, result, force=options.force)
    if options.wait:
        waiting.for_ready(session.kube, target, options.timeout_s, jobs=options.wait_for_jobs)
    if not options.no_hooks:
        _hooks(hooks, "post-upgrade")
    current.status = "superseded"
    store_quietly(session.storage, current)
    release.status = "deployed"
    release.description = options.description or "Upgrade complete"
    session.storage.update(release)


def _hooks(hooks: Runner, event: str) -> None:
    try:
        hooks.run(event)
    except HelmError as error:
        raise HelmError(f"{event} hooks failed: {error}") from error


def _failed(session: Session, release: Release, result: apply.Result, options: Options, error: Exception) -> HelmError:
    """Record the failure, clean up and roll back where that was asked for; return what to report."""
    release.status = "failed"
    release.description = f'Upgrade "{release.name}" failed: {error}'
    store_quietly(session.storage, release)
    if options.cleanup_on_fail and result.created:
        problems = apply.delete_all(session.kube, result.created)
        if problems:
            return HelmError(
                "an error occurred while cleaning up resources. original upgrade error: "
                f"{error}: unable to cleanup resources: {', '.join(problems)}"
            )
    if not options.atomic:
        return HelmError(str(error))
    good = [item for item in session.storage.query(name=release.name) if item.status in {"superseded", "deployed"}]
    if not good:
        return HelmError(
            "unable to find a previously successful release when attempting to rollback. original upgrade error: "
            f"{error}"
        )
    try:
        rollback.rollback(session, release.name, good[-1].version, options)
    except HelmError as problem:
        return HelmError(
            f"an error occurred while rolling back the release. original upgrade error: {error}: {problem}"
        )
    return HelmError(f"release {release.name} failed, and has been rolled back due to atomic being set: {error}")
