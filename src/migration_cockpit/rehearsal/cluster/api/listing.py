"""Lists: selectors, pages that stay consistent, and the resourceVersion rules."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from .. import selectors
from ..errors import ApiError, bad_request, expired
from ..kinds import Kind
from ..objects import labels_of, name_of, namespace_of
from .request import whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from multidict import MultiMapping

    from ..store import Store

Obj = dict[str, Any]

_PAGE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)

_NOW = -1
"""In a token: the rest of the list as it is by now, where the list's own moment is forgotten."""


def matcher(kind: Kind, query: MultiMapping[str], name: str = "") -> Callable[[Obj], bool]:
    """The test that `labelSelector`, `fieldSelector` and a name in the path put on objects."""
    by_label = selectors.parse_labels(query.get("labelSelector", ""))
    by_field = selectors.parse_fields(kind, query.get("fieldSelector", ""))

    def test(obj: Obj) -> bool:
        return (not name or name_of(obj) == name) and by_label(labels_of(obj)) and by_field(obj)

    return test


def list_body(store: Store, kind: Kind, namespace: str, query: MultiMapping[str]) -> Obj:
    """The answer to a list request. Raises ApiError 400, 410 (page or version too old), 504 (version in the future)."""
    test = matcher(kind, query)
    limit = whole(query, "limit") or 0
    rv, start = store.version, None
    if token := query.get("continue"):
        rv, start = _read_token(token)
        try:
            items = store.snapshot(kind, namespace, rv) if rv != _NOW else store.list(kind, namespace)
        except ApiError:
            raise expired(_PAGE_TOO_OLD, _token(_NOW, start)) from None
        rv = rv if rv != _NOW else store.version
    else:
        items = _items_at(store, kind, namespace, query)
        if query.get("resourceVersionMatch") == "Exact":
            rv = whole(query, "resourceVersion") or rv
    items = [item for item in items if test(item)]
    if start is not None:
        items = [item for item in items if _key(item) > start]
    metadata: Obj = {"resourceVersion": str(rv)}
    if limit and len(items) > limit:
        metadata["continue"] = _token(rv, _key(items[limit - 1]))
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}


def _items_at(store: Store, kind: Kind, namespace: str, query: MultiMapping[str]) -> list[Obj]:
    wanted = whole(query, "resourceVersion")
    match = query.get("resourceVersionMatch", "")
    if match and wanted is None:
        raise bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if wanted and wanted > store.version:
        details = {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }
        message = f"Timeout: Too large resource version: {wanted}, current: {store.version}"
        raise ApiError(504, message, details=details)
    if match == "Exact" and wanted:
        return store.snapshot(kind, namespace, wanted)
    return store.list(kind, namespace)


def _key(obj: Obj) -> tuple[str, str]:
    return namespace_of(obj), name_of(obj)


def _token(rv: int, last: tuple[str, str]) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": rv, "start": last})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, tuple[str, str]]:
    words = "invalid continue token: continue key is not valid"
    try:
        decoded = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = decoded["start"]
        return int(decoded["rv"]), (str(namespace), str(name))
    except (binascii.Error, UnicodeDecodeError):
        raise bad_request(f"{words}: illegal base64 data at input byte 0") from None
    except (ValueError, KeyError, TypeError):
        raise bad_request(f"{words}: server does not recognize this encoded version") from None
