"""What the cockpit needs to be allowed in AWS, each action proved before a step is refused it.

Asked of IAM where that is allowed (iam:SimulatePrincipalPolicy). Elsewhere each action is tried on something that does
not exist: AWS looks at the right before it looks for the thing: "not found" proves the right and changes nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_cockpit.config import Rds
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.aws import refused
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})


@dataclass(frozen=True)
class Names:
    """What the tries are about: the instance there is, and names under the policy's patterns that nothing has."""

    rds: Rds
    partition: str
    account: str
    mark: str

    @property
    def nobody(self) -> str:
        """An instance that does not exist, named as a restored one would be."""
        whole = f"{self.rds.instance}-restored-{self.mark}"
        # The mark is what no instance has: it is never what is cut off.
        return whole if len(whole) <= 63 else f"{self.rds.instance[: 62 - len(self.mark)].rstrip('-')}-{self.mark}"

    @property
    def snapshot(self) -> str:
        """A snapshot that does not exist."""
        return f"{self.rds.snapshot_prefix}-{self.mark}"

    def arn(self, kind: str, name: str) -> str:
        """The ARN of an RDS resource."""
        return f"arn:{self.partition}:rds:{self.rds.region}:{self.account}:{kind}:{name}"


@dataclass(frozen=True)
class Right:
    """An action of the policy, what it is for, and the call that proves it."""

    action: str
    what: str
    operation: str
    """boto3's method name."""
    asks: Callable[[Names], Mapping[str, Any]]
    on: Callable[[Names], str]
    """The resource that the real call is about."""

    @property
    def service(self) -> str:
        """boto3's name of the service."""
        return self.action.partition(":")[0]


def _instance(names: Names) -> str:
    return names.arn("db", names.rds.instance)


def _snapshot(names: Names) -> str:
    return names.arn("snapshot", names.snapshot)


def _metric(names: Names) -> Mapping[str, Any]:
    now = datetime.now(UTC)
    metric = {
        "Namespace": "AWS/RDS",
        "MetricName": "FreeStorageSpace",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": names.rds.instance}],
    }
    query = {"Id": "free", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}
    return {"MetricDataQueries": [query], "StartTime": now - timedelta(minutes=10), "EndTime": now}


RIGHTS: tuple[Right, ...] = (
    Right(
        "rds:DescribeDBInstances",
        "the instance's state",
        "describe_db_instances",
        lambda names: {"DBInstanceIdentifier": names.rds.instance},
        _instance,
    ),
    Right(
        "rds:DescribeDBSnapshots",
        "the recovery point's progress",
        "describe_db_snapshots",
        lambda names: {"DBSnapshotIdentifier": names.snapshot},
        _snapshot,
    ),
    Right(
        "rds:DescribePendingMaintenanceActions",
        "maintenance that would fall into the migration",
        "describe_pending_maintenance_actions",
        lambda names: {"ResourceIdentifier": _instance(names)},
        _instance,
    ),
    Right(
        "rds:CreateDBSnapshot",
        "the recovery point",
        "create_db_snapshot",
        lambda names: {"DBInstanceIdentifier": names.nobody, "DBSnapshotIdentifier": names.snapshot},
        _instance,
    ),
    Right(
        "rds:AddTagsToResource",
        "the tags of the recovery point",
        "add_tags_to_resource",
        lambda names: {"ResourceName": _snapshot(names), "Tags": [{"Key": "migration-cockpit", "Value": "check"}]},
        _snapshot,
    ),
    Right(
        "rds:RestoreDBInstanceFromDBSnapshot",
        "the way back by the recovery point",
        "restore_db_instance_from_db_snapshot",
        lambda names: {"DBInstanceIdentifier": names.nobody, "DBSnapshotIdentifier": names.snapshot},
        _snapshot,
    ),
    Right(
        "rds:RestoreDBInstanceToPointInTime",
        "the way back to a moment",
        "restore_db_instance_to_point_in_time",
        lambda names: {
            "SourceDBInstanceIdentifier": names.nobody,
            "TargetDBInstanceIdentifier": f"{names.nobody[:60]}-2",
            "UseLatestRestorableTime": True,
        },
        _instance,
    ),
    Right(
        "rds:ModifyDBInstance",
        "the way back: swapping the instances' identifiers",
        "modify_db_instance",
        lambda names: {"DBInstanceIdentifier": names.nobody},
        _instance,
    ),
    Right("cloudwatch:GetMetricData", "I/O in the database pane", "get_metric_data", _metric, lambda _: "*"),
)
"""Every action that a flight and its way back call; the policy of docs/permissions.md has these and no other."""


