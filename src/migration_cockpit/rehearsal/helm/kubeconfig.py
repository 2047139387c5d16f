"""Which cluster, with which credentials: the parts of a kubeconfig that a plain HTTP client needs."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.template import yamlish
from migration_cockpit.rehearsal.helm.template.nodes import Value

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True)
class Access:
    """Where the API server is and what to send it; `tls` is None for plain http."""

    server: str
    namespace: str
    headers: dict[str, str]
    tls: ssl.SSLContext | None = None


def load(path: str, context: str, namespace: str) -> Access:
    """Read the kubeconfig (empty `path`: $KUBECONFIG, then ~/.kube/config) and resolve a context.

    Raises:
        HelmError: no file, no such context, or credentials of a kind this helm cannot use.
    """
    file = Path(path or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube" / "config")
    try:
        config = yamlish.load(file.read_text(encoding="utf-8")) or {}
    except (OSError, yamlish.YamlError) as error:
        raise HelmError(f"Kubernetes cluster unreachable: {error}") from error
    name = context or config.get("current-context") or ""
    chosen = _named(config, "contexts", name)
    if chosen is None:
        raise HelmError(f'Kubernetes cluster unreachable: context "{name}" does not exist')
    spec = chosen.get("context") or {}
    cluster = (_named(config, "clusters", spec.get("cluster", "")) or {}).get("cluster")
    if cluster is None:
        raise HelmError(f'Kubernetes cluster unreachable: cluster "{spec.get("cluster", "")}" does not exist')
    user = (_named(config, "users", spec.get("user", "")) or {}).get("user") or {}
    server = str(cluster["server"]).rstrip("/")
    return Access(
        server=server,
        namespace=namespace or os.environ.get("HELM_NAMESPACE", "") or spec.get("namespace") or "default",
        headers=_headers(user, file.parent),
        tls=_tls(cluster, user, file.parent) if server.startswith("https:") else None,
    )


def _named(config: dict[str, Value], kind: str, name: str) -> dict[str, Value] | None:
    return next((item for item in config.get(kind) or [] if item.get("name") == name), None)


def _headers(user: dict[str, Value], base: Path) -> dict[str, str]:
    token = user.get("token")
    if user.get("tokenFile"):
        token = (base / user["tokenFile"]).read_text(encoding="utf-8").strip()
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    if user.get("exec") or user.get("auth-provider"):
        raise HelmError("Kubernetes cluster unreachable: this helm cannot run credential plugins; use a token")
    return {}


def _tls(cluster: dict[str, Value], user: dict[str, Value], base: Path) -> ssl.SSLContext:
    import ssl
    import tempfile

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if data := cluster.get("certificate-authority-data"):
        context.load_verify_locations(cadata=base64.b64decode(data).decode())
    elif name := cluster.get("certificate-authority"):
        context.load_verify_locations(cafile=str(base / name))
    else:
        context.load_default_certs()
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if data := user.get("client-certificate-data"):
        # OpenSSL reads certificate and key from a file only; it is gone as soon as they are loaded.
        with tempfile.NamedTemporaryFile(suffix=".pem") as pair:
            pair.write(base64.b64decode(data) + b"\n" + base64.b64decode(user.get("client-key-data", "")))
            pair.flush()
            context.load_cert_chain(pair.name)
    elif name := user.get("client-certificate"):
        context.load_cert_chain(str(base / name), str(base / user["client-key"]) if user.get("client-key") else None)
    return context
