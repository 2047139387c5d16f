"""Logs, exec and port-forward through the official client."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream

from migration_cockpit.rehearsal.cluster.objects import parse_time

from .conftest import Harness, container, eventually, pod
from .test_kubelet import status


def _run(shared: Harness, ns: str, *containers: dict[str, Any], **spec: Any) -> None:
    shared.core.create_namespaced_pod(ns, pod("p", *containers, **spec))
    eventually(lambda: status(shared, ns, "p").get("phase") in ("Running", "Succeeded", "Failed"))


def _log(shared: Harness, ns: str, **query: Any) -> str:
    return str(shared.core.read_namespaced_pod_log("p", ns, **query))


def _refusal(call: Any) -> str:
    with pytest.raises(ApiException) as caught:
        call()
    return str(caught.value.body or caught.value.reason)


def test_a_log_by_tail_time_and_stamp(shared: Harness, ns: str) -> None:
    _run(
        shared,
        ns,
        container("for i in 1 2 3 4 5; do echo line $i; done; echo oops >&2; printf end"),
        restartPolicy="Never",
    )
    eventually(lambda: status(shared, ns, "p").get("phase") == "Succeeded")
    text = _log(shared, ns)
    assert sorted(text.splitlines()) == ["end", *(f"line {i}" for i in range(1, 6)), "oops"]
    assert len(_log(shared, ns, tail_lines=2).splitlines()) == 2
    assert _log(shared, ns, limit_bytes=4) == text[:4]
    stamped = _log(shared, ns, timestamps=True).splitlines()
    times = [parse_time(line.split(" ", 1)[0]) for line in stamped]
    assert times == sorted(times)
    raw = shared.core.api_client.rest_client.pool_manager.request(
        "GET",
        f"{shared.cluster.url}/api/v1/namespaces/{ns}/pods/p/log?sinceTime=2999-01-01T00:00:00Z",
        headers={"Authorization": "Bearer admin-token"},
    )
    assert (raw.status, raw.data) == (200, b"")


def test_a_followed_log_comes_live_and_ends_with_the_container(shared: Harness, ns: str, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    _run(shared, ns, container(f"echo one; until [ -e {gate} ]; do sleep 0.05; done; echo two"), restartPolicy="Never")
    answer = shared.core.read_namespaced_pod_log("p", ns, follow=True, _preload_content=False)
    lines: list[bytes] = []
    first = threading.Event()

    def read() -> None:
        for line in answer:
            lines.append(line)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(10)
    assert b"".join(lines) == b"one\n"
    gate.touch()
    reader.join(10)
    assert not reader.is_alive()
    assert b"".join(lines) == b"one\ntwo\n"


def test_a_long_line_stays_one_line(shared: Harness, ns: str) -> None:
    _run(shared, ns, container("head -c 50000 /dev/zero | tr '\\0' x; echo; echo next"), restartPolicy="Never")
    eventually(lambda: status(shared, ns, "p").get("phase") == "Succeeded")
    assert [len(line) for line in _log(shared, ns).splitlines()] == [50000, 4]


def test_which_log_is_meant_must_be_said(shared: Harness, ns: str, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    init = container(f"until [ -e {gate} ]; do sleep 0.05; done", name="wait")
    shared.core.create_namespaced_pod(
        ns, pod("p", container("exec sleep 600", "a"), container("exec sleep 600", "b"), initContainers=[init])
    )
    eventually(
        lambda: (status(shared, ns, "p").get("initContainerStatuses") or [{}])[0].get("state", {}).get("running")
    )
    assert (
        "a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [wait]"
        in (_refusal(lambda: _log(shared, ns)))
    )
    waiting = _refusal(lambda: _log(shared, ns, container="a"))
    assert 'container \\"a\\" in pod \\"p\\" is waiting to start: PodInitializing' in waiting
    assert "container c is not valid for pod p" in _refusal(lambda: _log(shared, ns, container="c"))
    missing = _refusal(lambda: _log(shared, ns, container="wait", previous=True))
    assert 'previous terminated container \\"wait\\" in pod \\"p\\" not found' in missing


def _exec(shared: Harness, ns: str, *command: str, **options: Any) -> Any:
    # The client's stream() swaps a method of its ApiClient while it connects: each exec gets one of its own.
    core = client.CoreV1Api(shared.client("admin", "admin-token"))
    options = {"stdin": False, "stdout": True, "stderr": True, "tty": False, "_preload_content": False, **options}
    return stream(core.connect_get_namespaced_pod_exec, "p", ns, command=list(command), **options)


def test_exec_gives_both_streams_and_the_exit_code(shared: Harness, ns: str) -> None:
    _run(shared, ns, container("exec sleep 600", env=[{"name": "WHO", "value": "me"}]))
    answer = _exec(shared, ns, "/bin/sh", "-c", "echo out $WHO; echo err >&2; exit 3")
    answer.run_forever(timeout=10)
    assert (answer.read_stdout(), answer.read_stderr(), answer.returncode) == ("out me\n", "err\n", 3)
    fine = _exec(shared, ns, "/bin/true")
    fine.run_forever(timeout=10)
    assert fine.returncode == 0


def test_exec_takes_input(shared: Harness, ns: str) -> None:
    _run(shared, ns)
    answer = _exec(shared, ns, "/bin/sh", "-c", "read line; echo got $line; exit 4", stdin=True)
    answer.write_stdin("hello\n")
    answer.run_forever(timeout=10)
    assert (answer.read_stdout(), answer.returncode) == ("got hello\n", 4)


def test_exec_into_what_does_not_run(shared: Harness, ns: str) -> None:
    _run(shared, ns, container("true"), restartPolicy="Never")
    eventually(lambda: status(shared, ns, "p").get("phase") == "Succeeded")
    with pytest.raises(ApiException) as caught:
        _exec(shared, ns, "/bin/true")
    assert "400" in str(caught.value)


def test_a_port_is_forwarded(shared: Harness, ns: str) -> None:
    server = (
        "import os,socketserver\n"
        "class H(socketserver.StreamRequestHandler):\n"
        "  def handle(self): self.wfile.write(b'echo '+self.rfile.readline())\n"
        "socketserver.TCPServer.allow_reuse_address=True\n"
        "socketserver.TCPServer(('127.0.0.1',int(os.environ['REHEARSAL_PORT_5432'])),H).serve_forever()"
    )
    probe = {"tcpSocket": {"port": 5432}, "periodSeconds": 1, "failureThreshold": 100}
    main = {
        "name": "main",
        "image": "busybox:1",
        "command": ["python3", "-c", server],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": probe,
    }
    _run(shared, ns, main)
    eventually(lambda: status(shared, ns, "p")["containerStatuses"][0]["ready"])
    core = client.CoreV1Api(shared.client("admin", "admin-token"))
    link = portforward(core.connect_get_namespaced_pod_portforward, "p", ns, ports="5432")
    connection = link.socket(5432)
    connection.settimeout(10)
    connection.sendall(b"hello\n")
    assert connection.recv(100) == b"echo hello\n"
    connection.close()
