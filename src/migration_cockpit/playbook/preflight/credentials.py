"""Every secret that the config names can be read, and nothing ends inside the window."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from migration_cockpit.config import SecretRef
from migration_cockpit.connections import Unreachable, WorldError
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight.place import Place


async def secrets(place: Place) -> list[Finding]:
    """One finding for each reference to a secret; what it says is never shown."""
    found = []
    for key, ref in _references(place.settings, ""):
        try:
            await place.connections.secret(ref)
        except Unreachable as error:
            found.append(Finding("Secrets", key, False, f"{ref.source()}: {error.why}", error.mend))
        else:
            found.append(Finding("Secrets", key, True, f"read from {ref.source()}"))
    return found


def _references(value: object, key: str) -> Iterator[tuple[str, SecretRef]]:
    if isinstance(value, SecretRef):
        yield key, value
    elif isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from _references(getattr(value, field.name), f"{key}.{field.name}" if key else field.name)


async def expiries(place: Place) -> list[Finding]:
    """Kube token or certificate, AWS session, Grafana token: until when, against the end of the window."""
    end = place.settings.schedule.window_end
    now = datetime.now(UTC)
    found = []
    for name, at in sorted((await place.connections.credentials()).items()):
        # A rehearsal of an old plan: the window is over, the credential need only be good now.
        ok = at > max(end, now)
        text = f"until {at:%Y-%m-%d %H:%M} UTC, window ends {end:%Y-%m-%d %H:%M}"
        found.append(Finding("Credentials", name, ok, text, "" if ok else "renew it before the window begins"))
    if not found:
        found.append(Finding("Credentials", "expiry", True, "none that ends, as far as it can be read"))
    return [*found, await _airflow(place)]


async def _airflow(place: Place) -> Finding:
    """Airflow's own token is no reason to worry: the cockpit fetches another when it ends."""
    api = place.connections.airflow
    try:
        await api.login()
    except WorldError:
        return Finding("Credentials", "airflow", True, "unknown: the account is not let in (see Airflow)")
    at = api.expiry()
    if at is None:
        return Finding("Credentials", "airflow", True, "name and password; a token of 3.x is fetched anew when it ends")
    return Finding("Credentials", "airflow", True, f"token until {at:%Y-%m-%d %H:%M} UTC, fetched anew when it ends")
