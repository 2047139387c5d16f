"""Create, read, replace, patch and delete: one request on one resource, by the rules of the registry."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import web

from .. import patch as patches
from .. import wire
from ..errors import ApiError, bad_request, invalid
from ..kinds import JOBS, PODS, PVCS, RESOURCEQUOTAS, SERVICEACCOUNTS, SERVICES, Kind
from ..objects import is_terminating, meta, name_of, namespace_of
from ..validation import check_body
from . import protobuf
from .listing import list_body, matcher
from .request import Target, dry_run, flag, whole
from .scale import scale_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..apply import Applier
    from ..registry import Registry

Obj = dict[str, Any]

ORPHAN_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)
# Deleting one of these answers with the object as it was; any other deletion answers with a Status.
_RETURNED = (PODS, SERVICES, SERVICEACCOUNTS, PVCS, RESOURCEQUOTAS)
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_APPLY_PATCHES = ("application/apply-patch+yaml", "application/apply-patch+json")


@dataclass(slots=True)
class Answer:
    """What a handler gives back: a body, its HTTP code, and warnings for the client's user."""

    body: Obj
    code: int = 200
    warning: str = ""


async def read_body(request: web.Request) -> Any:
    """The parsed body, JSON or YAML. Raises ApiError 400, 415."""
    raw = await request.read()
    if not raw:
        return {}
    kind = request.content_type
    try:
        if kind == "application/vnd.kubernetes.protobuf":
            return protobuf.decode(raw)
        if "yaml" in kind:
            return yaml.safe_load(raw)
        return json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None


