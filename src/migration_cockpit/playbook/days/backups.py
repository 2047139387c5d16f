"""D-1: each backup that is configured, verified; values and version kept; the Fernet key opens what is stored."""

from __future__ import annotations

import re
from typing import Any

from migration_cockpit.actions import database
from migration_cockpit.actions.dump import TakeDump
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.snapshot import TakeSnapshot, describe
from migration_cockpit.connections import fernet
from migration_cockpit.connections.kube_api import decode_secret
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.days.shape import Day, Ground
from migration_cockpit.playbook.flight import StepFailed
from migration_cockpit.playbook.gates import site_of
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, together
from migration_cockpit.playbook.prepare.values import at, merged
from migration_cockpit.playbook.prepare.versions import query
from migration_cockpit.playbook.standstill import keep_release
from migration_cockpit.session import events as ev
from migration_cockpit.session.words import plural, size

NAME = "day-before"
"""What stands in place of a step in the names of the backups."""
FERNET = "AIRFLOW__CORE__FERNET_KEY"
VERSION_FILE = "airflow-version.txt"
_STORED = """
select 'connection', conn_id, t.token from connection,
  lateral (values (case when is_encrypted then password end), (case when is_extra_encrypted then extra end)) t (token)
where coalesce(t.token, '') <> ''
union all select 'variable', key, val from variable where is_encrypted and coalesce(val, '') <> ''
"""
SHOWN = 5


async def release(ground: Ground) -> Seen:
    """Version and values of what runs, kept beside the journal."""
    running = await ground.flight.connections.airflow.version()
    wanted = ground.settings.deployment.source_version
    ground.flight.recorder.write_artifact(VERSION_FILE, f"{running}\n".encode())
    try:
        kept = await keep_release(ground.flight, ground.day)
    except StepFailed as error:
        return Seen(FAILS, (str(error),), "see `migration-cockpit check`")
    text = (
        f"version {running} in artifacts/{VERSION_FILE}",
        f"values of revision {kept['revision']}, secrets masked, in artifacts/{kept['values']}; Helm has them in full",
    )
    if running != wanted:
        return Seen(FAILS, (f"production runs {running}, the config says {wanted}", *text), "correct the config")
    return Seen(HOLDS, text)


async def snapshot(ground: Ground) -> Seen:
    """A snapshot that RDS says is available."""
    if ground.settings.rds is None:
        return Seen(*_not_configured(ground, "[rds]"))
    site = site_of(ground.flight)
    take = TakeSnapshot(site, NAME, ground.here.attempt)
    try:
        await ground.flight.do(ground.day, take)
    except OperationError as error:
        return Seen(FAILS, (str(error),), "no backup, no migration")
    found = await describe(site, take.key) or {}
    status = found.get("Status", "gone")
    if status != "available":
        return Seen(FAILS, (f"{take.key} is {status}",), "look who deletes snapshots")
    stored = int(found.get("AllocatedStorage") or 0) * 1024**3
    taken = found.get("SnapshotCreateTime") or ground.now
    head = await _head(ground)
    _point(ground, ev.RecoveryPoint(name=take.key, method="snapshot", step=NAME, head=head, taken=taken, size=stored))
    return Seen(HOLDS, (f"{take.key} is available, {size(stored)}, schema {head}",))


async def dump(ground: Ground) -> Seen:
    """A dump whose list can be read and whose checksum is the one that was written."""
    if not ground.settings.dump.enabled:
        return Seen(*_not_configured(ground, "dump.enabled"))
    take = TakeDump(site_of(ground.flight), NAME, ground.artifacts, ground.here.attempt)
    try:
        said = await ground.flight.do(ground.day, take)
    except OperationError as error:
        return Seen(FAILS, (str(error),), "no backup, no migration")
    seen = await take.observe()
    if seen.status.value != "done":
        return Seen(FAILS, (seen.detail,), "take another")
    path, digest = ground.artifacts / take.key, re.search(r"sha256 (\w+)", said)
    head = await _head(ground)
    _point(
        ground,
        ev.RecoveryPoint(
            name=take.key,
            method="dump",
            step=NAME,
            head=head,
            taken=ground.now,
            size=path.stat().st_size,
            checksum=digest[1] if digest else "",
        ),
    )
    return Seen(HOLDS, (f"{said}; it can be listed and its checksum fits; schema {head}",))


