"""What can go wrong between the cockpit and an outside system, in words that say how to mend it."""

from __future__ import annotations

import re
from typing import Any

_DENIED = re.compile(
    r'User "[^"]+" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)" '
    r'(?:in the namespace "(?P<namespace>[^"]*)"|at the cluster scope)'
)


class WorldError(Exception):
    """Base of every failure of an outside system. Its text is fit for the screen."""


class Unreachable(WorldError):
    """An outside system could not be used: `what` it is, `why` it failed and how to `mend` that."""

    def __init__(self, what: str, why: str, mend: str = "") -> None:
        super().__init__(what, why, mend)
        self.what = what
        self.why = why
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" + (f"; {self.mend}" if self.mend else "")


class NotSupported(Unreachable):
    """The outside system works, but the cockpit does not fly it (Aurora, MySQL)."""


class KubeError(WorldError):
    """An answer of the Kubernetes API that is not the one asked for.

    `status` is the HTTP status, 0 when there was no answer at all; `reason` is the API's word (`NotFound`), `message`
    its sentence; `details` is the Status object's, as it came.
    """

    def __init__(self, status: int, reason: str, message: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details or {}

    def __str__(self) -> str:
        text = self.message or self.reason
        if self.status == 0:
            return f"Kubernetes: {text}"
        return f"Kubernetes: {text} ({self.status} {self.reason}){missing_right(text)}"

    @property
    def missing(self) -> bool:
        """The object, or the whole resource, does not exist."""
        return self.status == 404

    @property
    def conflict(self) -> bool:
        """The object exists already, or was changed by someone else meanwhile."""
        return self.status == 409

    @property
    def denied(self) -> bool:
        """RBAC does not allow it."""
        return self.status == 403

    @property
    def gone(self) -> bool:
        """The resourceVersion is too old: list again."""
        return self.status == 410


class AirflowError(WorldError):
    """An answer of Airflow's API that is not the one asked for; `status` is the HTTP status."""

    def __init__(self, status: int, call: str, message: str) -> None:
        super().__init__(status, call, message)
        self.status = status
        self.call = call
        self.message = message

    def __str__(self) -> str:
        return f"Airflow API: {self.call} answered {self.status}: {self.message}"


def missing_right(text: str, whose: str = "the cockpit's") -> str:
    """What to add for a right that RBAC denies, as the line of a Role, ready to stand behind the denial.

    `text` is what the API server said, in any program's output; `whose` Role lacks it. Empty where nothing is denied.
    """
    found = _DENIED.search(text)
    if found is None:
        return ""
    group = found["group"] or '""'
    rule = f"{{apiGroups: [{group}], resources: [{found['resource']}], verbs: [{found['verb']}]}}"
    namespace = found["namespace"]
    where = f"{whose} Role in namespace {namespace}" if namespace else f"a ClusterRole of {whose} user"
    return f"; add to {where}: {rule}"


def one_line(error: BaseException) -> str:
    """An exception of any library as one line without its class's noise."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
