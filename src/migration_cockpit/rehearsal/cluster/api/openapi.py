"""OpenAPI documents: no schemas, only what clients decide by (which kinds take fieldValidation and dryRun)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import discovery

if TYPE_CHECKING:
    from ..kinds import Catalogue, Kind

Obj = dict[str, Any]

_INFO = {"title": "Kubernetes", "version": "v1.34.4"}
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def index_v3(catalogue: Catalogue) -> Obj:
    """`GET /openapi/v3`: one document per group version."""
    names = ["api/v1", *(f"apis/{group}/{version}" for group, version in discovery.groups(catalogue))]
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in names}}


def document_v3(catalogue: Catalogue, name: str) -> Obj | None:
    """`GET /openapi/v3/<api/v1|apis/group/version>`, or None when it is not served."""
    paths: Obj = {}
    schemas: Obj = {}
    for kind in catalogue.kinds():
        root = f"apis/{kind.api_version}" if kind.group else "api/v1"
        if root != name:
            continue
        base = f"/{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"/{root}/{kind.plural}"
        identity = _identity(kind)
        paths[base] = {"post": _operation("post", identity)}
        paths[f"{base}/{{name}}"] = {
            "get": _operation("get", identity),
            "put": _operation("put", identity),
            "patch": _operation("patch", identity),
        }
        schemas[_schema_name(kind)] = _schema(kind)
    if not paths:
        return None
    return {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": schemas}}


def document_v2(catalogue: Catalogue) -> Obj:
    """`GET /openapi/v2`: definitions that accept any content."""
    definitions = {_schema_name(kind): _schema(kind) for kind in catalogue.kinds()}
    return {"swagger": "2.0", "info": _INFO, "paths": {}, "definitions": definitions}


def _identity(kind: Kind) -> Obj:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _operation(action: str, identity: Obj) -> Obj:
    return {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": identity,
        "parameters": _PARAMETERS,
        "responses": {"200": {"description": "OK"}},
    }


def _schema_name(kind: Kind) -> str:
    group = kind.group.split(".")[0] or "core"
    return f"io.k8s.api.{group}.{kind.version}.{kind.kind}"


def _schema(kind: Kind) -> Obj:
    return {
        "type": "object",
        "x-kubernetes-group-version-kind": [_identity(kind)],
        "x-kubernetes-preserve-unknown-fields": True,
    }
