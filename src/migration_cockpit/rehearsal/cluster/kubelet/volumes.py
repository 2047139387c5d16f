"""Volumes as directories: ConfigMaps and Secrets written out, scratch space, claims that outlive their pods."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..kinds import CONFIGMAPS, SECRETS
from ..objects import namespace_of
from .environment import data_of, field_value, source_of

if TYPE_CHECKING:
    from ..store import Store

Obj = dict[str, Any]

HOME = "/opt/airflow"


def materialise(store: Store, pod: Obj, pod_dir: Path, claims: Path) -> dict[str, Path]:
    """Writes out the pod's volumes; volume name -> directory. Raises ConfigError for a source that is missing."""
    return {
        volume["name"]: _volume(store, pod, volume, pod_dir / "volumes" / volume["name"], claims)
        for volume in pod["spec"].get("volumes") or []
    }


def _volume(store: Store, pod: Obj, volume: Obj, path: Path, claims: Path) -> Path:
    if "hostPath" in volume:
        return Path(volume["hostPath"]["path"])
    if "persistentVolumeClaim" in volume:
        path = claims / f"{namespace_of(pod)}-{volume['persistentVolumeClaim']['claimName']}"
    path.mkdir(parents=True, exist_ok=True)
    if "secret" in volume:
        source = volume["secret"]
        _write(path, source_of(store, SECRETS, namespace_of(pod), source, name=source["secretName"]), source)
    elif "configMap" in volume:
        _write(path, source_of(store, CONFIGMAPS, namespace_of(pod), volume["configMap"]), volume["configMap"])
    elif "projected" in volume:
        for source in volume["projected"].get("sources") or []:
            for field, kind in (("secret", SECRETS), ("configMap", CONFIGMAPS)):
                if field in source:
                    _write(path, source_of(store, kind, namespace_of(pod), source[field]), source[field])
    elif "downwardAPI" in volume:
        for item in volume["downwardAPI"].get("items") or []:
            if "fieldRef" in item:
                (path / item["path"]).write_text(field_value(pod, item["fieldRef"]["fieldPath"]))
    return path


def _write(path: Path, source: Obj | None, reference: Obj) -> None:
    if source is None:
        return
    names = {item["key"]: item["path"] for item in reference.get("items") or []}
    for key, content in data_of(source).items():
        if names and key not in names:
            continue
        target = path / names.get(key, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o600)


def mount(container: Obj, volumes: dict[str, Path], home: Path) -> dict[str, str]:
    """Lays the container's mounts out: mount path -> real path.

    `/opt/airflow`, the home directory of Airflow's image, is `home`, a directory of this container's own; what is
    mounted below it appears there as a link.
    """
    home.mkdir(parents=True, exist_ok=True)
    mounts = {HOME: str(home)}
    for item in sorted(container.get("volumeMounts") or [], key=lambda m: len(m["mountPath"])):
        if item["name"] not in volumes:
            continue
        source = volumes[item["name"]] / item.get("subPath", "")
        if item.get("subPath") and not source.exists():
            source.mkdir(parents=True)
        path = str(item["mountPath"]).rstrip("/")
        if path == HOME:
            mounts[HOME] = str(source)
        elif path.startswith(f"{HOME}/"):
            _link(Path(mounts[HOME]) / path.removeprefix(f"{HOME}/"), source)
        else:
            mounts[path] = str(source)
    return mounts


def _link(link: Path, source: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() or link.is_file():
        link.unlink()
    elif link.is_dir():
        shutil.rmtree(link)
    link.symlink_to(source)
