"""File names of config.toml, from wherever the cockpit is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from .sections import Estimate, Helm, Kubernetes, Prepare, SecretRef, Settings


def anchor(settings: Settings, base: Path) -> Settings:
    """Make file names of the config relative to the config file, wherever the cockpit is started."""

    def anchored(name: str) -> str:
        return str((base / Path(name).expanduser()).resolve())

    def walk(value: Any) -> Any:
        if isinstance(value, SecretRef):
            return msgspec.structs.replace(value, file=anchored(value.file)) if value.file else value
        if isinstance(value, Helm):
            chart = anchored(value.chart) if value.chart.startswith((".", "/", "~")) else value.chart
            binary = anchored(value.binary) if "/" in value.binary else value.binary
            values = tuple(anchored(name) for name in value.values)
            return msgspec.structs.replace(value, chart=chart, binary=binary, values=values)
        if isinstance(value, Estimate):
            return msgspec.structs.replace(value, rates=anchored(value.rates)) if value.rates else value
        if isinstance(value, Prepare):
            files = ("dags", "exceptions", "production_packages", "staging_packages", "target_packages")
            named = {name: anchored(getattr(value, name)) for name in files if getattr(value, name)}
            logs = tuple(anchored(name) for name in value.access_logs)
            dsn = walk(value.staging_dsn) if value.staging_dsn else None
            scratch = walk(value.scratch_dsn) if value.scratch_dsn else None
            value = msgspec.structs.replace(value, scratch_dsn=scratch)
            ruff = anchored(value.ruff) if "/" in value.ruff else value.ruff
            # Not resolved: a virtual environment's python is a link, and another program at the link's end.
            program = [
                str((base / Path(word).expanduser()).absolute()) if "/" in word else word for word in value.smoke[:1]
            ]
            smoke = (*program, *value.smoke[1:])
            staging = {"staging_airflow": walk(value.staging_airflow), "staging_grafana": walk(value.staging_grafana)}
            staging |= {"staging_dsn": dsn}
            return msgspec.structs.replace(value, **named, **staging, access_logs=logs, ruff=ruff, smoke=smoke)
        if isinstance(value, Kubernetes):
            return msgspec.structs.replace(value, kubeconfig=anchored(value.kubeconfig)) if value.kubeconfig else value
        if isinstance(value, msgspec.Struct):
            changed = {name: walk(getattr(value, name)) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **changed)
        return value

    anchored_settings = walk(settings)
    assert isinstance(anchored_settings, Settings)
    return anchored_settings
