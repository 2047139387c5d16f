"""Sample prerequisites, as `prepare` would find them four days before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from migration_cockpit.playbook.prepare import PREREQUISITES
from migration_cockpit.playbook.prepare.printed import as_event
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Result, Seen, judge
from migration_cockpit.playbook.prepare.signoffs import SignOff
from migration_cockpit.session import events as ev
from migration_cockpit.session.state import State

NOW = datetime(2026, 5, 12, 14, 5, tzinfo=UTC)
FOUND: dict[str, Seen] = {
    "source": Seen(HOLDS, ("airflowVersion: 2.11.2", "image tag: 2.11.2", "schema: 5f2621c13b39")),
    "staging": Seen(
        FAILS,
        (
            "the same by name: 230 DAGs, 41 connections, 118 variables, 6 pools",
            "staging is behind: apache-airflow-providers-amazon 9.3.1, production has 9.4.0",
        ),
        "build staging's image with production's providers, then freeze it again",
    ),
    "checks": Seen(
        UNKNOWN,
        (
            "ruff AIR30,AIR31: 0 violations",
            "staging has no import errors",
            "`airflow config lint` runs in a pod",
        ),
        "run it, and sign",
    ),
    "violations": Seen(HOLDS, ("no violation of AIR30,AIR31 in dags/", "2 accepted with a reason")),
    "consumers": Seen(
        FAILS,
        ("48210 lines of 4 files looked at", "10.0.0.9 (billing/1.2): 212 calls of GET /api/v1/dags"),
        "move each to /api/v2 with a token, and to /api/v2/monitor/health; or sign for those that may fail",
        NOW - timedelta(days=1),
    ),
    "chart": Seen(
        FAILS,
        ("the render refers to what is not there: Secret airflow-jwt",),
        "make them, or point the values elsewhere",
    ),
    "backup": Seen(
        HOLDS,
        ("airflow.dump was restored into a scratch database: 61 tables and 12400211 rows equal",),
        at=NOW - timedelta(days=3),
    ),
    "rollback": Seen(HOLDS, ("rehearsal-20260423 was rolled back on 2026-04-23",), at=NOW - timedelta(days=19)),
    "window": Seen(UNKNOWN, ("Sat 2026-05-16 09:00 to 16:00 UTC",), "have it approved, and sign with who approved it"),
    "messages": Seen(UNKNOWN, ("they go to #airflow-migration",), "show `plan`'s messages to those who will get them"),
    "secrets": Seen(HOLDS, ("14 are synced on staging",)),
}
SIGNED = {
    "window": SignOff("window", "ada", NOW - timedelta(days=2), "approved in CAB 4711"),
    "consumers": SignOff("consumers", "grace", NOW - timedelta(hours=5), "billing moves on Friday, may fail till then"),
}


def results(now: datetime = NOW) -> list[Result]:
    """All fifteen, judged at a moment."""
    nothing = Seen(UNKNOWN, ("nobody has looked at it",), "name it in the config")
    return [
        judge(each, FOUND.get(each.id, nothing), SIGNED.get(each.id), now, timedelta(days=14)) for each in PREREQUISITES
    ]


def events(now: datetime = NOW) -> list[ev.Event]:
    """What a look writes down."""
    found = results(now)
    ready = sum(each.ready for each in found)
    return [ev.PrepareStarted(operator="ada"), *map(as_event, found), ev.PrepareEnded(ready=ready, total=len(found))]


def preparing() -> tuple[State, datetime]:
    """Four days before the day, all of it looked at."""
    from tests.app.fixtures import Fold, opened

    fold = Fold()
    fold.add(NOW - timedelta(minutes=2), opened(), *events())
    return fold.state, NOW
