"""Gates before the migration: its data survives it. Known killers are found by SQL before they strike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from migration_cockpit.connections import Unreachable, postgres
from migration_cockpit.playbook.flight import Flight
from migration_cockpit.playbook.gates import gate
from migration_cockpit.playbook.step import Gate
from migration_cockpit.sources import confs, probe, xcoms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import psycopg

    Connection = psycopg.AsyncConnection[Any]

T = TypeVar("T")
SHOWN = 5
BEYOND_SCAN = 10.0
"""Seconds that a gate may take beyond its scan's own limit before it counts as unknown."""


class CutOff(Exception):
    """A scan did not come to its end, so nothing is known."""


def gates(scan_seconds: float) -> Sequence[Gate]:
    """XCom values, confs, and what others built on Airflow's tables. `scan_seconds` is limits.scan."""
    return (
        gate(
            "XCom values",
            "every XCom value survives the target's own conversion to JSON",
            "in 2.x delete what is named, or all that is old: airflow db clean -t xcom --clean-before-timestamp <T>; "
            r"from 3.3.2 on the migration itself cleans \u0000 and NaN",
            _xcoms,
            seconds=scan_seconds + BEYOND_SCAN,
        ),
        gate(
            "DAG run conf",
            "every conf of a DAG run becomes JSON; none is silently set to NULL",
            "delete these DAG runs, or set their conf to NULL yourself; or keep the dump if the values are needed",
            _confs,
            seconds=scan_seconds + BEYOND_SCAN,
        ),
        gate(
            "objects of others",
            "no view, trigger or publication of others is on Airflow's tables",
            "drop it before (keep its definition) and make it again after: the migration drops and rewrites columns, "
            "and a view on one of them stops it",
            _foreign,
        ),
    )


async def _asked(flight: Flight, ask: Callable[[Connection], Awaitable[T]]) -> T:
    """Ask over a session of the cockpit's. Raises Unreachable, for a query that fails too."""
    async with _errors(), flight.connections.postgres() as connection:
        return await ask(connection)


@asynccontextmanager
async def _errors() -> AsyncIterator[None]:
    try:
        yield
    except Exception as error:
        import psycopg  # imported by then

        if isinstance(error, psycopg.Error):
            raise Unreachable(postgres.WHAT, postgres.why(error)) from error
        raise


async def _xcoms(flight: Flight) -> tuple[bool, str]:
    target, limits = flight.settings.deployment.target_version, flight.settings.limits
    found = await _asked(flight, lambda connection: xcoms.scan(connection, target, flight.clock, seconds=limits.scan))
    return judge_xcoms(found, target)


def judge_xcoms(found: xcoms.XComScan, target: str) -> tuple[bool, str]:
    """Whether XCom values survive, in words. Raises CutOff when the scan found nothing and did not see them all."""
    if found.converted:
        return True, "converted already by an earlier attempt"
    pickled = f"; {found.pickled:,} pickled ones become invisible in 3.x (_xcom_archive keeps them)" * bool(
        found.pickled
    )
    if found.bad:
        kinds = ", ".join(f"{count:,} {xcoms.KINDS[kind]}" for kind, count in found.bad.most_common())
        seen = "" if found.whole else f" in the first {100 * found.share:.0f} %"
        return False, f"{kinds}{seen} would stop {target}: {'; '.join(found.examples[:SHOWN])}{pickled}"
    if not found.whole:
        raise CutOff(
            f"cut off (limits.scan): {found.rows:,} values, {100 * found.share:.0f} % of the table, are good so far"
        )
    return True, f"{found.rows:,} values convert as {target} does it{pickled}"


async def _confs(flight: Flight) -> tuple[bool, str]:
    seconds = flight.settings.limits.scan
    found = await _asked(flight, lambda connection: confs.scan(connection, flight.clock, seconds=seconds))
    return judge_confs(found)


def judge_confs(found: confs.ConfScan) -> tuple[bool, str]:
    """Whether confs survive, in words. Raises CutOff when the scan found nothing and did not see them all."""
    if found.converted:
        return True, "converted already by an earlier attempt"
    large = f"; {found.large} larger than {confs.LARGE / 1e6:.0f} MB were not looked at" * bool(found.large)
    if found.lost or found.fatal:
        words = []
        if found.fatal:
            words.append(f"{found.fatal:,} hold NaN or a NUL character, which stops the migration")
        if found.lost:
            words.append(f"{found.lost:,} of {found.rows:,} would silently become NULL (no plain JSON value)")
        return False, f"{'; '.join(words)}: {', '.join(found.examples)}{large}"
    if not found.whole:
        raise CutOff(f"cut off (limits.scan): {found.rows:,} are good so far")
    return not found.large, f"{found.rows:,} confs become JSON{large}"


async def _foreign(flight: Flight) -> tuple[bool, str]:
    found = await _asked(flight, probe.foreign_objects)
    words = [f"{each.kind} {each.name} on {each.table}" for each in found[:SHOWN]]
    return not found, "; ".join(words) + (f" … {len(found)} in all" if len(found) > SHOWN else "") or "none"
