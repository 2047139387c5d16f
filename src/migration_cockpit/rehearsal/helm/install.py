"""`helm install` and `helm uninstall`: the first revision of a release, and its end."""

from __future__ import annotations

import http.client

from migration_cockpit.rehearsal.helm import apply, waiting
from migration_cockpit.rehearsal.helm.charts import Chart
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.hooks import Runner
from migration_cockpit.rehearsal.helm.kube import ApiError, Object
from migration_cockpit.rehearsal.helm.operation import (
    Options,
    Session,
    cancellable,
    record_call,
    store_quietly,
)
from migration_cockpit.rehearsal.helm.release import Release, check_name, now
from migration_cockpit.rehearsal.helm.render import INSTALL_ORDER, Target
from migration_cockpit.rehearsal.helm.values import Values


def install(session: Session, name: str, chart: Chart, values: Values, options: Options) -> Release:
    """Install a release and return its first revision.

    Raises:
        HelmError: what helm prints after `INSTALLATION FAILED: `.
    """
    check_name(name, 'release name "{0}": invalid release name, must match regex '
               "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer "
               "than 53")  # fmt: skip
    if not options.dry_run and _is_taken(session, name):
        raise HelmError("cannot re-use a name that is still in use")
    namespace = session.kube.namespace
    rendered = session.render(chart, values, Target(name, namespace), options)
    moment = now()
    release = Release(
        name=name,
        namespace=namespace,
        version=1,
        chart=chart.to_record(),
        config=values,
        manifest=rendered.manifest,
        hooks=rendered.hooks,
        first_deployed=moment,
        last_deployed=moment,
        status="pending-install",
        description="Initial install underway",
        notes=rendered.notes,
    )
    items = apply.own(apply.build(release.manifest, namespace), name, namespace)
    try:
        adopted = [] if options.take_ownership else apply.adoptable(session.kube, items, name, namespace)
    except HelmError as error:
        raise HelmError(f"Unable to continue with install: {error}") from error
    if options.dry_run:
        release.description = "Dry run complete"
        return release
    if options.create_namespace:
        _create_namespace(session, namespace)
    session.storage.create(release)
    record_call("install", release)
    with cancellable(name):
        try:
            _perform(session, release, items, adopted, options)
        except (HelmError, OSError) as error:
            raise _failed(session, release, options, error) from error
    return release


def _is_taken(session: Session, name: str) -> bool:
    """Whether there are records; where they may not be read, helm goes on until something else is refused."""
    try:
        return bool(session.storage.query(name=name))
    except HelmError:
        return False


def _create_namespace(session: Session, name: str) -> None:
    try:
        session.kube.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"name": name}}}
        )
    except ApiError as error:
        if error.code != http.client.CONFLICT:
            raise


def _perform(session: Session, release: Release, items: list[Object], adopted: list[Object], options: Options) -> None:
    hooks = Runner(session.kube, session.storage, release, options.timeout_s)
    if not options.no_hooks:
        _hooks(hooks, "pre-install")
    if adopted:
        apply.update(session.kube, adopted, items, apply.Result(), force=options.force)
    else:
        apply.create(session.kube, items)
    if options.wait:
        waiting.for_ready(session.kube, items, options.timeout_s, jobs=options.wait_for_jobs)
    if not options.no_hooks:
        _hooks(hooks, "post-install")
    release.status, release.description = "deployed", options.description or "Install complete"
    store_quietly(session.storage, release)


def _hooks(hooks: Runner, event: str) -> None:
    try:
        hooks.run(event)
    except HelmError as error:
        raise HelmError(f"failed {event}: {error}") from error


def _failed(session: Session, release: Release, options: Options, error: Exception) -> HelmError:
    release.status = "failed"
    release.description = f'Release "{release.name}" failed: {error}'
    if not options.atomic:
        store_quietly(session.storage, release)
        return HelmError(str(error))
    try:
        uninstall(session, release.name, options)
    except HelmError as problem:
        return HelmError(
            f"an error occurred while uninstalling the release. original install error: {error}: {problem}"
        )
    return HelmError(f"release {release.name} failed, and has been uninstalled due to atomic being set: {error}")


def uninstall(session: Session, name: str, options: Options, *, keep_history: bool = False) -> str:
    """Delete what a release made (not what its install hooks made) and, unless kept, its records.

    Returns what was kept because of its resource policy, as text for the user.

    Raises:
        HelmError: the release is unknown or its objects could not be deleted.
    """
    check_name(name, "uninstall: Release name is invalid: {}")
    try:
        history = session.storage.history(name)
    except HelmError as error:
        raise HelmError(f"uninstall: Release not loaded: {name}: {error}") from error
    release = history[-1]
    if release.status == "uninstalled":
        if keep_history:
            raise HelmError(f'the release named "{name}" is already deleted')
        _purge(session, history)
        return ""
    hooks = Runner(session.kube, session.storage, release, options.timeout_s)
    release.status, release.deleted = "uninstalling", now()
    release.description = "Deletion in progress (or silently failed)"
    if not options.no_hooks:
        hooks.run("pre-delete")
    store_quietly(session.storage, release)
    record_call("uninstall", release)
    kept = _delete_objects(session, release, options)
    if not options.no_hooks:
        hooks.run("post-delete")
    release.status, release.description = "uninstalled", options.description or "Uninstallation complete"
    if keep_history:
        store_quietly(session.storage, release)
    else:
        _purge(session, history)
    return kept


def _purge(session: Session, history: list[Release]) -> None:
    for release in history:
        session.storage.delete(release)


def _delete_objects(session: Session, release: Release, options: Options) -> str:
    items = apply.build(release.manifest, release.namespace)
    kept = [item for item in items if _is_kept(item)]
    going = [item for item in items if not _is_kept(item)]
    # helm takes kinds down roughly in the opposite order.
    order = {kind: -index for index, kind in enumerate(INSTALL_ORDER)}
    going.sort(key=lambda item: order.get(item["kind"], -len(order)))
    if apply.delete_all(session.kube, going):
        raise HelmError(f"failed to delete release: {release.name}")
    if options.wait:
        waiting.for_deleted(session.kube, going, options.timeout_s)
    if not kept:
        return ""
    listed = "".join(f"[{item['kind']}] {item['metadata']['name']}\n" for item in kept)
    return f"These resources were kept due to the resource policy:\n{listed}"


def _is_kept(item: Object) -> bool:
    return bool((item["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep")
