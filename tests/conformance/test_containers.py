"""Logs and exec. Behind the real API server kwok answers as a kubelet: a written log, and commands on this machine.

Nothing runs in kwok's pods, it does not pass on that input has ended and tells no exit code: a log across restarts, and
those two, only the embedded cluster answers.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime
from typing import Any

import pytest

from migration_cockpit.connections import KubeError
from tests.pace import PATIENCE

from .worlds import Obj, World, eventually


def _pod(world: World, name: str, script: str, **spec: Any) -> Obj:
    main = {"name": "main", "image": "busybox:1", "command": ["/bin/sh", "-c", script]}
    body = {"spec": {"terminationGracePeriodSeconds": 1, "containers": [main], **spec}}
    made = world.make("pods", name, body)
    eventually(lambda: world.ok("GET", world.path("pods", name))["status"]["phase"] != "Pending")
    return made


def test_a_pod_that_is_not_there_has_neither_log_nor_exec(world: World) -> None:
    assert world.refused("GET", world.path("pods", "p", "log")) == (404, "NotFound", 'pods "p" not found')
    query = {"command": "true", "stdout": "true"}
    assert world.refused("POST", world.path("pods", "p", "exec"), query=query) == (
        404,
        "NotFound",
        'pods "p" not found',
    )


def test_a_log_is_read_whole_and_from_its_end(world: World) -> None:
    _pod(world, "speaks", "echo one; echo two; echo three; sleep 60")

    async def read(**how: Any) -> list[str]:
        kube = world.kube()
        try:
            return [line async for line in kube.log("speaks", container="main", **how)]
        finally:
            await kube.close()

    eventually(lambda: asyncio.run(read(timestamps=False)) == ["one", "two", "three"])
    assert asyncio.run(read(timestamps=False, tail=1)) == ["three"]
    stamps = [datetime.fromisoformat(line.partition(" ")[0]) for line in asyncio.run(read())]
    assert stamps == sorted(stamps)
    last = asyncio.run(read(tail=1))[0].partition(" ")[0]
    assert asyncio.run(read(since_time=f"{last[:19]}Z", timestamps=False))[-1] == "three"


def test_a_command_gets_input_and_gives_output(world: World) -> None:
    _pod(world, "reads", "sleep 60")

    async def run() -> None:
        kube = world.kube()
        try:
            done = await kube.exec("reads", ["sh", "-c", "head -c 5; echo oops >&2"], container="main", stdin="hello")
            assert (done.code, done.out, done.err) == (0, "hello", "oops\n")
        finally:
            await kube.close()

    asyncio.run(run())


def test_a_log_is_followed_across_restarts_of_its_container(running: World) -> None:
    count = "n=$(cat $HOME/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > $HOME/n; echo run $n"
    wait = "while [ ! -e $HOME/go-$n ]; do sleep 0.02; done; [ $n -ge 3 ]"
    _pod(running, "again", f"HOME=$REHEARSAL_DIR; {count}; {wait}", restartPolicy="OnFailure")

    async def follow() -> list[str]:
        kube, lines = running.kube(), list[str]()
        try:
            async with asyncio.timeout(PATIENCE):
                while "run 3" not in lines:
                    async with aclosing(kube.log("again", follow=True, timestamps=False)) as stream:
                        async for line in stream:
                            if line not in lines:
                                lines.append(line)
                                await kube.exec("again", ["sh", "-c", f"touch $REHEARSAL_DIR/go-{len(lines)}"])
            previous = [line async for line in kube.log("again", previous=True, timestamps=False)]
        finally:
            await kube.close()
        return [*lines, *(f"previous {line}" for line in previous)]

    assert asyncio.run(follow()) == ["run 1", "run 2", "run 3", "previous run 2"]


def test_the_end_of_input_and_the_exit_code_arrive(running: World) -> None:
    _pod(running, "idle", "sleep 60")

    async def run() -> None:
        kube = running.kube()
        try:
            done = await kube.exec("idle", ["sh", "-c", "cat; echo oops >&2; exit 7"], container="main", stdin="hello")
            assert (done.code, done.out, done.err) == (7, "hello", "oops\n")
            with pytest.raises(KubeError) as nowhere:
                await kube.exec("nobody", ["true"])
            assert nowhere.value.missing
        finally:
            await kube.close()

    asyncio.run(run())
