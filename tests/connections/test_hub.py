"""Secrets, Slack, helm, releases, AWS: each against something that answers as the real one does."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.config import SecretRef
from migration_cockpit.connections import KubeError, NotSupported, Unreachable, require_postgres_rds
from migration_cockpit.connections.releases import decode, documents, merged
from migration_cockpit.rehearsal.slack import SlackSink
from migration_cockpit.session.redact import MASK
from tests.connections.support import NAMESPACE, cluster, connected, eventually, make_settings


async def test_secrets_are_found_and_known_to_the_redactor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "from-the-env")
    (tmp_path / "token").write_text("from-the-file\n", encoding="utf-8")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    async with connected(make_settings(tmp_path)) as connections:
        assert await connections.secret(SecretRef(env="THE_TOKEN")) == "from-the-env"
        assert await connections.secret(SecretRef(file=str(tmp_path / "token"))) == "from-the-file"
        assert connections.redactor.clean("a from-the-file b") == f"a {MASK} b"
        for ref, why in (
            (SecretRef(env="NO_SUCH_VARIABLE"), "environment variable NO_SUCH_VARIABLE: is not set"),
            (SecretRef(file=str(tmp_path / "none")), "No such file"),
            (SecretRef(file=str(tmp_path / "empty")), "is empty"),
        ):
            with pytest.raises(Unreachable, match=why):
                await connections.secret(ref)


async def test_a_secret_that_is_not_in_the_cluster_is_named(tmp_path: Path) -> None:
    async with cluster(tmp_path), connected(make_settings(tmp_path)) as connections:
        with pytest.raises(Unreachable, match=r'Secret nothing/key: secrets "nothing" not found'):
            await connections.secret(SecretRef(secret="nothing/key"))


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SlackSink]:
    sink = SlackSink(tmp_path)
    await sink.start()
    yield sink
    await sink.stop()


async def test_a_message_reaches_slack_or_says_why_not(slack: SlackSink, tmp_path: Path) -> None:
    async with connected(make_settings(tmp_path, slack={"webhook": {"value": slack.url}})) as connections:
        await connections.slack_post("the migration begins")
        assert "the migration begins" in (tmp_path / "slack.jsonl").read_text(encoding="utf-8")
    wrong = slack.url.rsplit("/", 3)[0] + "/T0/B0/wrong-wrong"
    async with connected(make_settings(tmp_path, slack={"webhook": {"value": wrong}})) as connections:
        with pytest.raises(Unreachable) as refused:
            await connections.slack_post("x")
        assert "Slack: answered" in str(refused.value)
        assert "wrong-wrong" not in str(refused.value)
    await slack.stop()
    async with connected(make_settings(tmp_path, slack={"webhook": {"value": slack.url}})) as connections:
        with pytest.raises(Unreachable, match="Slack"):
            await connections.slack_post("x")


def program(tmp_path: Path, text: str) -> dict[str, Any]:
    """A helm of a few lines."""
    path = tmp_path / "helm"
    path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return {"binary": str(path)}


async def test_helm_gets_context_and_namespace_and_its_lines_come_as_they_are(tmp_path: Path) -> None:
    text = "import sys\nprint('out', *sys.argv[1:])\nprint('err', file=sys.stderr)\nsys.exit(3)\n"
    seen: list[tuple[str, str]] = []
    async with connected(make_settings(tmp_path, helm=program(tmp_path, text))) as connections:
        done = await connections.helm("status", "airflow", on_line=lambda stream, line: seen.append((stream, line)))
    where = f"--kubeconfig {tmp_path / 'kubeconfig'} --kube-context test --namespace airflow"
    assert (done.code, done.out, done.err) == (3, f"out status airflow {where}", "err")
    assert sorted(seen) == [("err", "err"), ("out", done.out)]


@pytest.fixture(params=["in the foreground", "in the background"])
def started(request: pytest.FixtureRequest) -> Iterator[None]:
    """How the cockpit was started: a shell lets what it starts in the background ignore SIGINT."""
    before = signal.getsignal(signal.SIGINT)
    if request.param == "in the background":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("started")
async def test_a_helm_that_is_cancelled_is_interrupted_and_may_tidy_up(tmp_path: Path) -> None:
    text = (
        "import pathlib, signal, time\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "try:\n"
        "    (here / 'begun').touch()\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    (here / 'tidied').touch()\n"
    )
    async with connected(make_settings(tmp_path, helm=program(tmp_path, text))) as connections:
        task = asyncio.create_task(connections.helm("upgrade"))
        await eventually((tmp_path / "begun").exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (tmp_path / "tidied").exists()
        with pytest.raises(TimeoutError):
            await connections.helm("upgrade", timeout=0.5)


async def test_a_helm_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    async with connected(make_settings(tmp_path, helm={"binary": "./no-helm"})) as connections:
        with pytest.raises(Unreachable, match=r"cannot be started: No such file.*check helm\.binary"):
            await connections.helm("version")


def release_secret(revision: int, status: str, **body: Any) -> dict[str, Any]:
    record = {
        "name": "airflow",
        "version": revision,
        "info": {
            "status": status,
            "last_deployed": "2026-05-16T09:00:00.123456789Z",
            "description": "Upgrade complete",
        },
        "chart": {
            "metadata": {"name": "airflow", "version": "1.22.0", "appVersion": "3.2.2"},
            "values": {"a": {"b": 1, "c": 2}},
        },
        "config": {"a": {"b": 5}},
        "manifest": "---\n# Source: x\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n---\n",
        "hooks": [{"name": "migrate", "kind": "Job", "events": ["post-upgrade"], "manifest": "kind: Job\n"}],
        **body,
    }
    inner = base64.b64encode(gzip.compress(json.dumps(record).encode()))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": f"sh.helm.release.v1.airflow.v{revision}",
            "labels": {"owner": "helm", "name": "airflow", "status": status, "version": str(revision)},
        },
        "data": {"release": base64.b64encode(inner).decode()},
    }


async def test_releases_are_read_from_their_secrets(tmp_path: Path) -> None:
    async with cluster(tmp_path) as world, connected(make_settings(tmp_path)) as connections:
        releases = connections.releases
        assert await releases.history() == []
        assert await releases.current() is None
        for revision, status in ((10, "failed"), (9, "deployed"), (2, "superseded")):
            world.create(release_secret(revision, status), NAMESPACE)
        world.create(release_secret(3, "deployed") | {"type": "Opaque"} | {"metadata": {"name": "other"}}, NAMESPACE)
        assert [release.revision for release in await releases.history()] == [2, 9, 10]
        current, newest = await releases.current(), await releases.newest()
        assert current is not None
        assert newest is not None
        assert (current.revision, newest.revision, newest.status) == (9, 10, "failed")
        assert (current.chart, current.chart_version, current.app_version) == ("airflow", "1.22.0", "3.2.2")
        assert current.deployed is not None
        assert current.deployed.isoformat() == "2026-05-16T09:00:00.123456+00:00"
        assert await releases.values(9) == {"a": {"b": 5}}
        assert current.computed() == {"a": {"b": 5, "c": 2}}
        assert [item["metadata"]["name"] for item in await releases.manifest(9)] == ["one"]
        assert [hook.events for hook in await releases.hooks(9)] == [("post-upgrade",)]
        assert not current.pending
        with pytest.raises(KubeError, match="no revision 77"):
            await releases.revision(77)


def test_a_damaged_release_is_said_to_be_one() -> None:
    secret = release_secret(1, "deployed")
    secret["data"]["release"] = base64.b64encode(base64.b64encode(b"\x1f\x8bnot gzip")).decode()
    with pytest.raises(KubeError, match="holds no readable Helm release"):
        decode(secret)


def test_values_merge_as_helm_merges_them() -> None:
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": {"d": 1}}
    assert merged(below, {"a": {"y": [3]}, "b": None, "c": 5, "e": {"f": 1}}) == {
        "a": {"x": 1, "y": [3]}, "c": 5, "e": {"f": 1},
    }  # fmt: skip
    assert below == {"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": {"d": 1}}


def test_a_manifest_that_is_not_yaml_is_said_to_be_none() -> None:
    with pytest.raises(KubeError, match="not YAML"):
        documents("a: [1, 2")


@pytest.mark.parametrize(("engine", "word"), [("aurora-postgresql", "Aurora"), ("mysql", "PostgreSQL only")])
def test_what_is_not_rds_for_postgresql_is_refused_in_one_sentence(engine: str, word: str) -> None:
    with pytest.raises(NotSupported, match=word):
        require_postgres_rds({"DBInstanceIdentifier": "x", "Engine": engine})
    require_postgres_rds({"DBInstanceIdentifier": "x", "Engine": "postgres"})


async def test_what_the_config_does_not_name_is_said_so(tmp_path: Path) -> None:
    async with connected(make_settings(tmp_path)) as connections:
        for call, table in (
            (connections.rds_instance(), "rds"),
            (connections.prometheus(), "grafana"),
            (connections.slack_post("x"), "slack"),
        ):
            with pytest.raises(Unreachable, match=rf"add the table \[{table}\]"):
                await call


def test_importing_the_connections_and_sources_imports_nothing_heavy() -> None:
    code = (
        "import sys, migration_cockpit.connections, migration_cockpit.sources, migration_cockpit.sources.probe\n"
        "heavy = {'kubernetes', 'boto3', 'botocore', 'psycopg', 'httpx', 'requests', 'yaml', 'prometheus_api_client'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_call_that_hangs_does_not_keep_the_process_from_ending() -> None:
    code = (
        "import asyncio, time\n"
        "from migration_cockpit.connections.threads import in_thread\n"
        "async def main():\n"
        "    task = asyncio.create_task(in_thread(time.sleep, 60))\n"
        "    await asyncio.sleep(0.1)\n"
        "asyncio.run(main())\n"
    )
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert process.wait(timeout=50) == 0
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
    assert time.monotonic() - begun < 50, "the call sleeps for 60"
