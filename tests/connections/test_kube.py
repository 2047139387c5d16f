"""The Kubernetes connection against the embedded cluster."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.connections import Kube, KubeError
from migration_cockpit.rehearsal.cluster import Cluster
from tests.connections.support import NAMESPACE, TOKEN, cluster, eventually, make_settings, write_kubeconfig


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with cluster(tmp_path) as running:
        yield running


@pytest.fixture
async def kube(world: Cluster, tmp_path: Path) -> AsyncIterator[Kube]:
    connected = Kube(make_settings(tmp_path).kubernetes)
    yield connected
    await connected.close()


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"a": "b"}}, "data": data}


def pod(name: str, command: list[str], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": "tool:1", "command": command}], **spec},
    }


def phase(world: Cluster, name: str) -> str:
    return str((world.find("Pod", NAMESPACE, name) or {}).get("status", {}).get("phase", ""))


def image(world: Cluster) -> None:
    """The image `tool:1`, so that its containers can run the shell of this machine."""
    (world.directory / "images" / "tool-1" / "bin").mkdir(parents=True)


async def test_objects_are_made_read_changed_and_deleted(kube: Kube) -> None:
    made = await kube.create("configmaps", config_map("one", x="1"))
    assert made["metadata"]["namespace"] == NAMESPACE
    with pytest.raises(KubeError) as again:
        await kube.create("configmaps", config_map("one"))
    assert again.value.conflict
    await kube.patch("configmaps", "one", {"data": {"y": "2"}})
    await kube.patch("configmaps", "one", [{"op": "remove", "path": "/data/x"}], kind="json")
    found = await kube.get("configmaps", "one")
    assert found["data"] == {"y": "2"}
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}, "data": {"z": "3"}}
    await kube.patch("configmaps", "two", applied, kind="apply")
    assert [item["metadata"]["name"] for item in await kube.list("configmaps", label="a=b")] == ["one"]
    assert {item["metadata"]["name"] for item in await kube.list("configmaps", namespace="")} >= {"one", "two"}
    stale = {**made, "data": {}}
    with pytest.raises(KubeError) as late:
        await kube.replace("configmaps", "one", stale)
    assert late.value.conflict
    await kube.delete("configmaps", "one")
    assert await kube.find("configmaps", "one") is None
    with pytest.raises(KubeError) as gone:
        await kube.get("configmaps", "one")
    assert gone.value.missing
    assert 'configmaps "one" not found' in str(gone.value)


async def test_a_long_list_comes_in_pages_and_whole(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migration_cockpit.connections.kube_streams.PAGE", 3)
    for number in range(8):
        await kube.create("configmaps", config_map(f"c{number}"))
    assert len(await kube.list("configmaps", label="a=b")) == 8


async def test_a_secret_is_read_and_says_which_key_is_missing(kube: Kube) -> None:
    data = {"connection": base64.b64encode(b"postgresql://u:p@h/d").decode()}
    await kube.create("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "m"}, "data": data})
    assert await kube.secret("m", "connection") == "postgresql://u:p@h/d"
    with pytest.raises(KubeError, match="Secret m has no key other, only connection"):
        await kube.secret("m", "other")


async def test_a_custom_resource_that_is_not_installed_is_missing(kube: Kube) -> None:
    with pytest.raises(KubeError) as absent:
        await kube.list("scaledobjects")
    assert absent.value.missing


async def test_rbac_is_asked(kube: Kube, world: Cluster, tmp_path: Path) -> None:
    assert await kube.can("create", "pods", subresource="exec")
    world.add_user("nobody", "another-token")
    write_kubeconfig(world, tmp_path, "nobody", "another-token")
    other = Kube(make_settings(tmp_path).kubernetes)
    try:
        assert not await other.can("create", "pods", subresource="exec")
        with pytest.raises(KubeError) as denied:
            await other.list("secrets")
        assert denied.value.denied
    finally:
        await other.close()


async def test_a_watch_lists_follows_and_lists_again_when_it_expired(kube: Kube, world: Cluster) -> None:
    await kube.create("configmaps", config_map("one"))
    seen: list[tuple[str, Any]] = []

    async def follow() -> None:
        async with aclosing(kube.watch("configmaps", label="a=b")) as changes:
            async for change, found in changes:
                names = [item["metadata"]["name"] for item in found] if change == "SYNC" else found
                seen.append((change, names if change in ("SYNC", "ALIVE") else found["metadata"]["name"]))

    task = asyncio.create_task(follow())
    await eventually(lambda: ("SYNC", ["one"]) in seen)
    await kube.create("configmaps", config_map("two"))
    await kube.patch("configmaps", "two", {"data": {"k": "v"}})
    await kube.delete("configmaps", "one")
    await eventually(lambda: ("DELETED", "one") in seen)
    assert [item for item in seen if item[0] != "ALIVE"] == [
        ("SYNC", ["one"]),
        ("ADDED", "two"),
        ("MODIFIED", "two"),
        ("DELETED", "one"),
    ]
    world.expire_watches()
    await eventually(lambda: ("SYNC", ["two"]) in seen)
    await kube.create("configmaps", config_map("three"))
    await eventually(lambda: ("ADDED", "three") in seen)
    await world.pause_api()
    with pytest.raises(KubeError) as down:
        await asyncio.wait_for(task, 10)
    assert down.value.status == 0
    assert "refuses connections" in str(down.value)


async def test_a_log_is_followed_to_the_end_of_its_container(kube: Kube, world: Cluster) -> None:
    image(world)
    script = "for i in 1 2 3; do echo line $i; done; while [ ! -e $REHEARSAL_DIR/go ]; do sleep 0.05; done; echo last"
    await kube.create("pods", pod("talker", ["sh", "-c", script], restartPolicy="Never"))
    await eventually(lambda: phase(world, "talker") == "Running")
    lines: list[str] = []

    async def follow() -> None:
        async for line in kube.log("talker", container="main", follow=True):
            lines.append(line)  # noqa: PERF401  # the test looks at them while they come

    task = asyncio.create_task(follow())
    await eventually(lambda: len(lines) >= 3)
    (world.directory / "go").touch()
    await asyncio.wait_for(task, 10)
    assert [line.split(" ", 1)[1] for line in lines] == ["line 1", "line 2", "line 3", "last"]
    again = [line async for line in kube.log("talker", timestamps=False, tail=2)]
    assert again == ["line 3", "last"]
    since = lines[-1].split(" ")[0]
    assert any("last" in line for line in [line async for line in kube.log("talker", since_time=since)])


async def test_a_command_is_executed_with_input_and_exit_code(kube: Kube, world: Cluster) -> None:
    image(world)
    await kube.create("pods", pod("idle", ["sleep", "60"]))
    await eventually(lambda: phase(world, "idle") == "Running")
    done = await kube.exec("idle", ["sh", "-c", "cat; echo oops >&2; exit 7"], container="main", stdin="hello")
    assert (done.code, done.out, done.err) == (7, "hello", "oops\n")
    assert (await kube.exec("idle", ["true"], container="main")).code == 0
    with pytest.raises(KubeError, match="did not end within"):
        await kube.exec("idle", ["sleep", "30"], container="main", timeout=0.3)
    with pytest.raises(KubeError) as nowhere:
        await kube.exec("nobody", ["true"])
    assert nowhere.value.missing


async def test_scaling_goes_through_the_subresource(kube: Kube) -> None:
    template = {"metadata": {"labels": {"x": "y"}}, "spec": {"containers": [{"name": "main", "image": "none:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"x": "y"}}, "template": template}
    await kube.create(
        "deployments", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    )
    await kube.scale("deployments", "d", 0)
    assert (await kube.get("deployments", "d"))["spec"]["replicas"] == 0


async def test_an_api_that_is_down_says_so_and_comes_back(kube: Kube, world: Cluster) -> None:
    assert (await kube.version()).startswith("v1.")
    await world.pause_api()
    with pytest.raises(KubeError, match="refuses connections"):
        await kube.version()
    await world.resume_api()
    assert (await kube.version()).startswith("v1.")


async def test_a_context_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "contexts": []}))
    kube = Kube(make_settings(tmp_path).kubernetes)
    with pytest.raises(KubeError, match=r"context 'test' of .*kubeconfig"):
        await kube.version()
    await kube.close()


async def test_a_wrong_token_is_refused(world: Cluster, tmp_path: Path) -> None:
    write_kubeconfig(world, tmp_path, "cockpit", TOKEN + "x")
    kube = Kube(make_settings(tmp_path).kubernetes)
    with pytest.raises(KubeError) as refused:
        await kube.list("pods")
    assert refused.value.status == 401
    await kube.close()
