"""Errors as a kube-apiserver answers them: a Status with the code, reason and words of the real server."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    504: "Timeout",
}


class ApiError(Exception):
    """A refusal that leaves the server as a `Status` body with the HTTP code `code`."""

    def __init__(
        self,
        code: int,
        message: str,
        reason: str | None = None,
        details: Obj | None = None,
        metadata: Obj | None = None,
    ) -> None:
        super().__init__(message)
        self.metadata = metadata or {}
        self.code = code
        self.message = message
        self.reason = reason if reason is not None else _REASONS.get(code, "")
        self.details = details

    def status(self) -> Obj:
        """The `v1.Status` body of this refusal."""
        body: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body


def _details(group: str, resource: str, name: str) -> Obj:
    details: Obj = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    details["kind"] = resource
    return details


def qualified(group: str, resource: str) -> str:
    """`deployments.apps` for a named group, `pods` for the core group: how messages name a resource."""
    return f"{resource}.{group}" if group else resource


def not_found(group: str, resource: str, name: str) -> ApiError:
    """404 for an object that is not there."""
    return ApiError(404, f'{qualified(group, resource)} "{name}" not found', details=_details(group, resource, name))


def already_exists(group: str, resource: str, name: str) -> ApiError:
    """409 for a create of a name that is taken."""
    return ApiError(
        409,
        f'{qualified(group, resource)} "{name}" already exists',
        "AlreadyExists",
        _details(group, resource, name),
    )


def conflict(group: str, resource: str, name: str, why: str | None = None) -> ApiError:
    """409 for a write that carries an old resourceVersion (optimistic concurrency)."""
    why = why or ("the object has been modified; please apply your changes to the latest version and try again")
    return ApiError(
        409,
        f'Operation cannot be fulfilled on {qualified(group, resource)} "{name}": {why}',
        details=_details(group, resource, name),
    )


def forbidden(group: str, resource: str, name: str, why: str) -> ApiError:
    """403 in the words of the real server: `pods "x" is forbidden: ...`."""
    subject = f'{qualified(group, resource)} "{name}"' if name else qualified(group, resource)
    return ApiError(403, f"{subject} is forbidden: {why}", details=_details(group, resource, name))


def unauthorized() -> ApiError:
    """401: no such token, or it has expired."""
    return ApiError(401, "Unauthorized")


def expired(message: str, token: str = "") -> ApiError:
    """410: the resourceVersion is older than what the server still knows; `token` is a list's way to go on anyway."""
    return ApiError(410, message, metadata={"continue": token} if token else None)


def bad_request(message: str) -> ApiError:
    """400 with a message."""
    return ApiError(400, message)


def invalid(group: str, kind: str, name: str, causes: list[tuple[str, str, str]]) -> ApiError:
    """422 with its causes, each `(reason, field, message)`; one reads inline, several in brackets."""
    lines = [f"{field}: {message}" for _, field, message in causes]
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    details: Obj = {key: value for key, value in (("name", name), ("kind", kind), ("group", group)) if value}
    details["causes"] = [{"reason": reason, "message": message, "field": field} for reason, field, message in causes]
    label = f"{kind}.{group}" if group else kind
    return ApiError(422, f'{label} "{name}" is invalid: {text}', details=details)
