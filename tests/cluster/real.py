"""A real cluster on loopback: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok for a node.

kwok gives pods the status that a kubelet would, and answers as one: a command that is executed in a pod runs on this
machine, a forwarded port leads to one of loopback, and the log of a container named `main` is always the same three
lines. Nothing else runs in a pod.
"""

from __future__ import annotations

import base64
import json
import signal
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .processes import Running, free_ports
from .programs import locate, missing

Obj = dict[str, Any]
USERS = {
    "admin": ("token-of-the-admin", "system:masters"),
    "cockpit": ("token-of-the-cockpit", ""),
    "sre": ("token-of-the-sre", "oncall"),
}
"""Who may log in: the token and the group."""
LOG = (
    ("2026-05-16T09:00:00.000000001Z", "one"),
    ("2026-05-16T09:00:00.5Z", "two"),
    ("2026-05-16T09:00:01Z", "three"),
)
"""The log of every container that is named `main`: kwok's format of the container runtimes."""
_ISSUER = "https://kubernetes.default.svc"
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [{"level": "Metadata", "users": ["cockpit", "sre"]}, {"level": "None"}],
}
_VOLUMES = 30
_LEEWAY = 60
"""Seconds for which the server still takes a token that has expired: its JWT library allows for clocks that differ."""


