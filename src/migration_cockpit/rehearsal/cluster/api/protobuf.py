"""Reads the kinds that client-go programs send as protobuf: Helm 4's storage, kubectl's access reviews and deletions.

The wire form is the magic `k8s\\0`, then `runtime.Unknown` with the type and the raw message.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import ApiError

Obj = dict[str, Any]

_MAGIC = b"k8s\x00"


def decode(body: bytes) -> Obj:
    """The object in a protobuf body. Raises ApiError 400 (malformed), 415 (another kind)."""
    if not body.startswith(_MAGIC):
        raise ApiError(400, "the body is not protobuf of the expected form")
    try:
        unknown = dict(_fields(body[len(_MAGIC) :]))
        type_meta = dict(_fields(unknown[1]))
        api_version, kind = type_meta[1].decode(), type_meta[2].decode()
        reader = _READERS.get(kind)
        if reader is None:
            raise ApiError(
                415, f"the body of the request was in an unknown format - protobuf of {kind} is not accepted"
            )
        return {"apiVersion": api_version, "kind": kind, **reader(unknown.get(2, b""))}
    except (KeyError, IndexError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise ApiError(400, f"protobuf: cannot be read: {error}") from None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yields (field number, value): bytes for length-delimited fields, int for varints."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 2:
            length, at = _varint(data, at)
            yield number, data[at : at + length]
            at += length
        else:
            width = {1: 8, 5: 4}[wire]
            at += width


def _map(entries: list[bytes]) -> dict[str, bytes]:
    found = {}
    for raw in entries:
        pair = dict(_fields(raw))
        found[pair.get(1, b"").decode()] = pair.get(2, b"")
    return found


def _all(message: list[tuple[int, Any]], number: int) -> list[Any]:
    return [value for field, value in message if field == number]


def _metadata(raw: bytes) -> Obj:
    """`ObjectMeta`: name 1, generateName 2, namespace 3, uid 5, resourceVersion 6, labels 11, annotations 12."""
    message = list(_fields(raw))
    single = dict(message)
    metadata: Obj = {
        name: single[number].decode()
        for name, number in (("name", 1), ("generateName", 2), ("namespace", 3), ("uid", 5), ("resourceVersion", 6))
        if single.get(number)
    }
    for name, number in (("labels", 11), ("annotations", 12)):
        if entries := _all(message, number):
            metadata[name] = {key: value.decode() for key, value in _map(entries).items()}
    return metadata


def _secret(raw: bytes) -> Obj:
    """`Secret`: metadata 1, data 2, type 3, stringData 4, immutable 5."""
    message = list(_fields(raw))
    single = dict(message)
    body: Obj = {"metadata": _metadata(single.get(1, b""))}
    body["data"] = {key: base64.b64encode(value).decode() for key, value in _map(_all(message, 2)).items()}
    if single.get(3):
        body["type"] = single[3].decode()
    if strings := _all(message, 4):
        body["stringData"] = {key: value.decode() for key, value in _map(strings).items()}
    if 5 in single:
        body["immutable"] = bool(single[5])
    return body


def _configmap(raw: bytes) -> Obj:
    """`ConfigMap`: metadata 1, data 2, binaryData 3, immutable 4."""
    message = list(_fields(raw))
    single = dict(message)
    body: Obj = {"metadata": _metadata(single.get(1, b""))}
    body["data"] = {key: value.decode() for key, value in _map(_all(message, 2)).items()}
    if binary := _all(message, 3):
        body["binaryData"] = {key: base64.b64encode(value).decode() for key, value in _map(binary).items()}
    if 4 in single:
        body["immutable"] = bool(single[4])
    return body


def _strings(raw: bytes, *names: str) -> Obj:
    """A message of strings whose fields are numbered from 1 in the order of `names`."""
    single = dict(_fields(raw))
    return {name: single[number].decode() for number, name in enumerate(names, 1) if single.get(number)}


def _access_review(raw: bytes) -> Obj:
    """`SelfSubjectAccessReview`: spec 2, in it resourceAttributes 1 and nonResourceAttributes 2."""
    spec = dict(_fields(dict(_fields(raw)).get(2, b"")))
    body: Obj = {}
    if 1 in spec:
        names = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
        body["resourceAttributes"] = _strings(spec[1], *names)
    if 2 in spec:
        body["nonResourceAttributes"] = _strings(spec[2], "path", "verb")
    return {"spec": body}


def _rules_review(raw: bytes) -> Obj:
    """`SelfSubjectRulesReview`: spec 2, in it namespace 1."""
    return {"spec": _strings(dict(_fields(raw)).get(2, b""), "namespace")}


def _delete_options(raw: bytes) -> Obj:
    """`DeleteOptions`: gracePeriodSeconds 1, preconditions 2, orphanDependents 3, propagationPolicy 4."""
    single = dict(_fields(raw))
    body: Obj = {}
    if 1 in single:
        body["gracePeriodSeconds"] = single[1]
    if 2 in single:
        body["preconditions"] = _strings(single[2], "uid", "resourceVersion")
    if 3 in single:
        body["orphanDependents"] = bool(single[3])
    if 4 in single:
        body["propagationPolicy"] = single[4].decode()
    return body


def _eviction(raw: bytes) -> Obj:
    """`Eviction`: metadata 1, deleteOptions 2."""
    single = dict(_fields(raw))
    body: Obj = {"metadata": _metadata(single.get(1, b""))}
    if 2 in single:
        body["deleteOptions"] = _delete_options(single[2])
    return body


_READERS: dict[str, Callable[[bytes], Obj]] = {
    "Secret": _secret,
    "ConfigMap": _configmap,
    "SelfSubjectAccessReview": _access_review,
    "SelfSubjectRulesReview": _rules_review,
    "SelfSubjectReview": lambda _: {},
    "DeleteOptions": _delete_options,
    "Eviction": _eviction,
}
