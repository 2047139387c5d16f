"""Metrics through Grafana, storage from AWS, health from Airflow, credentials: data, outage, recovery."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.config import Settings
from migration_cockpit.rehearsal.aws import EmbeddedAws
from migration_cockpit.rehearsal.database import EmbeddedPostgres
from migration_cockpit.rehearsal.metrics import MetricsServer
from migration_cockpit.session.events import (
    CredentialsExpire,
    Event,
    HealthRead,
    MetricsRead,
    SourceBeat,
    SourceFailed,
    SourceRecovered,
    StorageRead,
)
from migration_cockpit.session.readings import Metric, StorageReading
from migration_cockpit.sources import all_sources
from migration_cockpit.sources.credentials import CredentialsSource
from migration_cockpit.sources.health import HealthSource
from migration_cockpit.sources.loop import Teller, poll
from migration_cockpit.sources.metrics import MetricsSource
from migration_cockpit.sources.storage import StorageSource
from tests.connections.airflow_server import AirflowServer
from tests.connections.support import connected, eventually, make_settings, running
from tests.connections.tokens import jwt


@pytest.fixture
async def metrics(tmp_path: Path) -> AsyncIterator[MetricsServer]:
    server = MetricsServer(tmp_path, scrape_seconds=0.1)
    await server.start()
    yield server
    await server.stop()


def grafana(server: MetricsServer, tmp_path: Path, token: str = "") -> Settings:
    table = {"url": server.grafana_url, "datasource_uid": server.uid, "token": {"value": token or server.token}}
    return make_settings(tmp_path, grafana=table)


def send(server: MetricsServer, *lines: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto("\n".join(lines).encode(), server.statsd_address)


async def test_metrics_come_through_grafana_and_missing_ones_are_not_zero(
    metrics: MetricsServer, tmp_path: Path
) -> None:
    async with connected(grafana(metrics, tmp_path)) as connections, running(MetricsSource(connections)) as heard:
        first = (await eventually(lambda: heard.of(MetricsRead)))[0].reading
        assert [metric.name for metric in first.metrics] == [
            "loop_duration",
            "queued_tasks",
            "open_slots",
            "parse_time",
        ]
        assert all(metric.value is None and metric.points == () for metric in first.metrics)
        send(metrics, "airflow.executor.queued_tasks:7|g", "airflow.scheduler.scheduler_loop_duration:123.456|ms")

        def measured() -> list[dict[str, Metric]]:
            readings = [{one.name: one for one in event.reading.metrics} for event in heard.of(MetricsRead)]
            return [one for one in readings if one["queued_tasks"].value == 7 and one["loop_duration"].value]

        last = (await eventually(measured))[0]
        assert last["loop_duration"].value == pytest.approx(0.1235)
        assert last["queued_tasks"].points[-1] == 7
        assert last["queued_tasks"].measured is not None
        assert last["parse_time"].value is None


async def test_grafana_goes_and_comes_back(metrics: MetricsServer, tmp_path: Path) -> None:
    async with connected(grafana(metrics, tmp_path)) as connections, running(MetricsSource(connections)) as heard:
        await eventually(lambda: heard.of(MetricsRead))
        metrics.pause_prometheus()
        await eventually(lambda: any("cannot reach Prometheus" in failure.why for failure in heard.of(SourceFailed)))
        await metrics.stop()
        await eventually(lambda: any("refuses connections" in failure.why for failure in heard.of(SourceFailed)))
        port = int(metrics.grafana_url.rpartition(":")[2])
        again = MetricsServer(tmp_path, port=port, token=metrics.token)
        await again.start()
        await eventually(lambda: heard.of(SourceRecovered))
        await again.stop()


async def test_a_token_that_grafana_refuses_is_named_and_not_shown(metrics: MetricsServer, tmp_path: Path) -> None:
    settings = grafana(metrics, tmp_path, token="glsa_wrong-token")
    async with connected(settings) as connections, running(MetricsSource(connections)) as heard:
        failure = (await eventually(lambda: heard.of(SourceFailed)))[0]
    assert "refuses the token (401)" in failure.why
    assert "wrong-token" not in failure.why


async def test_a_token_that_was_renewed_is_read_again(metrics: MetricsServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("glsa_ended", encoding="utf-8")
    table = {"url": metrics.grafana_url, "datasource_uid": metrics.uid, "token": {"file": str(file)}}
    settings = make_settings(tmp_path, grafana=table)
    async with connected(settings) as connections, running(MetricsSource(connections)) as heard:
        await eventually(lambda: heard.of(SourceFailed))
        file.write_text(metrics.token, encoding="utf-8")
        await eventually(lambda: heard.of(MetricsRead))


@pytest.fixture
async def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedAws]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    cloud = EmbeddedAws(tmp_path / "cloud", sample_seconds=0.5)
    (tmp_path / "cloud").mkdir()
    await cloud.start()
    yield cloud
    await cloud.stop()


def rds(cloud: EmbeddedAws, tmp_path: Path, instance: str = "airflow-test") -> Settings:
    return make_settings(
        tmp_path, rds={"instance": instance, "region": cloud.region, "endpoint_url": cloud.endpoint_url}
    )


async def test_storage_is_read_and_the_cloud_goes_and_comes_back(
    aws: EmbeddedAws, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    await aws.create_instance("airflow-test", postgres)
    settings = rds(aws, tmp_path)
    async with connected(settings) as connections, running(StorageSource(connections, "airflow-test")) as heard:

        def settled() -> list[StorageReading]:
            # A new instance is busy with its first automated backup for a while, and rates take two points.
            readings = [read.reading for read in heard.of(StorageRead)]
            return [one for one in readings if one.cpu_percent is not None and one.status == "available"]

        reading = (await eventually(settled))[0]
        assert reading.free_bytes is not None
        assert reading.free_bytes > 0
        assert reading.write_iops is not None
        assert reading.cpu_percent is not None
        assert reading.measured is not None
        assert abs((datetime.now(UTC) - reading.measured).total_seconds()) < 300
        await aws.pause()
        failure = (await eventually(lambda: heard.of(SourceFailed), seconds=30))[0]
        assert "AWS" in failure.why
        await aws.resume()
        await eventually(lambda: heard.of(SourceRecovered), seconds=30)


async def test_an_instance_that_does_not_exist_is_said_so(aws: EmbeddedAws, tmp_path: Path) -> None:
    async with (
        connected(rds(aws, tmp_path)) as connections,
        running(StorageSource(connections, "airflow-test")) as heard,
    ):
        failure = (await eventually(lambda: heard.of(SourceFailed), seconds=30))[0]
    assert "check rds.instance" in failure.why


async def test_the_end_of_a_session_of_aws_is_told(
    aws: EmbeddedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = datetime.fromtimestamp(int(time.time()) + 3600, UTC)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", ends.isoformat())
    async with connected(rds(aws, tmp_path)) as connections, running(CredentialsSource(connections)) as heard:
        told = (await eventually(lambda: heard.of(CredentialsExpire)))[0]
    assert (told.name, told.at) == ("aws", ends)


async def test_the_end_of_grafanas_token_is_told_where_it_has_one(tmp_path: Path) -> None:
    ends = datetime.fromtimestamp(int(time.time()) + 60, UTC)
    table = {"url": "http://127.0.0.1:9", "datasource_uid": "x", "token": {"value": jwt(exp=ends.timestamp())}}
    async with (
        connected(make_settings(tmp_path, grafana=table)) as connections,
        running(CredentialsSource(connections)) as heard,
    ):
        told = (await eventually(lambda: heard.of(CredentialsExpire)))[0]
    assert (told.name, told.at) == ("grafana", ends)


async def test_health_follows_airflow_from_one_generation_to_the_next(tmp_path: Path) -> None:
    server = AirflowServer()
    await server.start(2)
    settings = make_settings(tmp_path, airflow={"url": server.url})
    async with connected(settings) as connections, running(HealthSource(connections)) as heard:
        await eventually(lambda: [read for read in heard.of(HealthRead) if read.reading.version == "2.11.2"])
        await server.stop()
        await eventually(lambda: heard.of(SourceFailed))
        await server.start(3)
        await eventually(lambda: [read for read in heard.of(HealthRead) if read.reading.version == "3.2.2"])
        components = {one.name: one for one in heard.of(HealthRead)[-1].reading.components}
        assert components["metadatabase"].status == "healthy"
        assert components["scheduler"].heartbeat is not None
        assert components["triggerer"].status is None
        assert heard.of(SourceRecovered)
    await server.stop()


async def test_what_does_not_change_is_a_heartbeat() -> None:
    class Clock:
        t = 0.0

        def now(self) -> datetime:
            return datetime.fromtimestamp(self.t, UTC)

        def monotonic(self) -> float:
            return self.t

        def elapsed(self) -> float:
            return self.t

        async def sleep(self, seconds: float) -> None:
            self.t += seconds
            if self.t > 10:
                await asyncio.Event().wait()

    answers: list[Any] = ["a", "a", "a", "b", OSError("gone"), OSError("gone"), OSError("other"), "b", "b", "b", "b"]
    heard: list[Event] = []
    clock = Clock()

    def reading(**fields: Any) -> Event:
        return SourceBeat(source=f"read {fields['reading']}")

    async def read() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    teller = Teller("it", reading, heard.append, clock, heartbeat=2.0)
    task = asyncio.create_task(poll(teller, read, clock, every=1.0, why=str))
    await eventually(lambda: clock.t > 10)
    task.cancel()
    assert heard == [
        SourceBeat(source="read a"),
        SourceBeat(source="it"),
        SourceBeat(source="read b"),
        SourceFailed(source="it", why="gone"),
        SourceFailed(source="it", why="other"),
        SourceRecovered(source="it"),
        SourceBeat(source="it"),
        SourceBeat(source="it"),
    ]


async def test_the_sources_are_those_that_the_config_names(tmp_path: Path) -> None:
    async with connected(make_settings(tmp_path)) as connections:
        assert {source.name for source in all_sources(connections)} == {
            "pods", "tasks", "database", "health", "cost", "credentials",
        }  # fmt: skip
    tables = {"rds": {"instance": "x", "region": "y"}, "grafana": {"url": "http://h", "datasource_uid": "u"}}
    async with connected(make_settings(tmp_path, **tables)) as connections:
        assert {"storage", "metrics"} <= {source.name for source in all_sources(connections)}
