"""Services: an address that stays, refuses without a Ready pod, and stands behind its name in a container."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from .conftest import Harness, container, eventually, pod, workload
from .test_kubelet import log, status

SERVER = (
    "import http.server,os,json\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "  def do_GET(self):\n"
    "    ok = self.path != '/health' or os.path.exists(os.environ['GATE'])\n"
    "    self.send_response(200 if ok else 503); self.end_headers()\n"
    "    self.wfile.write(os.environ['POD_NAME'].encode())\n"
    "  def log_message(self, *a): pass\n"
    "http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()"
)


def _web(gate: Any, path: str = "/health") -> dict[str, Any]:
    return {
        "name": "main",
        "image": "busybox:1",
        "command": ["python3", "-c", SERVER],
        "env": [{"name": "GATE", "value": str(gate)}],
        "ports": [{"containerPort": 8080, "name": "ui"}],
        "readinessProbe": {"httpGet": {"path": path, "port": "ui"}, "periodSeconds": 1, "failureThreshold": 1},
    }


def _service(name: str, target: Any = "ui") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "ui", "port": 8080, "targetPort": target}]},
    }


def _get(address: tuple[str, int]) -> str:
    """The body, or `refused`."""
    try:
        with urllib.request.urlopen(f"http://{address[0]}:{address[1]}/", timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, ConnectionError) as error:
        return "refused" if "refused" in str(error).lower() else f"broken: {error}"


def test_a_service_answers_only_while_a_pod_is_ready(shared: Harness, ns: str, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    address = shared.call(lambda: shared.cluster.service_address(ns, "web", 8080))
    assert _get(address) == "refused"
    shared.core.create_namespaced_service(ns, _service("web"))
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web", _web(gate)))
    eventually(lambda: any(e["reason"] == "Unhealthy" and "503" in e["message"] for e in shared.list("Event", ns)))
    assert _get(address) == "refused"
    endpoints = shared.find("Endpoints", ns, "web") or {}
    assert "addresses" not in endpoints["subsets"][0]
    gate.touch()
    name = eventually(lambda: next((n for n in [_get(address)] if n.startswith("web-")), ""))
    assert (shared.find("Endpoints", ns, "web") or {})["subsets"][0]["addresses"][0]["targetRef"]["name"] == name
    gate.unlink()
    eventually(lambda: _get(address) == "refused")
    gate.touch()
    eventually(lambda: _get(address) == name)
    shared.core.delete_namespaced_service("web", ns)
    eventually(lambda: _get(address) == "refused")
    eventually(lambda: shared.find("Endpoints", ns, "web") is None)
    shared.core.create_namespaced_service(ns, _service("web", 8080))
    eventually(lambda: _get(address) == name)
    assert shared.call(lambda: shared.cluster.service_address(ns, "web", 8080)) == address


def test_requests_go_round_the_ready_pods(shared: Harness, ns: str, tmp_path: Any) -> None:
    (tmp_path / "gate").touch()
    shared.core.create_namespaced_service(ns, _service("web"))
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "web", _web(tmp_path / "gate"), replicas=2))
    address = shared.call(lambda: shared.cluster.service_address(ns, "web", 8080))
    eventually(lambda: len({_get(address) for _ in range(4)} - {"refused"}) == 2)


def test_names_of_services_lead_to_their_loopback_address(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_service(ns, _service("web"))
    host, port = shared.call(lambda: shared.cluster.service_address(ns, "web", 8080))
    shared.cluster.dns["statsd-udp:9125"] = "127.0.0.1:4444"
    env = [
        {"name": "URL", "value": "http://web:8080/execution/"},
        {"name": "LONG", "value": f"redis://user@web.{ns}.svc.cluster.local:8080/0"},
        {"name": "OTHER", "value": "http://elsewhere:8080/"},
        {"name": "NOT_A_PORT", "value": "http://web:80801/"},
        {"name": "STATSD_HOST", "value": "statsd-udp"},
        {"name": "STATSD_PORT", "value": "9125"},
    ]
    line = 'echo "$URL $LONG $OTHER $NOT_A_PORT $STATSD_HOST:$STATSD_PORT" web:8080'
    shared.core.create_namespaced_pod(ns, pod("p", container(line, env=env), restartPolicy="Never"))
    eventually(lambda: status(shared, ns, "p").get("phase") == "Succeeded")
    real = f"{host}:{port}"
    assert log(shared, ns, "p").split() == [
        f"http://{real}/execution/",
        f"redis://user@{real}/0",
        "http://elsewhere:8080/",
        "http://web:80801/",
        "127.0.0.1:4444",
        real,
    ]
