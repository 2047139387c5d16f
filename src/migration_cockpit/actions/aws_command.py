"""A call of the AWS API as a person types it: the `aws` command."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Any

from migration_cockpit.actions.site import Site


def rds_command(site: Site, call: str) -> str:
    """A call of RDS at the config's place."""
    rds = site.settings.rds
    where = "" if rds is None else f" --region {rds.region}" + (f" --profile {rds.profile}" if rds.profile else "")
    where += f" --endpoint-url {rds.endpoint_url}" if rds and rds.endpoint_url else ""
    return f"aws rds {call}{where}"


def option(name: str, value: Any) -> list[str]:
    """An argument of an API call as the aws command takes it."""
    letters = "".join(f"-{each.lower()}" if each.isupper() else each for each in name)
    flag = "-" + _SPELLED.get(name, letters)
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if isinstance(value, list):
        return [flag, *map(str, value)]
    text = value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value)
    return [flag, text if text.startswith("<") else shlex.quote(text)]


_SPELLED = {
    "DBSubnetGroupName": "-db-subnet-group-name",
    "DBParameterGroupName": "-db-parameter-group-name",
    "DBInstanceClass": "-db-instance-class",
    "DBInstanceIdentifier": "-db-instance-identifier",
    "DBSnapshotIdentifier": "-db-snapshot-identifier",
    "SourceDBInstanceIdentifier": "-source-db-instance-identifier",
    "TargetDBInstanceIdentifier": "-target-db-instance-identifier",
    "MultiAZ": "-multi-az",
    "EnableIAMDatabaseAuthentication": "-enable-iam-database-authentication",
    "CACertificateIdentifier": "-ca-certificate-identifier",
}
"""Names that do not fall apart at their capitals."""
