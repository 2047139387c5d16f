"""The lease of the driver as a Lease object in the release's namespace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from migration_cockpit.connections.errors import KubeError
from migration_cockpit.connections.kube import Kube
from migration_cockpit.session.lease import DURATION, Conflict, Holder, Lease

HOLDER, OFFERED = "migration-cockpit/holder", "migration-cockpit/offered-to"


class KubeLease:
    """A Store of session/lease.py: resourceVersion tells who was quicker."""

    def __init__(self, kube: Callable[[], Kube], release: str) -> None:
        """One Lease a release. `kube` is asked for at each call: it may not be had at the start."""
        self._kube = kube
        self.name = f"migration-cockpit-{release}"

    async def read(self) -> Lease | None:
        """The lease; None when there is none yet. Raises KubeError."""
        found = await self._kube().find("leases", self.name)
        return None if found is None else _lease(found)

    async def write(self, lease: Lease) -> Lease:
        """Write it over its version, or create it. Raises Conflict and KubeError."""
        body = self._body(lease)
        try:
            if lease.version:
                body["metadata"]["resourceVersion"] = lease.version
                return _lease(await self._kube().replace("leases", self.name, body))
            return _lease(await self._kube().create("leases", body))
        except KubeError as error:
            if error.conflict:
                raise Conflict(str(error)) from error
            raise

    def _body(self, lease: Lease) -> dict[str, Any]:
        holder = lease.holder
        annotations = {OFFERED: lease.offered}
        if holder is not None:
            annotations[HOLDER] = msgspec.json.encode(holder).decode()
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "annotations": annotations},
            "spec": {
                "holderIdentity": f"{holder.operator}@{holder.host}/{holder.token}" if holder else "",
                "leaseDurationSeconds": int(DURATION),
                "renewTime": now,  # for people and other tools: the cockpit compares no clocks
                **({"acquireTime": holder.since} if holder and holder.since else {}),
            },
        }


def _lease(found: dict[str, Any]) -> Lease:
    annotations = found["metadata"].get("annotations") or {}
    identity = (found.get("spec") or {}).get("holderIdentity") or ""
    return Lease(
        holder=_holder(annotations.get(HOLDER, ""), identity) if identity else None,
        offered=annotations.get(OFFERED, ""),
        version=found["metadata"]["resourceVersion"],
    )


def _holder(annotation: str, identity: str) -> Holder:
    """The holder as it wrote itself down; another tool's, or one that was edited by hand, is a stranger."""
    try:
        holder = msgspec.json.decode(annotation, type=Holder)
    except msgspec.MsgspecError:
        return Holder(operator=identity, host="?", session="?", place="?", token=identity)
    if not identity.endswith(holder.token):
        return Holder(operator=identity, host="?", session="?", place="?", token=identity)
    return holder
