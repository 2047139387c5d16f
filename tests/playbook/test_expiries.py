"""Credentials against the end of the window: a kube token that ends in it, and Airflow's that are fetched anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from migration_cockpit.playbook.preflight import credentials, permissions
from tests.connections.airflow_server import PASSWORD, AirflowServer
from tests.connections.support import cluster, make_settings, write_kubeconfig
from tests.connections.tokens import jwt
from tests.playbook.test_rulers import named, placed


@pytest.mark.parametrize(("hours", "holds"), [(3, False), (9, True)])
async def test_a_kube_token_against_the_windows_end(tmp_path: Path, hours: int, holds: bool) -> None:
    now = datetime.now(UTC)
    ends = now + timedelta(hours=hours)
    token = jwt(sub="cockpit", exp=ends.timestamp())
    late = {"window_end": now + timedelta(hours=6)}
    async with cluster(tmp_path) as world:
        world.add_user("sre", token, ["system:masters"], expires_at=ends)
        write_kubeconfig(world, tmp_path, "sre", token)
        async with placed(tmp_path, make_settings(tmp_path, schedule=late)) as place:
            assert named(await permissions.look(place), "cluster").ok
            found = named(await credentials.expiries(place), "kube")
    assert found.ok is holds
    assert found.found.startswith(f"until {ends:%Y-%m-%d %H:%M} UTC")
    assert holds or "renew it" in found.mend


@pytest.mark.parametrize(
    ("major", "password", "said"),
    [
        (2, PASSWORD, "name and password"),
        (3, PASSWORD, "token until "),
        (3, "not-it", "unknown: the account is not let in"),
    ],
)
async def test_airflows_token_is_fetched_anew_and_holds_up_nothing(
    tmp_path: Path, major: int, password: str, said: str
) -> None:
    server = AirflowServer()
    await server.start(major)
    account = {"url": server.url, "username": "admin", "password": {"value": password}}
    try:
        async with placed(tmp_path, make_settings(tmp_path, airflow=account)) as place:
            found = named(await credentials.expiries(place), "airflow")
    finally:
        await server.stop()
    assert found.ok
    assert found.found.startswith(said)
