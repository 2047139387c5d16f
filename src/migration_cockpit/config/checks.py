"""What types cannot say of config.toml: versions that are supported, times in order, one source for each secret."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from .sections import STEP_IDS, Schedule, SecretRef, Settings

LONGEST = 31_536_000.0
"""Seconds in a year: no number of the config is larger."""
LONGEST_NAME = 100
"""Characters of a deployment's name: it becomes part of a directory's."""


class ConfigError(Exception):
    """config.toml cannot be used; the message names the file, the key, what was found and what is taken."""


_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)$")


def version_tuple(version: str) -> tuple[int, int, int]:
    """ "2.11.2" -> (2, 11, 2). Raises ValueError for anything but three numbers."""
    match = _VERSION.match(version)
    if not match:
        raise ValueError(f"{version!r} is not a version such as 2.11.2")
    return int(match[1]), int(match[2]), int(match[3])


def check(settings: Settings, path: Path) -> None:
    """What types cannot say: versions that are supported, times in order, one source per secret."""
    deployment = settings.deployment
    versions = {}
    for key in ("source_version", "target_version"):
        try:
            versions[key] = version_tuple(getattr(deployment, key))
        except ValueError as error:
            raise ConfigError(f"{path}: deployment.{key}: {error}") from None
    # The engine takes 2.10.3 and later: the schema head is the same up to 2.11.x.
    if not (2, 10, 3) <= versions["source_version"] < (3, 0, 0):
        found = deployment.source_version
        raise ConfigError(f"{path}: deployment.source_version: found {found}, takes 2.10.3 to 2.11.x")
    if versions["target_version"] < (3, 0, 0):
        found = deployment.target_version
        raise ConfigError(f"{path}: deployment.target_version: found {found}, takes 3.0.0 or later, in full")
    _check_times(settings.schedule, path)
    _check_numbers(settings, path)
    _check_names(settings, path)
    for key, ref in _secret_refs(settings).items():
        given = [name for name in ("env", "file", "secret", "value") if getattr(ref, name)]
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            raise ConfigError(f"{path}: {key}: found {found}, takes exactly one of env, file, secret, value")
        if ref.secret and ref.secret.count("/") != 1:
            raise ConfigError(f'{path}: {key}.secret: found {ref.secret!r}, takes "name/key"')
    for section in (settings.limits, settings.cadence):
        for name in section.__struct_fields__:
            found = getattr(section, name)
            if found < 0 or (section is settings.cadence and found == 0):
                table = type(section).__name__.lower()
                raise ConfigError(f"{path}: {table}.{name}: found {found}, takes a number above zero")


def _check_numbers(settings: Settings, path: Path) -> None:
    """TOML knows inf and nan: a wait of either never ends, and no value is over such a limit."""
    for table in settings.__struct_fields__:
        section = getattr(settings, table)
        for name in getattr(section, "__struct_fields__", ()):
            value = getattr(section, name)
            if isinstance(value, float) and not abs(value) <= LONGEST:
                raise ConfigError(f"{path}: {table}.{name}: found {value}, takes a number up to {LONGEST:.0f}")


def _check_names(settings: Settings, path: Path) -> None:
    """What everything is named by, and is asked to be typed: there, and nothing in it that a terminal obeys."""
    names = {
        "deployment.name": settings.deployment.name,
        "kubernetes.context": settings.kubernetes.context,
        "kubernetes.namespace": settings.kubernetes.namespace,
        "kubernetes.release": settings.kubernetes.release,
    }
    for key, name in names.items():
        if not name.strip() or not name.isprintable():
            raise ConfigError(f"{path}: {key}: found {name!r}, takes a name, without line ends or control characters")
    if len(settings.deployment.name) > LONGEST_NAME:
        found = len(settings.deployment.name)
        raise ConfigError(f"{path}: deployment.name: found {found} characters, takes at most {LONGEST_NAME}")


def _check_times(schedule: Schedule, path: Path) -> None:
    names = [*STEP_IDS, "window_end"]
    for name in names:
        if getattr(schedule, name).tzinfo is None:
            raise ConfigError(f"{path}: schedule.{name}: has no zone; write it in UTC, with a Z at its end")
    for before, after in itertools.pairwise(names):
        if getattr(schedule, before) > getattr(schedule, after):
            raise ConfigError(
                f"{path}: schedule.{after}: found {_utc(getattr(schedule, after))}, which is before "
                f"schedule.{before} ({_utc(getattr(schedule, before))}); steps are planned in their order"
            )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _secret_refs(settings: Settings) -> dict[str, SecretRef]:
    """Every secret reference of the settings by its dotted key."""
    refs: dict[str, SecretRef] = {}

    def walk(value: object, key: str) -> None:
        if isinstance(value, SecretRef):
            refs[key] = value
        elif isinstance(value, msgspec.Struct):
            for name in value.__struct_fields__:
                walk(getattr(value, name), f"{key}.{name}" if key else name)

    walk(settings, "")
    return refs
