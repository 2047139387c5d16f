"""`helm rollback`: the stored manifest of an earlier revision becomes the newest one.

Only rollback hooks run (this chart has none): nothing migrates a database back, and what install hooks created, such
as the Fernet key, is left alone.
"""

from __future__ import annotations

import copy

from migration_cockpit.rehearsal.helm import apply, waiting
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.hooks import Runner
from migration_cockpit.rehearsal.helm.operation import Options, Session, fault, record_call, store_quietly
from migration_cockpit.rehearsal.helm.release import Release, check_name, now


def rollback(session: Session, name: str, revision: int, options: Options) -> Release:
    """Roll a release back; revision 0 is the one before the newest.

    A signal is not handled: as with the real helm, a killed rollback leaves `pending-rollback`.

    Raises:
        HelmError: unknown release or revision, refused by the server, not ready in time.
    """
    check_name(name, "prepareRollback: Release name is invalid: {}")
    if revision < 0:
        raise HelmError("invalid release revision")
    history = session.storage.history(name)
    current = history[-1]
    wanted = revision or current.version - 1
    previous = next((release for release in history if release.version == wanted), None)
    if previous is None:
        raise HelmError(f"release has no {wanted} version")
    release = copy.deepcopy(previous)
    release.version = current.version + 1
    release.first_deployed, release.last_deployed = current.first_deployed, now()
    release.status, release.description, release.deleted = "pending-rollback", f"Rollback to {wanted}", ""
    if options.dry_run:
        return release
    session.storage.create(release)
    record_call("rollback", release)
    _perform(session, current, release, options)
    session.storage.update(release)
    return release


def _refuse() -> None:
    """Raise what a webhook that does not answer makes of the first patch, where that fault is switched on."""
    if fault("helm-rollback-fails") is not None:
        raise HelmError(
            'cannot patch "airflow-scheduler" with kind Deployment: Internal error occurred: failed calling webhook '
            '"policy.rehearsal.example": context deadline exceeded'
        )


def _perform(session: Session, current: Release, release: Release, options: Options) -> None:
    before = apply.build(current.manifest, current.namespace)
    target = apply.own(apply.build(release.manifest, release.namespace), release.name, release.namespace)
    hooks = Runner(session.kube, session.storage, release, options.timeout_s)
    if not options.no_hooks:
        hooks.run("pre-rollback")
    result = apply.Result()
    try:
        _refuse()
        apply.update(session.kube, before, target, result, force=options.force)
    except HelmError as error:
        current.status, release.status = "superseded", "failed"
        release.description = f'Rollback "{release.name}" failed: {error}'
        store_quietly(session.storage, current)
        store_quietly(session.storage, release)
        if options.cleanup_on_fail:
            apply.delete_all(session.kube, result.created)
        raise
    if options.wait:
        try:
            waiting.for_ready(session.kube, target, options.timeout_s, jobs=options.wait_for_jobs)
        except HelmError as error:
            release.status = "failed"
            release.description = f'Release "{release.name}" failed: {error}'
            store_quietly(session.storage, current)
            store_quietly(session.storage, release)
            raise HelmError(f"release {release.name} failed: {error}") from error
    if not options.no_hooks:
        hooks.run("post-rollback")
    for deployed in session.storage.query(name=release.name, status="deployed"):
        deployed.status = "superseded"
        store_quietly(session.storage, deployed)
    release.status = "deployed"
