"""The embedded world for tests that fly in it: begun once, ended surely."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import yaml

from migration_cockpit.config import load
from migration_cockpit.rehearsal import calls, life
from migration_cockpit.session import journal
from tests.pace import PATIENCE

ROOT = Path(__file__).parents[2]


@contextmanager
def world(directory: Path, *arguments: str) -> Iterator[Path]:
    """A running world at `directory`; its config.toml is in it."""
    pid = life.begin(directory, arguments, lambda _: None)
    try:
        yield directory
    finally:
        life.end_process(pid)
        life.remove(directory)


def environment(world_directory: Path) -> dict[str, str]:
    """The environment in which a cockpit finds the world's AWS credentials."""
    return os.environ | {
        "AWS_SHARED_CREDENTIALS_FILE": str(world_directory / "aws-credentials"),
        "AWS_CONFIG_FILE": str(world_directory / "aws-config"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def fly_once(
    world_directory: Path,
    session: Path,
    point: Sequence[str] = (),
    *,
    back: Sequence[str] = (),
    timeout: float = 800.0,
) -> subprocess.CompletedProcess[str]:
    """One headless flight in its own process, killed at `point` (moment, kind, name) where one is given.

    `back` is a step and a way: it flies back once that step has ended.
    """
    points = world_directory / "points"
    points.write_text(json.dumps([list(point)] if point else []), encoding="utf-8")
    return subprocess.run(
        killable(world_directory, session, "--points", str(points), *(["--back", *back] if back else [])),
        cwd=ROOT,
        env=environment(world_directory),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def killable(world_directory: Path, session: Path, *options: str) -> list[str]:
    """The command of a headless flight that can be killed at given points."""
    program = [sys.executable, "-m", "tests.flight.killable"]
    return [*program, str(world_directory / "config.toml"), str(session), *options]


def rehearse(*arguments: str, timeout: float = 800.0) -> subprocess.CompletedProcess[str]:
    """`migration-cockpit rehearse --headless --autopilot` as a person would start it."""
    command = [sys.executable, "-m", "migration_cockpit", "rehearse", "--headless", "--autopilot", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def made(world_directory: Path) -> Counter[tuple[str, str, str]]:
    """How often each world-changing call arrived: by who got it, the call and its key."""
    return Counter((call.who, call.call, call.key) for call in calls.read(world_directory))


def query(world_directory: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows from the world's metadata database."""
    with psycopg.connect((world_directory / "secrets" / "dsn").read_text()) as connection:
        return connection.execute(sql).fetchall()


def as_owner(world_directory: Path, sql: str) -> None:
    """Change the metadata database as Airflow's own role, which is in the release's Secret."""
    secret = kube(world_directory, "GET", "secrets/airflow-metadata")
    with psycopg.connect(base64.b64decode(secret["data"]["connection"]).decode(), autocommit=True) as connection:
        connection.execute(sql.encode())


def kube(world_directory: Path, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call to the world's Kubernetes as its administrator, in Airflow's namespace; a PATCH is a merge patch."""
    config = yaml.safe_load((world_directory / "kubeconfig-admin").read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    headers = {"Authorization": f"Bearer {user['token']}", "Content-Type": kind}
    path = f"{urlsplit(cluster['server']).path}/api/v1/namespaces/airflow/{path}"
    line = http.client.HTTPSConnection(urlsplit(cluster["server"]).netloc, timeout=60, context=trust)
    try:
        line.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        answer = line.getresponse()
        found = json.load(answer)
        assert answer.status < 300, found
        return found
    finally:
        line.close()


def steps_of(session: Path) -> list[tuple[str, str]]:
    """Step starts and outcomes in their order, as the journal tells them."""
    events = [entry.event for entry in journal.read(session / journal.FILE)]
    return [
        (getattr(event, "step", ""), getattr(event, "outcome", "started"))
        for event in events
        if event.kind in {"step.started", "step.ended"}
    ]


def chain_is_whole(session: Path) -> bool:
    """Whether every line names the hash of the line before it."""
    before = journal.GENESIS
    for line in (session / journal.FILE).read_bytes().splitlines():
        if json.loads(line)["prev"] != before:
            return False
        before = journal.line_hash(line)
    return True


def pause_dag(world_directory: Path, dag_id: str) -> None:
    """Pause a DAG by Airflow's API, as somebody did who wants it paused."""
    config = load(world_directory / "config.toml")
    assert config.airflow is not None
    request = urllib.request.Request(  # noqa: S310 - the world's own address
        f"{config.airflow.url}/api/v1/dags/{dag_id}", data=b'{"is_paused": true}', method="PATCH"
    )
    login = f"{config.airflow.username}:{(world_directory / 'secrets' / 'airflow-password').read_text().strip()}"
    request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        assert answer.status == 200


def wait_until_gone(pid: int, seconds: float = PATIENCE) -> bool:
    """Whether a process ends within some seconds."""
    deadline = time.monotonic() + seconds
    while life.is_world(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not life.is_world(pid)
