"""How anything is looked at before and after the day: staging beside production, a look that fails is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from migration_cockpit.config import Postgres, Settings
from migration_cockpit.connections import KubeError, WorldError
from migration_cockpit.connections.errors import one_line
from migration_cockpit.playbook.prepare.shape import UNKNOWN, Seen

CHECK = "see `migration-cockpit check`"


def staging_of(settings: Settings) -> Settings | None:
    """Settings whose systems are staging's, as far as the config names them; None where it names none.

    What it does not name is still production's: whoever acts on staging asks `prepare` first.
    """
    prepare = settings.prepare
    if not any((prepare.staging_dsn, prepare.staging_context, prepare.staging_airflow, prepare.staging_grafana)):
        return None
    kubernetes = msgspec.structs.replace(
        settings.kubernetes,
        context=prepare.staging_context or settings.kubernetes.context,
        namespace=prepare.staging_namespace or settings.kubernetes.namespace,
    )
    postgres = Postgres(dsn=prepare.staging_dsn) if prepare.staging_dsn is not None else settings.postgres
    return msgspec.structs.replace(
        settings,
        kubernetes=kubernetes,
        postgres=postgres,
        airflow=prepare.staging_airflow or settings.airflow,
        grafana=prepare.staging_grafana or settings.grafana,
    )


async def guarded(look: Awaitable[Seen], seconds: float) -> Seen:
    """What a look sees; unknown when it fails or takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await look
    except TimeoutError:
        return Seen(UNKNOWN, (f"no answer within {seconds:.0f} s",), "check the network path")
    except KubeError as error:
        return Seen(UNKNOWN, (f"Kubernetes: {error.message or error.reason}",), CHECK)
    except WorldError as error:
        return Seen(UNKNOWN, (one_line(error),), CHECK)
    except Exception as error:  # noqa: BLE001 - the boundary: what a client library raises is that nobody looked
        # Its text may quote what it was given, secrets and all: that stays out.
        return Seen(UNKNOWN, (f"it could not be looked at: {type(error).__name__}",), CHECK)


def cleaned(seen: Seen, clean: Callable[[str], str]) -> Seen:
    """The same without secrets."""
    return Seen(seen.status, tuple(clean(text) for text in seen.found), clean(seen.mend), seen.at)
