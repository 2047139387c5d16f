"""The RDS instance: CloudWatch's view of its disk and CPU, and its status. A minute or more behind, by nature."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from migration_cockpit.connections import Connections
from migration_cockpit.connections.aws import refused
from migration_cockpit.connections.errors import WorldError
from migration_cockpit.session.events import StorageRead
from migration_cockpit.session.readings import StorageReading
from migration_cockpit.sources.loop import FAST_HEARTBEAT, Emit, Teller, explain, poll

METRICS = {
    "read_iops": "ReadIOPS",
    "write_iops": "WriteIOPS",
    "queue_depth": "DiskQueueDepth",
    "free_bytes": "FreeStorageSpace",
    "cpu_percent": "CPUUtilization",
}
"""CloudWatch's name of each field."""
PERIOD_SECONDS = 60
"""RDS sends one data point a minute."""
LOOK_BACK = timedelta(minutes=10)


class StorageSource:
    """Reads CloudWatch and the instance at `cadence.storage`."""

    name = "storage"

    def __init__(self, connections: Connections, instance: str) -> None:
        self._connections = connections
        self._instance = instance

    async def run(self, emit: Emit) -> None:
        """Read until cancelled."""
        cadence, clock = self._connections.settings.cadence, self._connections.clock
        heartbeat = max(FAST_HEARTBEAT, cadence.heartbeat)
        teller = Teller(self.name, StorageRead, emit, clock, heartbeat=heartbeat)
        await poll(teller, self.read, clock, every=cadence.storage, why=_why)

    async def read(self) -> StorageReading:
        """One reading. Raises Unreachable or botocore's ClientError."""
        now = self._connections.clock.now()
        queries = [_query(field, metric, self._instance) for field, metric in METRICS.items()]
        metrics, instance = await asyncio.gather(
            self._connections.aws_call(
                "cloudwatch",
                "get_metric_data",
                MetricDataQueries=queries,
                StartTime=now - LOOK_BACK,
                EndTime=now + timedelta(seconds=PERIOD_SECONDS),
                ScanBy="TimestampDescending",
            ),
            self._connections.rds_instance(),
        )
        newest: dict[str, tuple[datetime, float]] = {}
        for result in metrics["MetricDataResults"]:
            points = sorted(zip(result["Timestamps"], result["Values"], strict=True))
            if points:
                newest[result["Id"]] = points[-1]
        values = {field: point[1] for field, point in newest.items()}
        measured = max((point[0] for point in newest.values()), default=None)
        return StorageReading(status=instance.get("DBInstanceStatus", ""), measured=measured, **values)


def _query(field: str, metric: str, instance: str) -> dict[str, Any]:
    return {
        "Id": field,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/RDS",
                "MetricName": metric,
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": instance}],
            },
            "Period": PERIOD_SECONDS,
            "Stat": "Average",
        },
    }


def _why(error: Exception) -> str:
    if isinstance(error, WorldError | TimeoutError):
        return explain(error)
    from botocore.exceptions import ClientError

    return str(refused(error)) if isinstance(error, ClientError) else explain(error)