class RealCluster:
    """The whole of it. `close` ends every program; so does the end of this process."""

    def __init__(self, directory: Path) -> None:
        """Starts everything and returns when the node is Ready. Raises AssertionError with a log's end."""
        assert not missing(), f"{', '.join(missing())}: run `python -m tests.cluster.build`"
        self.directory = directory
        self._etcd_port, peer, self.port, self._kubelet, self.forwarded = free_ports(5)
        self.url = f"https://127.0.0.1:{self.port}"
        self._running: dict[str, Running] = {}
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._write_files()
        try:
            self._start(
                "etcd",
                *("--data-dir", directory / "etcd", "--unsafe-no-fsync", "--log-level", "warn"),
                *("--listen-client-urls", self._etcd, "--advertise-client-urls", self._etcd),
                *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
            )
            self._start_api()
            self.ca = (directory / "certs" / "apiserver.crt").read_text(encoding="utf-8")
            for user in USERS:
                path = directory / f"kubeconfig-{user}"
                path.write_text(json.dumps(self.kubeconfig(USERS[user][0])), encoding="utf-8")
            self.api = httpx.Client(
                base_url=self.url,
                headers={"Authorization": f"Bearer {USERS['admin'][0]}"},
                verify=ssl.create_default_context(cadata=self.ca),
                timeout=30,
            )
            self._start_others()
        except BaseException:
            self.close()
            raise

    @property
    def _etcd(self) -> str:
        return f"http://127.0.0.1:{self._etcd_port}"

    def _start(self, name: str, *words: str | Path) -> Running:
        program = locate(name)
        assert program is not None
        self._running[name] = Running([program, *words], self.directory / f"{name}.log")
        return self._running[name]

    def _write_files(self) -> None:
        self._key_file.write_bytes(
            self._key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self._key_file.chmod(0o600)
        lines = [f'{token},{user},uid-{user},"{group}"' for user, (token, group) in USERS.items()]
        (self.directory / "tokens.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self.directory / "audit-policy.json").write_text(json.dumps(_AUDIT), encoding="utf-8")

    @property
    def audit_log(self) -> Path:
        """Who asked for what: a line of JSON for each answer that `cockpit` or `sre` got."""
        return self.directory / "audit.log"

    @property
    def _key_file(self) -> Path:
        return self.directory / "service-accounts.key"

    def _start_api(self) -> None:
        key = self._key_file
        running = self._start(
            "kube-apiserver",
            *("--etcd-servers", self._etcd, "--bind-address", "127.0.0.1", "--secure-port", str(self.port)),
            *("--advertise-address", "127.0.0.1", "--endpoint-reconciler-type", "none"),
            *("--cert-dir", self.directory / "certs", "--token-auth-file", self.directory / "tokens.csv"),
            *("--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.96.0.0/16"),
            *("--service-account-issuer", _ISSUER, "--service-account-key-file", key),
            *("--service-account-signing-key-file", key, "--shutdown-delay-duration", "0s"),
            *("--audit-policy-file", self.directory / "audit-policy.json", "--audit-log-path", self.audit_log),
        )
        running.until(self._answers)

    def _answers(self) -> bool:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the certificate is made by the very server that is waited for
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", verify=context, timeout=5).status_code == 200
        return False

    def _start_others(self) -> None:
        config = self.directory / "kubeconfig-admin"
        manager = self._start(
            "kube-controller-manager",
            *("--kubeconfig", config, "--leader-elect=false", "--secure-port", "0"),
            *("--service-account-private-key-file", self._key_file, "--concurrent-namespace-syncs", "2"),
        )
        self._start("kube-scheduler", "--kubeconfig", config, "--leader-elect=false", "--secure-port", "0")
        certificate = self.directory / "certs" / "apiserver.crt"
        kwok = self._start(
            "kwok",
            *("--kubeconfig", config, "--manage-all-nodes", "--node-lease-duration-seconds", "40"),
            *("--config", Path(__file__).parent / "stages.yaml", "--config", self._write_kubelet()),
            *("--server-address", f"127.0.0.1:{self._kubelet}", "--node-ip", "127.0.0.1"),
            *("--node-port", str(self._kubelet), "--tls-cert-file", certificate),
            *("--tls-private-key-file", certificate.with_suffix(".key")),
        )
        node = {"metadata": {"name": "node-1", "labels": {"kubernetes.io/hostname": "node-1"}}}
        self.api.post("/api/v1/nodes", json=node).raise_for_status()
        for number in range(_VOLUMES):
            self.api.post("/api/v1/persistentvolumes", json=_volume(f"volume-{number}")).raise_for_status()
        manager.until(lambda: self.api.get("/api/v1/namespaces/default/serviceaccounts/default").status_code == 200)
        kwok.until(self._node_ready)

    def _write_kubelet(self) -> Path:
        """What kwok answers in the place of a kubelet: where logs are, where commands run, where ports lead."""
        log = self.directory / "container.log"
        log.write_text("".join(f"{at} stdout F {text}\n" for at, text in LOG), encoding="utf-8")
        port = {"target": {"address": "127.0.0.1", "port": self.forwarded}}
        given = {
            "ClusterLogs": {"logs": [{"containers": ["main"], "logsFile": str(log), "previousLogsFile": str(log)}]},
            "ClusterExec": {"execs": [{"local": {"workDir": str(self.directory)}}]},
            "ClusterPortForward": {"forwards": [port]},
        }
        documents = [
            {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": kind, "metadata": {"name": "all"}, "spec": spec}
            for kind, spec in given.items()
        ]
        path = self.directory / "kubelet.yaml"
        path.write_text("\n---\n".join(json.dumps(each) for each in documents), encoding="utf-8")
        return path

    def _node_ready(self) -> bool:
        found = self.api.get("/api/v1/nodes/node-1").json()
        conditions = found.get("status", {}).get("conditions", [])
        tainted = any(taint["key"].startswith("node.kubernetes.io/") for taint in found["spec"].get("taints", []))
        return not tainted and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def kubeconfig(self, token: str) -> Obj:
        """A kubeconfig document for the owner of a token."""
        trust = base64.b64encode(self.ca.encode()).decode()
        cluster = {"server": self.url, "certificate-authority-data": trust}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user", "namespace": "airflow"}}],
            "current-context": "test",
            "preferences": {},
        }

    def brief_token(self, namespace: str, seconds: float) -> str:
        """A token of the namespace's ServiceAccount `default` that the server takes for so many seconds and no longer.

        The server gives none for less than ten minutes; this one is signed as the server signs its own.
        """
        account = self.api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default").json()
        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "aud": [_ISSUER],
            "iat": now - 600,
            "nbf": now - 600,
            "exp": int(now + seconds - _LEEWAY),
            "sub": f"system:serviceaccount:{namespace}:default",
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": "default", "uid": account["metadata"]["uid"]},
            },
        }
        parts = [_base64url(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
        signature = self._key.sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        return ".".join([*parts, _base64url(signature)])

    def stop_api(self) -> None:
        """Kill the API server: asked politely it waits for its watchers first. Everything else goes on."""
        self._running.pop("kube-apiserver").end(signal.SIGKILL)

    def start_api(self) -> None:
        """Start it again, on the same port and with the same certificate."""
        self._start_api()

    def forget_history(self) -> None:
        """Compact etcd and restart the API server: every resourceVersion before this moment is too old."""
        kv = f"{self._etcd}/v3/kv"
        newest = httpx.post(f"{kv}/range", json={"key": "AA=="}).json()["header"]["revision"]
        httpx.post(f"{kv}/compaction", json={"revision": newest, "physical": True}).raise_for_status()
        self.stop_api()
        self.start_api()

    def close(self) -> None:
        """End everything, the last started first."""
        for running in reversed(list(self._running.values())):
            running.end()
        self._running.clear()


def _volume(name: str) -> Obj:
    """Room for one claim of the chart's; nothing is ever written to it."""
    spec = {"capacity": {"storage": "100Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/nowhere"}}
    return {"metadata": {"name": name}, "spec": spec}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
