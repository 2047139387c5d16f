"""What an instance is set to, and where a restored one differs from the old one.

AWS gives a restored instance its own defaults (subnet group, security groups, parameter group, one zone): what is not
asked for is not as it was, so all of it is asked for and compared afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Instance = Mapping[str, Any]

SETTINGS: dict[str, tuple[str, Callable[[Instance], Any]]] = {
    "subnet group": ("DBSubnetGroupName", lambda one: (one.get("DBSubnetGroup") or {}).get("DBSubnetGroupName")),
    "security groups": (
        "VpcSecurityGroupIds",
        lambda one: sorted(each["VpcSecurityGroupId"] for each in one.get("VpcSecurityGroups") or []),
    ),
    "parameter group": (
        "DBParameterGroupName",
        lambda one: next((each["DBParameterGroupName"] for each in one.get("DBParameterGroups") or []), None),
    ),
    "option group": (
        "OptionGroupName",
        lambda one: next((each["OptionGroupName"] for each in one.get("OptionGroupMemberships") or []), None),
    ),
    "class": ("DBInstanceClass", lambda one: one.get("DBInstanceClass")),
    "Multi-AZ": ("MultiAZ", lambda one: bool(one.get("MultiAZ"))),
    "storage type": ("StorageType", lambda one: one.get("StorageType")),
    "IOPS": ("Iops", lambda one: one.get("Iops")),
    "storage throughput": ("StorageThroughput", lambda one: one.get("StorageThroughput") or None),
    "public": ("PubliclyAccessible", lambda one: bool(one.get("PubliclyAccessible"))),
    "minor upgrades": ("AutoMinorVersionUpgrade", lambda one: bool(one.get("AutoMinorVersionUpgrade"))),
    "deletion protection": ("DeletionProtection", lambda one: bool(one.get("DeletionProtection"))),
    "tags to snapshots": ("CopyTagsToSnapshot", lambda one: bool(one.get("CopyTagsToSnapshot"))),
    "IAM authentication": (
        "EnableIAMDatabaseAuthentication",
        lambda one: bool(one.get("IAMDatabaseAuthenticationEnabled")),
    ),
    "log exports": ("EnableCloudwatchLogsExports", lambda one: sorted(one.get("EnabledCloudwatchLogsExports") or [])),
    "CA": ("CACertificateIdentifier", lambda one: one.get("CACertificateIdentifier")),
}
"""What a restore is asked for, so that the new instance is as the old one: words, the argument, the old one's value."""

AFTERWARDS: dict[str, tuple[str, Callable[[Instance], Any]]] = {
    "storage limit": ("MaxAllocatedStorage", lambda one: one.get("MaxAllocatedStorage")),
    "backup days": ("BackupRetentionPeriod", lambda one: one.get("BackupRetentionPeriod")),
    "backup window": ("PreferredBackupWindow", lambda one: one.get("PreferredBackupWindow")),
    "maintenance window": ("PreferredMaintenanceWindow", lambda one: one.get("PreferredMaintenanceWindow")),
    "monitoring": ("MonitoringInterval", lambda one: one.get("MonitoringInterval") or 0),
    "monitoring role": ("MonitoringRoleArn", lambda one: one.get("MonitoringRoleArn")),
}
"""What no restore from a snapshot takes: it is set once the instance is available."""


def differences(old: Instance, new: Instance) -> list[str]:
    """Where a restored instance is not as the old one, in words."""
    both = {**SETTINGS, **AFTERWARDS}
    pairs = [(words, value(old), value(new)) for words, (_, value) in both.items()]
    found = [f"{words} is {_words(have)}, was {_words(want)}" for words, want, have in pairs if want != have]
    return found + [
        f"parameter group is {each.get('ParameterApplyStatus')}"
        for each in new.get("DBParameterGroups") or []
        if each.get("ParameterApplyStatus") == "pending-reboot"
    ]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
