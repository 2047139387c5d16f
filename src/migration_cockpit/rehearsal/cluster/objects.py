"""Small helpers on Kubernetes objects, which are plain dicts here."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from typing import Any

Obj = dict[str, Any]

# The alphabet Kubernetes draws generated names from: no vowels and no lookalikes, so that no words come out.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def utc_now() -> datetime:
    """The present, UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime | None = None) -> str:
    """RFC 3339 to the second, as `metav1.Time` is written."""
    return (moment or utc_now()).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_micro(moment: datetime | None = None) -> str:
    """RFC 3339 with microseconds, as `metav1.MicroTime` is written."""
    return (moment or utc_now()).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Reads RFC 3339; raises ValueError. A Go server gives up to nine fractional digits, Python reads six."""
    base, dot, rest = text.replace("Z", "+00:00").partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if rest else ""
        zone = rest[len(digits) :]
        return datetime.fromisoformat(f"{base}.{digits[:6].ljust(6, '0')}{zone}")
    return datetime.fromisoformat(base)


def random_suffix(length: int = 5) -> str:
    """The tail of a generated name."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def short_hash(value: Any, length: int = 9) -> str:
    """A stable name-safe hash of a JSON value (pod-template-hash, controller revisions)."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])


def meta(obj: Obj) -> Obj:
    """`metadata`, created when absent."""
    found: Obj = obj.setdefault("metadata", {})
    return found


def name_of(obj: Obj) -> str:
    """`metadata.name`."""
    return str(obj["metadata"]["name"])


def namespace_of(obj: Obj) -> str:
    """`metadata.namespace`, empty for a cluster-wide object."""
    return str(obj["metadata"].get("namespace") or "")


def uid_of(obj: Obj) -> str:
    """`metadata.uid`."""
    return str(obj["metadata"]["uid"])


def labels_of(obj: Obj) -> dict[str, str]:
    """`metadata.labels` or an empty dict."""
    return obj.get("metadata", {}).get("labels") or {}


def annotations_of(obj: Obj) -> dict[str, str]:
    """`metadata.annotations` or an empty dict."""
    return obj.get("metadata", {}).get("annotations") or {}


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference with `controller: true`."""
    for ref in obj["metadata"].get("ownerReferences") or []:
        if ref.get("controller"):
            return dict(ref)
    return None


def owner_reference(owner: Obj) -> Obj:
    """The controlling owner reference that a controller puts on what it makes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_terminating(obj: Obj) -> bool:
    """Whether deletion has begun."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def condition(obj: Obj, kind: str) -> Obj | None:
    """The status condition of type `kind`, or None."""
    for item in obj.get("status", {}).get("conditions") or []:
        if item.get("type") == kind:
            return dict(item)
    return None


def is_true(obj: Obj, kind: str) -> bool:
    """Whether the condition of type `kind` holds."""
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def pod_finished(pod: Obj) -> bool:
    """Succeeded or Failed: no container of it will run again."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def put_condition(
    conditions: list[Obj], kind: str, status: str, reason: str = "", message: str = "", **more: Any
) -> list[Obj]:
    """`conditions` with the one of type `kind` set; its transition time moves only when its status does."""
    fresh: Obj = {"type": kind, "status": status, "lastTransitionTime": stamp(), **more}
    if reason:
        fresh["reason"] = reason
    if message:
        fresh["message"] = message
    result = []
    done = False
    for old in conditions:
        if old.get("type") != kind:
            result.append(old)
            continue
        if old.get("status") == status:
            fresh["lastTransitionTime"] = old.get("lastTransitionTime", fresh["lastTransitionTime"])
        if same_but_time(old, fresh):
            fresh = old
        result.append(fresh)
        done = True
    if not done:
        result.append(fresh)
    return result


def same_but_time(one: Obj, other: Obj) -> bool:
    """Whether two conditions say the same; the times of probing and updating do not count."""
    times = ("lastUpdateTime", "lastProbeTime")
    return {k: v for k, v in one.items() if k not in times} == {k: v for k, v in other.items() if k not in times}
