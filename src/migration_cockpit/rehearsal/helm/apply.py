"""Bringing the cluster to a manifest: ownership marks, create or patch in order, delete what is gone."""

from __future__ import annotations

import copy
import http.client
from dataclasses import dataclass, field

from migration_cockpit.rehearsal.helm import patch
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.kube import BUILT_IN, ApiError, Kube, Object
from migration_cockpit.rehearsal.helm.render import split
from migration_cockpit.rehearsal.helm.template import yamlish

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_RELEASE_NAME = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
_KEEP = ("helm.sh/resource-policy", "keep")

Key = tuple[str, str, str, str]


@dataclass
class Result:
    """What an update did, even when it failed half-way."""

    created: list[Object] = field(default_factory=list)
    updated: list[Object] = field(default_factory=list)
    deleted: list[Object] = field(default_factory=list)


def build(manifest: str, namespace: str) -> list[Object]:
    """The objects of a manifest, in its order; those that name no namespace get this one."""
    items: list[Object] = []
    for text in split(manifest):
        item = yamlish.load(text)
        if not isinstance(item, dict) or not item.get("kind"):
            continue
        meta = item.setdefault("metadata", {})
        meta.setdefault("namespace", namespace)
        items.append(item)
    return items


def key(item: Object) -> Key:
    """What makes an object the same one in two manifests."""
    meta = item["metadata"]
    return item["apiVersion"], item["kind"], meta.get("namespace", ""), meta["name"]


def _same(item: Object) -> tuple[str, ...]:
    """Like `key` without the API version: an object moved to a newer version is not a new one."""
    group = item["apiVersion"].rpartition("/")[0]
    return group, *key(item)[1:]


def own(items: list[Object], release: str, namespace: str) -> list[Object]:
    """The objects with the marks of the release that owns them."""
    owned = copy.deepcopy(items)
    for item in owned:
        meta = item["metadata"]
        meta["labels"] = (meta.get("labels") or {}) | {_MANAGED_BY: "Helm"}
        meta["annotations"] = (meta.get("annotations") or {}) | {
            _RELEASE_NAME: release,
            _RELEASE_NAMESPACE: namespace,
        }
    return owned


def adoptable(kube: Kube, items: list[Object], release: str, namespace: str) -> list[Object]:
    """Those of the objects about to be created that exist already and belong to this release.

    Raises:
        HelmError: one exists and belongs to nobody or to another release.
    """
    found: list[Object] = []
    for item in items:
        place = f'{item["kind"]} "{item["metadata"]["name"]}" in namespace "{item["metadata"]["namespace"]}"'
        try:
            live = kube.get(item)
        except ApiError as error:
            raise HelmError(f"could not get information about the resource {place}: {error}") from error
        if live is None:
            continue
        meta = live["metadata"]
        wrong = [
            f"{kind} validation error: {problem}"
            for kind, marks, name, value in (
                ("label", meta.get("labels"), _MANAGED_BY, "Helm"),
                ("annotation", meta.get("annotations"), _RELEASE_NAME, release),
                ("annotation", meta.get("annotations"), _RELEASE_NAMESPACE, namespace),
            )
            if (problem := _mark_problem(marks or {}, name, value))
        ]
        if wrong:
            raise HelmError(
                f"{place} exists and cannot be imported into the current release: "
                f"invalid ownership metadata; {'; '.join(wrong)}"
            )
        found.append(item)
    return found


def _mark_problem(marks: dict[str, str], name: str, value: str) -> str:
    if name not in marks:
        return f'missing key "{name}": must be set to "{value}"'
    if marks[name] != value:
        return f'key "{name}" must equal "{value}": current value is "{marks[name]}"'
    return ""


def create(kube: Kube, items: list[Object]) -> None:
    """Create objects in order; the first refusal ends it."""
    for item in items:
        kube.create(item)


def update(kube: Kube, original: list[Object], target: list[Object], result: Result, *, force: bool = False) -> None:
    """Bring the cluster from one manifest to the next; `result` grows as it goes.

    A refused patch does not stop the others; deletions happen only when nothing was refused.

    Raises:
        HelmError: what the server refused, joined with ` && ` as helm joins it.
    """
    before = {_same(item): item for item in original}
    refusals: list[str] = []
    for item in target:
        try:
            live = kube.get(item)
        except ApiError as error:
            raise HelmError(f"could not get information about the resource: {error}") from error
        if live is None:
            result.created.append(item)
            try:
                kube.create(item)
            except ApiError as error:
                raise HelmError(f"failed to create resource: {error}") from error
            continue
        old = before.get(_same(item))
        if old is None:
            raise HelmError(f'no {item["kind"]} with the name "{item["metadata"]["name"]}" found')
        try:
            _bring(kube, old, item, live, force=force)
        except ApiError as error:
            verb = (
                "failed to replace object"
                if force
                else f'cannot patch "{item["metadata"]["name"]}" with kind {item["kind"]}'
            )
            refusals.append(f"{verb}: {error}")
        result.updated.append(item)
    if refusals:
        raise HelmError(" && ".join(refusals))
    wanted = {_same(item) for item in target}
    for item in original:
        if _same(item) not in wanted and _delete_unless_kept(kube, item):
            result.deleted.append(item)


def _bring(kube: Kube, old: Object, item: Object, live: Object, *, force: bool) -> None:
    if force:
        replacement = copy.deepcopy(item)
        replacement["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        kube.replace(replacement)
        return
    if item["kind"] in BUILT_IN:
        change = patch.three_way(old, item, live)
        if change:
            kube.patch(item, change, STRATEGIC)
    elif change := patch.json_merge(old, item):
        kube.patch(item, change, MERGE)


def _delete_unless_kept(kube: Kube, item: Object) -> bool:
    try:
        live = kube.get(item)
        if live is None:
            return False
        name, value = _KEEP
        if (live["metadata"].get("annotations") or {}).get(name) == value:
            return False
        kube.delete(item)
    except ApiError:
        # helm logs a failed deletion and goes on: the release is not failed by what is left over.
        return False
    return True


def delete_all(kube: Kube, items: list[Object]) -> list[str]:
    """Delete objects; one that is gone already counts as deleted. Returns what went wrong."""
    problems: list[str] = []
    for item in items:
        try:
            kube.delete(item)
        except ApiError as error:
            if error.code != http.client.NOT_FOUND:
                problems.append(str(error))
    return problems
