"""Server-side apply and the field ownership it needs (`metadata.managedFields`)."""

from __future__ import annotations

import copy
from typing import Any

from .kinds import Kind

Obj = dict[str, Any]


class Applier:
    """Keeps who owns which field, and merges applied configurations."""

    def claim_new(self, kind: Kind, obj: Obj, manager: str) -> None:
        """Notes the creator of a new object as the owner of its fields, in place."""

    def claim_changed(self, kind: Kind, old: Obj, new: Obj, manager: str, subresource: str) -> Obj:
        """`new` with the ownership of the fields that differ from `old` moved to `manager`."""
        return new

    def apply(self, kind: Kind, old: Obj | None, applied: Obj, manager: str, *, force: bool, subresource: str) -> Obj:
        """The object after `manager` applied `applied`. Raises ApiError 409 on conflicts unless `force`."""
        from .patch import strategic_patch

        return copy.deepcopy(strategic_patch(old or {}, applied))
