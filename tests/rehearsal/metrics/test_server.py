"""Airflow's statsd packets come out of Grafana's datasource proxy, as the official Prometheus client reads them."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from urllib3 import Retry

from migration_cockpit.rehearsal.database import free_port
from migration_cockpit.rehearsal.metrics import MetricsServer
from tests.pace import PATIENCE

LOOP = "airflow_scheduler_scheduler_loop_duration"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MetricsServer]:
    metrics = MetricsServer(tmp_path, scrape_seconds=0.05)
    await metrics.start()
    yield metrics
    await metrics.stop()


def send(server: MetricsServer, *lines: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto("\n".join(lines).encode(), server.statsd_address)


def client(server: MetricsServer, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token or server.token}"}
    return PrometheusConnect(url=server.prometheus_url, headers=headers, retry=Retry(total=0), timeout=5)


async def query(server: MetricsServer, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await asyncio.to_thread(client(server).custom_query, text)
    return found


async def until(server: MetricsServer, text: str) -> list[dict[str, Any]]:
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENCE
    while not (found := await query(server, text)):
        assert time.monotonic() < deadline, f"no answer to {text}"
        await asyncio.sleep(0.05)
    return found


async def scraped(server: MetricsServer, times: int) -> None:
    """Wait for further scrapes."""
    wanted, deadline = len(server.store.scrapes) + times, time.monotonic() + PATIENCE
    while len(server.store.scrapes) < wanted:
        assert time.monotonic() < deadline, "nothing is scraped"
        await asyncio.sleep(0.01)


async def test_what_airflow_sends_is_what_a_query_gives(server: MetricsServer) -> None:
    send(
        server,
        "airflow.scheduler.scheduler_loop_duration:160|ms",
        "airflow.scheduler.scheduler_loop_duration:60|ms",
        "airflow.executor.queued_tasks:7|g",
        "airflow.dag_processing.total_parse_time:9.14|g",
        "airflow.scheduler_heartbeat:1|c",
        "airflow.pool.open_slots.default_pool:119|g",
    )
    count = await until(server, f"{LOOP}_count")
    assert count[0]["value"][1] == "2"
    assert count[0]["metric"]["job"] == "kubernetes-service-endpoints"
    assert (await query(server, f"{LOOP}_sum"))[0]["value"][1] == "0.22"
    assert (await query(server, f'{LOOP}{{quantile="0.5"}}'))[0]["value"][1] == "0.06"
    assert (await query(server, f'{LOOP}{{quantile="0.99"}}'))[0]["value"][1] == "0.16"
    assert (await query(server, "airflow_executor_queued_tasks"))[0]["value"][1] == "7"
    assert (await query(server, "airflow_dag_processing_total_parse_time"))[0]["value"][1] == "9.14"
    assert (await query(server, 'airflow_scheduler_heartbeat{type="counter"}'))[0]["value"][1] == "1"
    assert (await query(server, 'airflow_pool_open_slots{pool="default_pool"}'))[0]["value"][1] == "119"
    assert await query(server, "airflow_nothing_sent_this") == []


async def test_a_range_follows_a_gauge_as_it_moves(server: MetricsServer) -> None:
    begin = datetime.now(UTC) - timedelta(seconds=2)  # the client rounds to whole seconds
    send(server, "airflow.executor.open_slots:32|g")
    await until(server, "airflow_executor_open_slots == 32")
    send(server, "airflow.executor.open_slots:5|g")
    await until(server, "airflow_executor_open_slots == 5")
    rows = await asyncio.to_thread(
        client(server).custom_query_range, "airflow_executor_open_slots", begin, begin + timedelta(seconds=30), "0.05"
    )
    seen = [value for _, value in rows[0]["values"]]
    assert seen[0] == "32"
    assert seen[-1] == "5"
    assert set(seen) == {"32", "5"}


async def test_rates_need_two_scrapes(server: MetricsServer) -> None:
    send(server, "airflow.ti_failures:0|c")
    await until(server, "airflow_ti_failures")
    send(server, "airflow.ti_failures:3|c")
    found = await until(server, "sum by (job) (increase(airflow_ti_failures[1m])) > 0")
    assert found[0]["metric"] == {"job": "kubernetes-service-endpoints"}
    assert await query(server, "increase(airflow_ti_failures[1m] offset 1h)") == []


async def test_grafana_refuses_a_wrong_token(server: MetricsServer) -> None:
    with pytest.raises(PrometheusApiClientException, match="401"):
        await asyncio.to_thread(client(server, "wrong").custom_query, "up")
    async with httpx.AsyncClient() as web:
        answer = await web.get(server.prometheus_url + "/api/v1/query?query=up")
        assert answer.status_code == 401
        assert answer.json()["messageId"] == "auth.unauthorized"
        assert (await web.get(server.grafana_url + "/api/health")).json()["database"] == "ok"


async def test_a_query_that_is_not_understood_is_a_bad_request(server: MetricsServer) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with httpx.AsyncClient(headers=headers) as web:
        answer = await web.post(server.prometheus_url + "/api/v1/query", data={"query": "histogram_quantile(0.9, x)"})
        assert answer.status_code == 400
        assert answer.json()["errorType"] == "bad_data"
        assert 'unknown function with name "histogram_quantile"' in answer.json()["error"]
        unknown = await web.get(server.grafana_url + "/api/datasources/proxy/uid/other/api/v1/query?query=up")
        assert unknown.status_code == 404
        assert (await web.get(server.grafana_url + "/api/datasources/uid/prometheus")).json()["type"] == "prometheus"


async def test_prometheus_down_behind_grafana_up(server: MetricsServer) -> None:
    server.pause_prometheus()
    with pytest.raises(PrometheusApiClientException, match="502"):
        await asyncio.to_thread(client(server).custom_query, "up")
    server.resume_prometheus()
    assert (await until(server, "up"))[0]["value"][1] == "1"


async def test_grafana_goes_away_and_comes_back_on_the_same_port(server: MetricsServer) -> None:
    url = server.grafana_url
    await server.pause()
    async with httpx.AsyncClient() as web:
        with pytest.raises(httpx.ConnectError):
            await web.get(url + "/api/health")
    await server.resume()
    assert server.grafana_url == url
    assert await until(server, "up")


async def test_annotations_are_kept(server: MetricsServer) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with httpx.AsyncClient(headers=headers, base_url=server.grafana_url) as web:
        made = await web.post("/api/annotations", json={"text": "step 5", "tags": ["migration"], "time": 1000})
        assert made.json() == {"message": "Annotation added", "id": 1}
        assert (await web.post("/api/annotations", json={"tags": []})).status_code == 400
        found = (await web.get("/api/annotations", params={"tags": "migration"})).json()
        assert [entry["text"] for entry in found] == ["step 5"]
        assert (await web.get("/api/annotations", params={"tags": "other"})).json() == []


async def test_series_and_labels_are_listed(server: MetricsServer) -> None:
    send(server, "airflow.pool.open_slots.default_pool:1|g", "airflow.pool.open_slots.small:2|g")
    await until(server, "airflow_pool_open_slots")
    assert await asyncio.to_thread(client(server).get_label_values, "pool") == ["default_pool", "small"]
    names = await asyncio.to_thread(client(server).all_metrics)
    assert "airflow_pool_open_slots" in names
    headers = {"Authorization": f"Bearer {server.token}"}
    async with httpx.AsyncClient(headers=headers) as web:
        answer = await web.get(server.prometheus_url + "/api/v1/series", params={"match[]": '{pool=~"sm.*"}'})
        assert [series["pool"] for series in answer.json()["data"]] == ["small"]
        assert "Healthy" in (await web.get(server.prometheus_url + "/-/healthy")).text


async def test_history_repeats_what_was_measured(server: MetricsServer) -> None:
    for milliseconds in (100, 120, 140, 100, 120, 140):
        send(server, f"airflow.scheduler.scheduler_loop_duration:{milliseconds}|ms", "airflow.dagbag_size:30|g")
        await scraped(server, 2)
    assert server.extend_history(1500) > 0
    mean = f"rate({LOOP}_sum[5m] offset 15m) / rate({LOOP}_count[5m] offset 15m)"
    assert 0.1 <= float((await query(server, mean))[0]["value"][1]) <= 0.14
    assert (await query(server, "airflow_dagbag_size offset 20m"))[0]["value"][1] == "30"
    assert (await query(server, "rehearsal_history offset 20m"))[0]["value"][1] == "1"
    assert await query(server, "airflow_dagbag_size offset 40m") == []


async def test_points_can_be_put_before_the_first_scrape(server: MetricsServer) -> None:
    await until(server, "up")
    now = time.time()
    server.backfill("airflow_dagbag_size", {}, [(now - 600, 30.0), (now - 590, 31.0)])
    assert (await query(server, "max_over_time(airflow_dagbag_size[15m])"))[0]["value"][1] == "31"


async def test_a_statsd_pod_begins_with_nothing_and_without_it_nothing_is_taken(
    server: MetricsServer, tmp_path: Path
) -> None:
    send(server, "airflow.dagbag_size:30|g")
    await until(server, "airflow_dagbag_size")
    port = free_port()
    environment = os.environ | {"REHEARSAL_DIR": str(tmp_path), "REHEARSAL_PORT_9102": str(port)}
    pod = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "migration_cockpit.rehearsal.statsd_pod", env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        await until(server, "absent(airflow_dagbag_size)")
        send(server, "airflow.dagbag_size:31|g")
        await until(server, "airflow_dagbag_size == 31")
        async with httpx.AsyncClient() as web:
            body = (await web.get(f"http://127.0.0.1:{port}/metrics")).text
        assert "# TYPE airflow_dagbag_size gauge\nairflow_dagbag_size 31\n" in body
    finally:
        pod.terminate()
        await pod.wait()
    await until(server, "up == 0")
    send(server, "airflow.dagbag_size:32|g")
    assert await query(server, "airflow_dagbag_size") == []
