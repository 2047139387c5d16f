"""The emulated AWS, seen through boto3: states that take time, and real servers behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
import pytest_asyncio
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from migration_cockpit.rehearsal import calls, faults
from migration_cockpit.rehearsal.aws import KEY_ID, SECRET, EmbeddedAws
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from tests.pace import PATIENCE

PROD = "airflow-rehearsal"


@dataclass
class World:
    """The emulated AWS with one instance, and clients of it."""

    directory: Path
    aws: EmbeddedAws
    postgres: EmbeddedPostgres

    def client(self, service: str, key: str = KEY_ID, token: str | None = None) -> Any:
        return boto3.client(
            service,
            region_name=self.aws.region,
            endpoint_url=self.aws.endpoint_url,
            aws_access_key_id=key,
            aws_secret_access_key=SECRET,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20),
        )

    async def instance(self, identifier: str) -> dict[str, Any]:
        found = await asyncio.to_thread(self.client("rds").describe_db_instances, DBInstanceIdentifier=identifier)
        instance: dict[str, Any] = found["DBInstances"][0]
        return instance

    async def snapshot(self, identifier: str) -> dict[str, Any]:
        found = await asyncio.to_thread(self.client("rds").describe_db_snapshots, DBSnapshotIdentifier=identifier)
        snapshot: dict[str, Any] = found["DBSnapshots"][0]
        return snapshot

    async def available(self, identifier: str) -> dict[str, Any]:
        """Wait until an instance is available."""

        async def look() -> dict[str, Any] | None:
            try:
                found = await self.instance(identifier)
            except ClientError as error:
                if error.response["Error"]["Code"] != "DBInstanceNotFound":
                    raise
                return None
            return found if found["DBInstanceStatus"] == "available" else None

        found: dict[str, Any] = await until(look)
        return found

    async def take(self, identifier: str) -> dict[str, Any]:
        """Take a snapshot and wait for it."""
        await self.do("create_db_snapshot", DBInstanceIdentifier=PROD, DBSnapshotIdentifier=identifier)

        async def look() -> dict[str, Any] | None:
            found = await self.snapshot(identifier)
            return found if found["Status"] == "available" else None

        taken: dict[str, Any] = await until(look)
        return taken

    async def do(self, operation: str, **parameters: Any) -> Any:
        return await asyncio.to_thread(getattr(self.client("rds"), operation), **parameters)

    async def sql(self, identifier: str, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements through an identifier's endpoint; returns the rows of the last."""
        _, port = await self.aws.endpoint(identifier)
        dsn = self.postgres.dsn().replace(f":{self.postgres.port}/", f":{port}/")
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            for statement in statements:
                cursor = await connection.execute(statement)
            return await cursor.fetchall() if cursor.description else []


