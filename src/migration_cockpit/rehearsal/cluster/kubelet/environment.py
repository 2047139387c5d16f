"""The environment of a container: its variables resolved as kubelet does, plus what makes a process stand for a pod.

There is no cluster network: names of Services in variables and arguments are rewritten to the loopback address where
the Service really listens (an emulated cluster DNS), and mount paths to the directory where the volume really is.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..kinds import CONFIGMAPS, SECRETS, Kind
from ..objects import name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..store import Store

Obj = dict[str, Any]


@dataclass(slots=True)
class ConfigError(Exception):
    """A container cannot be configured: kubelet's CreateContainerConfigError. `kind` and `name` say what is awaited."""

    message: str
    kind: Kind
    name: str


def resolve(store: Store, pod: Obj, container: Obj) -> dict[str, str]:
    """The container's own variables: envFrom first, env over it, `$(VAR)` expanded. Raises ConfigError."""
    values: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        values.update(_from_source(store, pod, source))
    for entry in container.get("env") or []:
        if (source := entry.get("valueFrom")) is not None:
            value = _value_from(store, pod, container, source)
            if value is not None:
                values[entry["name"]] = value
        else:
            values[entry["name"]] = expand(str(entry.get("value") or ""), values)
    return values


_REFERENCE = re.compile(r"\$(\$|\(([A-Za-z_.-][A-Za-z0-9_.-]*)\))")


def expand(text: str, values: Mapping[str, str]) -> str:
    """Expands `$(NAME)`; `$$` is a dollar; an unknown name stays as it is written."""
    return _REFERENCE.sub(lambda m: "$" if m[1] == "$" else values.get(m[2], m[0]), text)


def data_of(obj: Obj) -> dict[str, bytes]:
    """The content of a Secret or ConfigMap, decoded."""
    if obj["kind"] == "Secret":
        return {key: base64.b64decode(value or "") for key, value in (obj.get("data") or {}).items()}
    binary = {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}
    return {**{key: str(value).encode() for key, value in (obj.get("data") or {}).items()}, **binary}


def source_of(store: Store, kind: Kind, namespace: str, reference: Obj, *, name: str | None = None) -> Obj | None:
    """The referenced Secret or ConfigMap; None when it is optional and absent. Raises ConfigError."""
    wanted = name or reference.get("name", "")
    found = store.find(kind, namespace, wanted)
    if found is None and not reference.get("optional"):
        raise ConfigError(f'{kind.kind.lower()} "{wanted}" not found', kind, wanted)
    return found


def _from_source(store: Store, pod: Obj, source: Obj) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for field, kind in (("secretRef", SECRETS), ("configMapRef", CONFIGMAPS)):
        if field in source:
            found = source_of(store, kind, namespace_of(pod), source[field])
            return {prefix + k: v.decode(errors="replace") for k, v in data_of(found).items()} if found else {}
    return {}


def _value_from(store: Store, pod: Obj, container: Obj, source: Obj) -> str | None:
    for field, kind in (("secretKeyRef", SECRETS), ("configMapKeyRef", CONFIGMAPS)):
        if field in source:
            return _key(store, pod, source[field], kind)
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        limits = (container.get("resources") or {}).get("limits") or {}
        return str(limits.get(source["resourceFieldRef"]["resource"].rpartition(".")[2], "0"))
    return ""


def _key(store: Store, pod: Obj, reference: Obj, kind: Kind) -> str | None:
    found = source_of(store, kind, namespace_of(pod), reference)
    if found is None:
        return None
    data = data_of(found)
    if reference["key"] in data:
        return data[reference["key"]].decode(errors="replace")
    if reference.get("optional"):
        return None
    message = f"couldn't find key {reference['key']} in {kind.kind} {namespace_of(pod)}/{reference['name']}"
    raise ConfigError(message, kind, reference["name"])


_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def field_value(pod: Obj, path: str) -> str:
    """A downward-API field of a pod."""
    if match := _SUBSCRIPT.fullmatch(path):
        return str((pod["metadata"].get(match[1]) or {}).get(match[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        items = pod["metadata"].get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(items.items()))
    fixed = {"status.podIP": "127.0.0.1", "status.hostIP": "127.0.0.1", "status.podIPs": "127.0.0.1"}
    if path in fixed:
        return fixed[path]
    value: Any = pod
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None else str(value)


class Names:
    """Rewrites Service names with their port to where they listen.

    `dns` maps `name:port` to `host:port` for what is no Service here (a UDP listener, say); `address` gives the
    loopback address of a Service's port, or None when there is no such Service.
    """

    def __init__(self, dns: Mapping[str, str], address: Callable[[str, str, int], tuple[str, int] | None]) -> None:
        self._dns = dns
        self._address = address

    _TARGET = re.compile(
        r"(?<![\w.%-])(?P<name>[a-z0-9]([a-z0-9-]*[a-z0-9])?)"
        r"(\.(?P<ns>[a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.svc(\.[a-z0-9.-]+?)?)?)?\.?:(?P<port>\d{1,5})(?!\d)"
    )

    def lookup(self, name: str, port: int, namespace: str) -> str | None:
        """`host:port` behind a name, or None."""
        if (found := self._dns.get(f"{name}:{port}")) is not None:
            return found
        address = self._address(namespace, name, port)
        return f"{address[0]}:{address[1]}" if address else None

    def rewrite(self, text: str, namespace: str) -> str:
        """`text` with every `service:port` and `service.namespace.svc...:port` replaced."""

        def swap(match: re.Match[str]) -> str:
            found = self.lookup(match["name"], int(match["port"]), match["ns"] or namespace)
            return found or match[0]

        return self._TARGET.sub(swap, text) if ":" in text else text

    def rewrite_env(self, env: dict[str, str], namespace: str) -> dict[str, str]:
        """Every value rewritten; a name and a port in two variables `X_HOST`, `X_PORT` are rewritten together."""
        result = {key: self.rewrite(value, namespace) for key, value in env.items()}
        for key, host in env.items():
            partner = key[: -len("HOST")] + "PORT" if key.endswith("HOST") else ""
            if partner in env and env[partner].isdigit():
                found = self.lookup(host.split(".")[0], int(env[partner]), namespace)
                if found is not None:
                    result[key], _, result[partner] = found.rpartition(":")
        return result


def rewrite_paths(text: str, mounts: Mapping[str, str]) -> str:
    """`text` with mount paths replaced by where the volumes are; the longest path wins."""
    for path in sorted(mounts, key=len, reverse=True):
        if path in text:
            text = re.sub(rf"(?<![\w/.-]){re.escape(path)}(?![\w.-])", mounts[path].replace("\\", r"\\"), text)
    return text


def identity(pod: Obj, directory: str, ports: Mapping[int, int], own_ports: list[int]) -> dict[str, str]:
    """What every container of the rehearsal gets: who it is, where the world is, which real ports are its own."""
    values = {
        "REHEARSAL_DIR": directory,
        "POD_NAME": name_of(pod),
        "POD_NAMESPACE": namespace_of(pod),
        "POD_IP": "127.0.0.1",
        "HOSTNAME": name_of(pod),
    }
    values.update({f"REHEARSAL_PORT_{port}": str(real) for port, real in ports.items()})
    if own_ports:
        values["PORT"] = str(ports[own_ports[0]])
    return values
