"""RDS instances as AWS describes them, and the identifiers that they have on the way back."""

from __future__ import annotations

from typing import Any

from migration_cockpit.actions.instances.settings import Instance
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.connections.aws import refused

LONGEST = 63
"""Longest identifier of an instance."""
BROKEN = ("incompatible", "failed", "storage-full", "inaccessible", "restore-error")
"""How the status of an instance begins that never becomes available by itself."""


def restored_name(site: Site, number: int = 1) -> str:
    """The identifier that the restored instance has until it takes over the old one's.

    `number` counts restores: one that failed cannot be mended, and another gets a name of its own.
    """
    return _joined(site, "restored" if number == 1 else f"restored{number}")


def broken(instance: Instance) -> bool:
    """Whether an instance never becomes available by itself."""
    return str(instance.get("DBInstanceStatus", "")).startswith(BROKEN)


def old_name(site: Site) -> str:
    """The identifier that the old instance is set aside under; it is kept until somebody deletes it."""
    return _joined(site, "before")


def _joined(site: Site, word: str) -> str:
    rds = site.settings.rds
    name = rds.instance if rds else "<instance>"
    return f"{name[: LONGEST - len(word) - len(site.slug) - 2].rstrip('-')}-{word}-{site.slug}"[:LONGEST].rstrip("-")


async def find(site: Site, *, identifier: str = "", resource: str = "") -> dict[str, Any] | None:
    """An instance by its identifier or its resource id, or None. Raises Unreachable, for a refusal too."""
    from botocore.exceptions import ClientError

    by = {"db-instance-id": identifier} if identifier else {"dbi-resource-id": resource}
    filters = [{"Name": name, "Values": [value]} for name, value in by.items()]
    try:
        answer = await site.live.aws_call("rds", "describe_db_instances", Filters=filters)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"DBInstanceNotFound", "DBInstanceNotFoundFault"}:
            return None
        raise refused(error) from error
    found: list[dict[str, Any]] = answer.get("DBInstances") or []
    return found[0] if found else None


def endpoint_of(instance: Instance) -> tuple[str, int]:
    """Where an instance is reached. Raises OperationError before it has an endpoint."""
    endpoint = instance.get("Endpoint") or {}
    if not endpoint.get("Address"):
        raise OperationError(f"instance {instance.get('DBInstanceIdentifier')} has no endpoint yet")
    return str(endpoint["Address"]), int(endpoint["Port"])