async def until(look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.1)
    return found


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One world for all: its start takes longer than any of the tests."""
    tmp_path = tmp_path_factory.mktemp("world")
    postgres = EmbeddedPostgres(tmp_path / "pg")
    aws = EmbeddedAws(tmp_path, snapshot_seconds=0.6, restore_seconds=0.2, rename_seconds=0.2, sample_seconds=0.3)
    await asyncio.gather(postgres.start(), aws.start())
    await postgres.create_roles()
    await aws.create_instance(PROD, postgres, allocated_storage=50)
    made = World(tmp_path, aws, postgres)
    await made.available(PROD)
    yield made
    await aws.stop()
    await postgres.stop()


async def test_an_instance_is_what_it_is(world: World) -> None:
    found = await world.instance(PROD)
    assert found["Engine"] == "postgres"
    assert found["EngineVersion"].split(".")[0] == "18"
    assert found["AllocatedStorage"] == 50
    assert found["MaxAllocatedStorage"] == 500
    assert found["MultiAZ"] is True
    assert found["PreferredMaintenanceWindow"]
    assert found["DBSubnetGroup"]["DBSubnetGroupName"] == "airflow-rehearsal"
    assert found["VpcSecurityGroups"][0]["Status"] == "active"
    assert found["LatestRestorableTime"] <= datetime.now(UTC)
    assert found["Endpoint"]["Port"] == (await world.aws.endpoint(PROD))[1]
    assert (await world.do("describe_pending_maintenance_actions"))["PendingMaintenanceActions"] == []
    assert await world.sql(PROD, "SELECT current_user::text") == [("airflow",)]
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        await world.instance("other")


async def test_a_snapshot_is_creating_with_progress_and_holds_what_was_there(world: World) -> None:
    before = len(calls.read(world.directory))
    await world.sql(PROD, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    await world.do("create_db_snapshot", DBInstanceIdentifier=PROD, DBSnapshotIdentifier="before")
    first = await world.snapshot("before")
    assert first["Status"] == "creating"
    assert first["PercentProgress"] < 100
    assert (await world.instance(PROD))["DBInstanceStatus"] == "backing-up"
    with pytest.raises(ClientError, match="InvalidDBInstanceState"):
        await world.do("create_db_snapshot", DBInstanceIdentifier=PROD, DBSnapshotIdentifier="second")
    with pytest.raises(ClientError, match="InvalidDBSnapshotState"):
        await world.do("restore_db_instance_from_db_snapshot", DBInstanceIdentifier="r", DBSnapshotIdentifier="before")
    seen = []

    async def look() -> bool:
        found = await world.snapshot("before")
        seen.append(found["PercentProgress"])
        return bool(found["Status"] == "available")

    await until(look)
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert abs((await world.snapshot("before"))["SnapshotCreateTime"] - datetime.now(UTC)) < timedelta(minutes=1)
    with pytest.raises(ClientError, match="DBSnapshotAlreadyExists"):
        await world.do("create_db_snapshot", DBInstanceIdentifier=PROD, DBSnapshotIdentifier="before")
    await world.sql(PROD, "DELETE FROM t")
    await world.do("restore_db_instance_from_db_snapshot", DBInstanceIdentifier="r", DBSnapshotIdentifier="before")
    assert "Endpoint" not in await world.instance("r")
    restored = await world.available("r")
    assert restored["Endpoint"]["Port"] != (await world.aws.endpoint(PROD))[1]
    assert restored["MultiAZ"] is False
    assert restored["DBSubnetGroup"]["DBSubnetGroupName"] == "default"
    assert await world.sql("r", "SELECT count(*) FROM t") == [(1000,)]
    assert await world.sql(PROD, "SELECT count(*) FROM t") == [(0,)]
    counted = [call.call for call in calls.read(world.directory)[before:] if call.who == "rds"]
    assert counted == [
        "CreateDBSnapshot",
        "CreateDBSnapshot refused",
        "RestoreDBInstanceFromDBSnapshot refused",
        "CreateDBSnapshot refused",
        "RestoreDBInstanceFromDBSnapshot",
    ]


async def test_a_stuck_snapshot_goes_on_when_the_fault_is_taken_back(world: World) -> None:
    faults.switch(world.directory, "snapshot-stuck", {})
    await world.do("create_db_snapshot", DBInstanceIdentifier=PROD, DBSnapshotIdentifier="stuck")
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert (await world.snapshot("stuck"))["Status"] == "creating"
        await asyncio.sleep(0.2)
    faults.switch(world.directory, "snapshot-stuck", None)

    async def look() -> bool:
        return bool((await world.snapshot("stuck"))["Status"] == "available")

    await until(look)


async def test_a_restore_to_a_point_in_time_has_exactly_what_was_committed_then(world: World) -> None:
    await world.sql(PROD, "CREATE TABLE p (i int)", "INSERT INTO p VALUES (1)")
    moment = (await world.sql(PROD, "SELECT clock_timestamp()"))[0][0]
    await world.sql(PROD, "INSERT INTO p VALUES (2)")

    async def restorable() -> bool:
        return bool((await world.instance(PROD))["LatestRestorableTime"] > moment)

    await until(restorable)
    await world.do(
        "restore_db_instance_to_point_in_time",
        SourceDBInstanceIdentifier=PROD, TargetDBInstanceIdentifier="then", RestoreTime=moment,
    )  # fmt: skip
    await world.available("then")
    await world.do(
        "restore_db_instance_to_point_in_time",
        SourceDBInstanceIdentifier=PROD, TargetDBInstanceIdentifier="now", UseLatestRestorableTime=True,
    )  # fmt: skip
    await world.available("now")
    assert await world.sql("then", "SELECT i FROM p ORDER BY i") == [(1,)]
    assert await world.sql("now", "SELECT i FROM p ORDER BY i") == [(1,), (2,)]
    await world.sql("then", "INSERT INTO p VALUES (3)")
    for wrong in (datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(days=1)):
        with pytest.raises(ClientError, match="InvalidRestoreFault"):
            await world.do(
                "restore_db_instance_to_point_in_time",
                SourceDBInstanceIdentifier=PROD, TargetDBInstanceIdentifier="wrong", RestoreTime=wrong,
            )  # fmt: skip


async def test_cloudwatch_shows_what_the_server_does(world: World) -> None:
    begin = datetime.now(UTC) - timedelta(seconds=5)
    await world.sql(
        PROD,
        "CREATE TABLE load (i int, filler text)",
        "INSERT INTO load SELECT i, repeat('x', 500) FROM generate_series(1, 40000) i",
    )
    names = [
        ("ReadIOPS", "Average"),
        ("WriteIOPS", "Maximum"),
        ("DiskQueueDepth", "Maximum"),
        ("FreeStorageSpace", "Average"),
        ("CPUUtilization", "Maximum"),
        ("DatabaseConnections", "Average"),
        ("ReadThroughput", "Average"),
        ("WriteThroughput", "Sum"),
        ("WriteIOPS", "p95"),
    ]
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/RDS",
                    "MetricName": name,
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": PROD}],
                },
                "Period": 60,
                "Stat": stat,
            },
        }
        for number, (name, stat) in enumerate(names)
    ]

    async def look() -> dict[str, float] | None:
        found = await asyncio.to_thread(
            world.client("cloudwatch").get_metric_data,
            MetricDataQueries=queries, StartTime=begin, EndTime=datetime.now(UTC) + timedelta(seconds=2),
        )  # fmt: skip
        values = {result["Id"]: result["Values"][-1] for result in found["MetricDataResults"] if result["Values"]}
        return values if len(values) == len(names) and values["q1"] > 0 else None

    values = await until(look)
    assert values["q7"] > 1_000_000  # bytes written
    assert 0 < values["q3"] < 50 * 1024**3
    assert values["q8"] <= values["q1"]
    assert 0 < values["q4"] <= 100


async def test_credentials_are_looked_at(world: World) -> None:
    who = await asyncio.to_thread(world.client("sts").get_caller_identity)
    assert who["Account"] == "123456789012"
    _, _, token = await world.aws.issue_session(60)
    assert (await asyncio.to_thread(world.client("sts", token=token).get_caller_identity))["Account"] == "123456789012"
    _, _, expired = await world.aws.issue_session(-1)
    for service, call in (
        ("sts", "get_caller_identity"),
        ("rds", "describe_db_instances"),
        ("cloudwatch", "list_metrics"),
    ):
        with pytest.raises(ClientError) as refusal:
            await asyncio.to_thread(getattr(world.client(service, token=expired), call))
        assert refusal.value.response["Error"]["Code"] == "ExpiredToken"
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        await asyncio.to_thread(world.client("sts", key="AKIANOBODY").get_caller_identity)


async def test_the_api_can_be_down_while_the_database_goes_on(world: World) -> None:
    url = world.aws.endpoint_url
    await world.aws.pause()
    with pytest.raises(EndpointConnectionError):
        await world.instance(PROD)
    assert await world.sql(PROD, "SELECT 1") == [(1,)]
    await world.aws.resume()
    assert world.aws.endpoint_url == url
    assert (await world.instance(PROD))["DBInstanceStatus"] == "available"


async def test_snapshots_and_instances_can_be_deleted(world: World) -> None:
    await world.take("gone")
    await world.do("restore_db_instance_from_db_snapshot", DBInstanceIdentifier="short", DBSnapshotIdentifier="gone")
    await world.available("short")
    servers = world.directory / "aws" / "servers"
    before = len(list(servers.iterdir()))
    await world.do("delete_db_snapshot", DBSnapshotIdentifier="gone")
    with pytest.raises(ClientError, match="DBSnapshotNotFound"):
        await world.snapshot("gone")
    await world.do("delete_db_instance", DBInstanceIdentifier="short", SkipFinalSnapshot=True)
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        await world.instance("short")
    with pytest.raises(ClientError, match="does not stop"):
        await world.do("stop_db_instance", DBInstanceIdentifier=PROD)
    with pytest.raises(ClientError, match="protected"):
        await world.do("delete_db_instance", DBInstanceIdentifier=PROD, SkipFinalSnapshot=True)

    async def gone() -> bool:
        return len(list(servers.iterdir())) == before - 1

    await until(gone)


async def test_after_swapped_identifiers_the_same_endpoint_leads_to_the_other_server(world: World) -> None:
    await world.sql(PROD, "CREATE TABLE who AS SELECT 'restored' AS name")
    await world.take("point")
    await world.sql(PROD, "UPDATE who SET name = 'original'")
    await world.do(
        "restore_db_instance_from_db_snapshot", DBInstanceIdentifier="new", DBSnapshotIdentifier="point", MultiAZ=True
    )
    assert (await world.available("new"))["MultiAZ"] is True
    endpoint = await world.aws.endpoint(PROD)
    dsn = world.postgres.dsn().replace(f":{world.postgres.port}/", f":{endpoint[1]}/")
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as session:
        answer = await world.do(
            "modify_db_instance", DBInstanceIdentifier=PROD, NewDBInstanceIdentifier="old", ApplyImmediately=True
        )
        assert answer["DBInstance"]["PendingModifiedValues"] == {"DBInstanceIdentifier": "old"}
        await world.available("old")
        with pytest.raises(psycopg.OperationalError):
            await session.execute("SELECT 1")
    with pytest.raises(ClientError, match="DBInstanceNotFound"):
        await world.instance(PROD)
    with pytest.raises(psycopg.OperationalError):
        await world.sql(PROD, "SELECT 1")
    await world.do(
        "modify_db_instance", DBInstanceIdentifier="new", NewDBInstanceIdentifier=PROD, ApplyImmediately=True
    )
    assert (await world.available(PROD))["Endpoint"]["Port"] == endpoint[1]
    assert await world.sql(PROD, "SELECT name FROM who") == [("restored",)]
    assert await world.sql("old", "SELECT name FROM who") == [("original",)]
    with pytest.raises(ClientError, match="DBInstanceAlreadyExists"):
        await world.do("modify_db_instance", DBInstanceIdentifier="old", NewDBInstanceIdentifier=PROD)
    keys = [call.key for call in calls.read(world.directory) if call.call == "ModifyDBInstance"]
    assert keys == [f"{PROD} -> old", f"new -> {PROD}"]
    events = (await world.do("describe_events", SourceIdentifier=PROD, SourceType="db-instance"))["Events"]
    assert "Renamed DB instance" in [event["Message"] for event in events]