class Resources:
    """The verbs on stored resources."""

    def __init__(self, registry: Registry, applier: Applier, record: Callable[[Target, str], None]) -> None:
        self._registry = registry
        self._applier = applier
        self._record = record
        self.denied: set[tuple[str, str]] = set()
        """Pairs of resource and field manager whose writes an admission webhook refuses."""

    async def handle(
        self, request: web.Request, target: Target, kind: Kind, grant: Callable[[Kind, Obj, str], None]
    ) -> Answer:
        """Answers any verb but watch; `grant` refuses a role with rights its writer lacks. Raises ApiError."""
        if target.verb == "list":
            return Answer(list_body(self._registry.store, kind, _scope(kind, target), request.query))
        if target.verb == "get":
            return self._get(target, kind)
        body = await read_body(request)
        dry = dry_run(request.query)
        if (target.resource, _manager(request)) in self.denied:
            words = 'admission webhook "policy.rehearsal.example" denied the request: not written by this client'
            raise ApiError(403, words)

        def granted(fresh: Obj) -> None:
            scope = _scope(kind, target)
            old = self._registry.store.find(kind, scope, target.name) if target.name else None
            # What only lets the object be collected one day gives nobody a right.
            if old is None or _counted(old) != _counted({"apiVersion": kind.api_version, "kind": kind.kind, **fresh}):
                grant(kind, {"metadata": {}, **fresh}, scope)

        if target.verb in ("create", "update") and isinstance(body, dict):
            granted(body)
        answer = self._write(request, target, kind, body, granted, dry=dry)
        if not dry:
            self._record(target, name_of(answer.body) if _is_object(answer.body, kind) else target.name)
        return answer

    def _write(
        self, request: web.Request, target: Target, kind: Kind, body: Any, granted: Callable[[Obj], None], *, dry: bool
    ) -> Answer:
        if target.verb == "create":
            return self._create(request, target, kind, body, dry=dry)
        if target.verb == "update":
            return self._update(request, target, kind, body, dry=dry)
        if target.verb == "patch":
            return self._patch(request, target, kind, body, granted, dry=dry)
        if target.verb == "delete":
            return self._delete(request, target, kind, body, dry=dry)
        if target.verb == "deletecollection":
            return self._delete_collection(request, target, kind, body)
        raise ApiError(405, "the server does not allow this method on the requested resource")

    def _get(self, target: Target, kind: Kind) -> Answer:
        obj = self._registry.store.get(kind, _scope(kind, target), target.name)
        return Answer(scale_of(obj) if target.subresource == "scale" else obj)

    def _create(self, request: web.Request, target: Target, kind: Kind, body: Any, *, dry: bool) -> Answer:
        if target.name:
            raise ApiError(405, "the server does not allow this method on the requested resource")
        obj = _typed(kind, copy.deepcopy(check_body(kind, body)))
        meta(obj)
        self._applier.claim_new(kind, obj, _manager(request))
        stored = self._registry.create(kind, obj, _scope(kind, target), dry_run=dry)
        return Answer(stored, 201)

    def _update(self, request: web.Request, target: Target, kind: Kind, body: Any, *, dry: bool) -> Answer:
        scope = _scope(kind, target)
        if target.subresource == "scale":
            return self._set_scale(request, target, kind, body, dry=dry)
        obj = _typed(kind, copy.deepcopy(check_body(kind, body)))
        self._same_name(target, obj)
        if kind.namespaced:
            meta(obj).setdefault("namespace", scope)
        return Answer(self._save(request, target, kind, obj, dry=dry))

    def _patch(
        self, request: web.Request, target: Target, kind: Kind, body: Any, granted: Callable[[Obj], None], *, dry: bool
    ) -> Answer:
        scope = _scope(kind, target)
        if request.content_type in _APPLY_PATCHES:
            return self._apply(request, target, kind, body, granted, dry=dry)
        old = self._registry.store.get(kind, scope, target.name)
        current = scale_of(old) if target.subresource == "scale" else old
        fresh = self._patched(request.content_type, kind, current, body)
        if target.subresource == "scale":
            return self._set_scale(request, target, kind, fresh, dry=dry)
        self._same_name(target, fresh)
        check_body(kind, fresh)
        try:
            wire.decode(kind, fresh)
        except wire.Unreadable as error:
            shown = json.dumps(json.dumps(fresh, separators=(",", ":")))
            raise invalid("", "", "", [("FieldValueInvalid", "patch", f"Invalid value: {shown}: {error}")]) from None
        granted(fresh)
        return Answer(self._save(request, target, kind, fresh, dry=dry))

    @staticmethod
    def _patched(content_type: str, kind: Kind, current: Obj, body: Any) -> Obj:
        if content_type == _JSON_PATCH:
            if not isinstance(body, list):
                raise bad_request("error decoding patch: a JSON patch is a list of operations")
            result = patches.json_patch(current, body)
        elif content_type in (_MERGE_PATCH, "application/json"):
            result = patches.merge_patch(current, body)
        elif content_type == _STRATEGIC_PATCH and not kind.custom:
            result = patches.strategic_patch(current, body)
        else:
            accepted = [_JSON_PATCH, _MERGE_PATCH, *([] if kind.custom else [_STRATEGIC_PATCH]), _APPLY_PATCHES[0]]
            known = ", ".join(accepted)
            raise ApiError(
                415, f"the body of the request was in an unknown format - accepted media types include: {known}"
            )
        if not isinstance(result, dict):
            raise bad_request("the patched object is not an object")
        return result

    def _apply(
        self, request: web.Request, target: Target, kind: Kind, body: Any, granted: Callable[[Obj], None], *, dry: bool
    ) -> Answer:
        applied = _typed(kind, check_body(kind, body))
        self._same_name(target, applied)
        manager = request.query.get("fieldManager", "")
        if not manager:
            raise ApiError(400, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required "
                                "for apply patch")  # fmt: skip
        scope = _scope(kind, target)
        old = self._registry.store.find(kind, scope, target.name)
        if old is None and target.subresource:
            self._registry.store.get(kind, scope, target.name)
        fresh = self._applier.apply(
            kind, old, applied, manager, force=flag(request.query, "force"), subresource=target.subresource
        )
        granted(fresh)
        if old is None:
            return Answer(self._registry.create(kind, fresh, scope, dry_run=dry), 201)
        status = target.subresource == "status"
        return Answer(self._registry.update(kind, fresh, status=status, dry_run=dry))

    def _set_scale(self, request: web.Request, target: Target, kind: Kind, scale: Obj, *, dry: bool) -> Answer:
        replicas = (scale.get("spec") or {}).get("replicas", 0)
        if not isinstance(replicas, int) or replicas < 0:
            field = "spec.replicas"
            message = f'Scale.autoscaling "{target.name}" is invalid: {field}: Invalid value: {replicas}: must be '
            raise ApiError(422, message + "greater than or equal to 0")
        fresh = copy.deepcopy(self._registry.store.get(kind, _scope(kind, target), target.name))
        if claimed := (scale.get("metadata") or {}).get("resourceVersion"):
            fresh["metadata"]["resourceVersion"] = claimed
        fresh["spec"]["replicas"] = replicas
        return Answer(scale_of(self._save(request, target, kind, fresh, dry=dry)))

    def _save(self, request: web.Request, target: Target, kind: Kind, obj: Obj, *, dry: bool) -> Obj:
        status = target.subresource == "status"
        old = self._registry.store.get(kind, namespace_of(obj), name_of(obj))
        obj = self._applier.claim_changed(kind, old, obj, _manager(request), target.subresource)
        return self._registry.update(kind, obj, status=status, dry_run=dry)

    def _delete(self, request: web.Request, target: Target, kind: Kind, body: Any, *, dry: bool) -> Answer:
        grace, propagation, preconditions = _delete_options(request, body)
        warning = ""
        if kind is JOBS and propagation is None:
            propagation, warning = "Orphan", ORPHAN_WARNING
        obj, gone = self._registry.delete(
            kind,
            _scope(kind, target),
            target.name,
            grace=grace,
            propagation=propagation,
            preconditions=preconditions,
            dry_run=dry,
        )
        if gone and kind not in _RETURNED:
            details = {"name": target.name, "kind": kind.plural, "uid": obj["metadata"]["uid"]}
            if kind.group:
                details = {"name": target.name, "group": kind.group, "kind": kind.plural, "uid": details["uid"]}
            status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
            return Answer(status, warning=warning)
        return Answer(obj, warning=warning)

    def _delete_collection(self, request: web.Request, target: Target, kind: Kind, body: Any) -> Answer:
        grace, propagation, _ = _delete_options(request, body)
        scope = _scope(kind, target)
        test = matcher(kind, request.query)
        chosen = [obj for obj in self._registry.store.list(kind, scope) if test(obj)]
        for obj in chosen:
            if not (kind is PODS and is_terminating(obj) and grace is None):
                self._registry.delete(kind, namespace_of(obj), name_of(obj), grace=grace, propagation=propagation)
        metadata = {"resourceVersion": str(self._registry.store.version)}
        return Answer(
            {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": chosen}
        )

    @staticmethod
    def _same_name(target: Target, obj: Obj) -> None:
        given = meta(obj).setdefault("name", target.name)
        if given != target.name:
            raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({target.name})")


def _typed(kind: Kind, obj: Obj) -> Obj:
    """The object with its typed values read. Raises ApiError 400."""
    try:
        wire.decode(kind, obj)
    except wire.Unreadable as error:
        what = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
        raise bad_request(f"{what}: {error}") from None
    return obj


def _counted(obj: Obj) -> Obj:
    """An object without what the server keeps, and without what only the garbage collector reads."""
    kept = ("name", "namespace", "labels", "annotations", "deletionTimestamp")
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key in kept and value}
    return {**obj, "metadata": metadata}


def _scope(kind: Kind, target: Target) -> str:
    return target.namespace if kind.namespaced else ""


def _is_object(body: Obj, kind: Kind) -> bool:
    return body.get("kind") in (kind.kind, "Scale")


def _manager(request: web.Request) -> str:
    """Who writes: the given fieldManager, else the first word of the client's name, as the real server does."""
    agent = request.headers.get("User-Agent", "").split("/")[0]
    return request.query.get("fieldManager") or agent or "unknown"


def _delete_options(request: web.Request, body: Any) -> tuple[int | None, str | None, Obj]:
    options: Obj = body if isinstance(body, dict) else {}
    grace = options.get("gracePeriodSeconds")
    if grace is None:
        grace = whole(request.query, "gracePeriodSeconds")
    propagation = options.get("propagationPolicy") or request.query.get("propagationPolicy")
    orphan = options.get("orphanDependents", request.query.get("orphanDependents"))
    if propagation is None and orphan is not None:
        propagation = "Orphan" if str(orphan).lower() == "true" else "Background"
    return grace, propagation, options.get("preconditions") or {}
