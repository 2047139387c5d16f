"""Airflow's API in both generations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from migration_cockpit.connections import AirflowError, Connections, Unreachable
from tests.connections.airflow_server import AirflowServer
from tests.connections.support import connected, make_settings


@pytest.fixture(params=[2, 3])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[AirflowServer]:
    made = AirflowServer(dags=250)
    await made.start(request.param)
    yield made
    await made.stop()


@pytest.fixture
async def connections(server: AirflowServer, tmp_path: Path) -> AsyncIterator[Connections]:
    async with connected(make_settings(tmp_path, airflow={"url": server.url + "/"})) as opened:
        yield opened


async def test_version_health_and_counts(server: AirflowServer, connections: Connections) -> None:
    airflow = connections.airflow
    assert await airflow.version() == ("2.11.2" if server.major == 2 else "3.2.2")
    health = {part.name: part for part in (await airflow.health()).components}
    assert [health[name].status for name in ("metadatabase", "scheduler", "triggerer")] == [
        "healthy",
        "unhealthy",
        None,
    ]
    assert await airflow.dag_count() == 250
    errors = await airflow.import_errors()
    assert (errors.total, errors.files) == (1, ("/dags/broken.py",))
    ui = await airflow.ui()
    assert ui.status == 200
    assert "Airflow" in ui.title


async def test_every_dag_is_paused_beyond_the_first_page(server: AirflowServer, connections: Connections) -> None:
    assert await connections.airflow.set_paused_all(True) == 250
    assert set(server.dags.values()) == {True}
    calls = [call for call in server.calls if call.startswith("PATCH")]
    assert len(calls) == (3 if server.major == 2 else 1)
    await connections.airflow.set_paused("dag_0007", False)
    assert [dag for dag, paused in server.dags.items() if not paused] == ["dag_0007"]
    with pytest.raises(AirflowError) as absent:
        await connections.airflow.set_paused("no_such_dag", False)
    assert absent.value.status == 404


async def test_a_run_is_started_once(server: AirflowServer, connections: Connections) -> None:
    airflow = connections.airflow
    assert await airflow.run_state("dag_0000", "cockpit-1") is None
    assert await airflow.trigger("dag_0000", "cockpit-1", {"k": 1}) == "queued"
    server.runs["dag_0000", "cockpit-1"] = "success"
    assert await airflow.trigger("dag_0000", "cockpit-1") == "success"
    assert await airflow.run_state("dag_0000", "cockpit-1") == "success"


async def test_a_wrong_password_is_refused_without_being_shown(server: AirflowServer, tmp_path: Path) -> None:
    table = {"url": server.url, "password": {"value": "wrong-wrong"}}
    async with connected(make_settings(tmp_path, airflow=table)) as connections:
        with pytest.raises(AirflowError) as refused:
            await connections.airflow.login()
    assert refused.value.status == 401
    assert "wrong-wrong" not in str(refused.value)


async def test_a_token_that_ran_out_is_fetched_anew(tmp_path: Path) -> None:
    server = AirflowServer()
    await server.start(3)
    async with connected(make_settings(tmp_path, airflow={"url": server.url})) as connections:
        airflow = connections.airflow
        assert airflow.expiry() is None
        await airflow.login()
        assert airflow.expiry() is not None
        assert server.tokens
        server.tokens = {"none of the cockpit's"}
        assert await airflow.dag_count() == 3
        assert server.calls.count("POST /auth/token") == 2
        token = next(token for token in server.tokens if token.count(".") == 2)
        assert token not in connections.redactor.clean(f"Bearer {token}")
    await server.stop()


async def test_the_generation_changes_under_the_cockpit(tmp_path: Path) -> None:
    server = AirflowServer()
    await server.start(2)
    async with connected(make_settings(tmp_path, airflow={"url": server.url})) as connections:
        airflow = connections.airflow
        assert await airflow.dag_count() == 3
        await server.stop()
        with pytest.raises(Unreachable, match="Airflow API"):
            await airflow.dag_count()
        await server.start(3)
        assert await airflow.dag_count() == 3
        assert await airflow.version() == "3.2.2"
        await server.stop()
        await server.start(2)
        assert await airflow.set_paused_all(True) == 3
    await server.stop()


async def test_3x_that_starts_is_not_taken_for_somebody_who_calls_the_old_api(tmp_path: Path) -> None:
    server = AirflowServer()
    await server.start(2)
    async with connected(make_settings(tmp_path, airflow={"url": server.url})) as connections:
        assert await connections.airflow.version() == "2.11.2"
        await server.stop()
        server.starting = True
        await server.start(3)
        for _ in range(2):
            with pytest.raises(AirflowError, match="503"):
                await connections.airflow.version()
        server.starting = False
        assert await connections.airflow.version() == "3.2.2"
    await server.stop()


async def test_a_login_page_in_the_place_of_an_answer_is_said_in_a_sentence(
    server: AirflowServer, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connections.airflow.version()
    real = connections.airflow._send

    async def send(method: str, path: str, **how: Any) -> httpx.Response:
        if "/dags" in path:
            return httpx.Response(200, text="<html><title>Sign in</title></html>")
        return await real(method, path, **how)

    monkeypatch.setattr(connections.airflow, "_send", send)
    with pytest.raises(AirflowError, match="not a JSON object: does"):
        await connections.airflow.dag_count()