def _not_configured(ground: Ground, what: str) -> tuple[str, tuple[str, ...], str]:
    """One kind of backup is enough to go back by; none is not."""
    settings = ground.settings
    if settings.rds is not None or settings.dump.enabled:
        return HOLDS, (f"not configured ({what}); the other one is",), ""
    return FAILS, ("there is neither [rds] nor dump.enabled: nothing to go back to",), "configure one of them"


async def _head(ground: Ground) -> str:
    return ", ".join((await database.heads(site_of(ground.flight))).revisions)


def _point(ground: Ground, point: ev.RecoveryPoint) -> None:
    if all(each.name != point.name for each in ground.state.recovery_points):
        ground.flight.record(point)


async def fernet_key(ground: Ground) -> Seen:
    """The key that the pods are given opens every stored connection and variable, and 3.x will be given the same."""
    place = await _place_of_key(ground)
    if place is None:
        return Seen(UNKNOWN, (f"no container of the release takes {FERNET} from a Secret",), "check it by hand")
    key = await _key(ground, *place)
    if key is None:
        return Seen(FAILS, (f"Secret {place[0]} has no {place[1]}",), "without it no stored connection can be read")
    try:
        keys = fernet.keys(key)
    except ValueError as error:
        return Seen(FAILS, (f"{place[1]} of Secret {place[0]}: {error}",), "do not make a new one: find the old one")
    stored = await query(ground.flight.connections, _STORED)
    shut = sorted({f"{kind} {name}" for kind, name, token in stored if not fernet.opens(keys, token)})
    if shut:
        more = f" and {len(shut) - SHOWN} more" if len(shut) > SHOWN else ""
        text = f"the key does not open {', '.join(shut[:SHOWN])}{more}"
        return Seen(FAILS, (text,), "they were stored with another key: append it after a comma, and rotate")
    named = f"Secret {place[0]} ({fernet.mark(key)})"
    if not stored:
        return Seen(UNKNOWN, (f"nothing is stored with the key of {named}",), "store a connection with a password")
    counted = Seen(HOLDS, (f"the key of {named} opens {plural(len(stored), 'stored value')}",))
    return together([counted, await _same_after(ground, place, key)])


async def _same_after(ground: Ground, place: tuple[str, str], key: str) -> Seen:
    """Whether the values for the target version name a Secret with the same key."""
    values = await in_thread(merged, ground.settings.helm.values)
    if isinstance(values, str):
        return Seen(UNKNOWN, (values,), "correct helm.values")
    named = at(values, "fernetKeySecretName")
    if not named:
        mend = f"set fernetKeySecretName: {place[0]}"
        return Seen(FAILS, ("the values for 3.x do not say where the key is: fernetKeySecretName",), mend)
    other = await _key(ground, str(named), "fernet-key")
    if other is None or fernet.mark(other) != fernet.mark(key):
        found = "is not there" if other is None else "holds another key"
        return Seen(FAILS, (f"Secret {named}, which 3.x will take it from, {found}",), f"name {place[0]}")
    return Seen(HOLDS, (f"3.x will take it from Secret {named}, the same key",))


async def _place_of_key(ground: Ground) -> tuple[str, str] | None:
    """Secret and key by which the release's containers get the Fernet key."""
    current = await ground.flight.connections.releases.current()
    for item in await in_thread(current.objects) if current is not None else ():
        for container in _containers(item):
            for each in container.get("env") or ():
                ref = (each.get("valueFrom") or {}).get("secretKeyRef") if each.get("name") == FERNET else None
                if ref:
                    return str(ref["name"]), str(ref["key"])
    return None


def _containers(item: dict[str, Any]) -> list[dict[str, Any]]:
    spec = ((item.get("spec") or {}).get("template") or {}).get("spec") or {}
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


async def _key(ground: Ground, secret: str, key: str) -> str | None:
    """The key, known to the redactor before anything else; None where it is not there."""
    found = await ground.flight.connections.kube.find("secrets", secret)
    value = ((found or {}).get("data") or {}).get(key)
    if not value:
        return None
    redactor = ground.flight.connections.redactor
    text = redactor.register(decode_secret(value).decode().strip())
    for part in text.split(","):
        redactor.register(part.strip())
    return text


D1 = Day(
    "D-1",
    "the backups, verified",
    (("release", release), ("fernet", fernet_key), ("snapshot", snapshot), ("dump", dump)),
)