async def look(place: Place, identity: str) -> list[Finding]:
    """Each action, by IAM's own word or by a try; `identity` is the caller's ARN."""
    assert place.settings.rds is not None  # asked only where there is one
    parts = identity.split(":")
    partition, account = (parts[1], parts[4]) if len(parts) > 5 else ("aws", "")
    names = Names(place.settings.rds, partition, account, f"check-{secrets.token_hex(4)}")
    told = await _simulated(place, names, identity)
    how = "asked of IAM" if told is not None else "each tried on what does not exist; nothing was made"
    if told is None:
        tried = await asyncio.gather(*(_tried(place, names, right) for right in RIGHTS))
        told = dict(zip((right.action for right in RIGHTS), tried, strict=True))
    found = [_finding(right, names, told[right.action]) for right in RIGHTS if told[right.action]]
    return found or [Finding("AWS", "permissions", True, f"all {len(RIGHTS)} actions, {how}")]


def _finding(right: Right, names: Names, why: str) -> Finding:
    if why == "denied":
        text = f"may not {right.action}: needed for {right.what}"
        return Finding("AWS", "permission", False, text, f"allow {right.action} on {right.on(names)} to this identity")
    text = f"{right.action} could not be proved: {why}"
    return Finding("AWS", "permission", False, text, f"needed for {right.what}: see docs/permissions.md")


async def _simulated(place: Place, names: Names, identity: str) -> dict[str, str] | None:
    """What IAM says of each action: empty for allowed, `denied`. None where it may not be asked, or knows it not."""
    source = principal(identity)
    if not source:
        return None
    from botocore.exceptions import ClientError

    told: dict[str, str] = {}
    for resource in dict.fromkeys(right.on(names) for right in RIGHTS):
        actions = [right.action for right in RIGHTS if right.on(names) == resource]
        try:
            answer = await place.connections.aws_call(
                "iam",
                "simulate_principal_policy",
                PolicySourceArn=source,
                ActionNames=actions,
                ResourceArns=[resource],
            )
        except (ClientError, WorldError):
            return None
        decided = {each["EvalActionName"]: each["EvalDecision"] for each in answer.get("EvaluationResults") or []}
        if set(decided) != set(actions):
            return None
        told |= {action: "" if decided[action] == "allowed" else "denied" for action in actions}
    return told


def principal(identity: str) -> str:
    """The user or role whose policies an identity has; empty where IAM cannot be asked about it."""
    parts = identity.split(":", 5)
    if len(parts) < 6:
        return ""
    kind, _, name = parts[5].partition("/")
    if parts[2] == "iam" and kind in {"user", "role"}:
        return identity
    if parts[2] == "sts" and kind == "assumed-role":
        # A role below a path is not found by this name: then each action is tried.
        return f"arn:{parts[1]}:iam::{parts[4]}:role/{name.partition('/')[0]}"
    return ""


async def _tried(place: Place, names: Names, right: Right) -> str:
    """Empty where the right is proved, `denied`, or why it is not known."""
    from botocore.exceptions import ClientError

    try:
        await place.connections.aws_call(right.service, right.operation, **right.asks(names))
    except ClientError as error:
        told = error.response.get("Error", {})
        code = str(told.get("Code", ""))
        # A gateway may refuse in another protocol than the one that was asked in: then only its text has the word.
        if code in DENIED or "<Code>AccessDenied</Code>" in str(told.get("Message", "")):
            return "denied"
        return "" if "NotFound" in code else refused(error).why
    except WorldError as error:
        return str(error)
    return ""
