"""The `python` of the rehearsal's image: Celery's ping, the revisions for a program that asks alembic for them, and a
login for one that tries a connection."""

from __future__ import annotations

import json
import re
import sys

from migration_cockpit.rehearsal.standin import celery_ping
from migration_cockpit.rehearsal.standin.migrate import schema
from migration_cockpit.rehearsal.standin.releases import FAB_BASE, FAB_FIXED, SOURCE_HEAD, lowest, release

Row = tuple[str, str | None, str]
"""Revision, the one before it, message."""


def main(arguments: list[str]) -> int:
    """Answer as the image of release arguments[0] would; what it cannot answer is celery_ping's to refuse."""
    version, *rest = arguments
    program = rest[1] if rest[:1] == ["-c"] and len(rest) > 1 else ""
    if "psycopg2.connect" in program:
        return _login(sys.stdin.readline().strip())
    if "ScriptDirectory" not in program:
        return celery_ping.main(rest)
    which = release(version)
    fab: list[Row] = [(FAB_BASE, None, "placeholder migration.")]
    fab += [(FAB_FIXED, FAB_BASE, schema.fab("upgrade").message)] if which.fab_head == FAB_FIXED else []
    core: list[Row] = [(each.after, each.before, each.message) for each in schema.upgrades(SOURCE_HEAD, which.head)]
    core.insert(0, (SOURCE_HEAD, None, "Rename dag_schedule_dataset_alias_reference constraint names."))
    for chain, rows in (("fab", fab), ("core", core)):
        for revision, before, message in reversed(rows):
            told = {
                "chain": chain,
                "revision": revision,
                "down_revision": before,
                "version": lowest(revision) if chain == "core" else "",
                "message": message,
            }
            print("migration-cockpit revision " + json.dumps(told), flush=True)
    return 0


def _login(dsn: str) -> int:
    import psycopg

    try:
        psycopg.connect(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", dsn), connect_timeout=5).close()
    except psycopg.Error as error:
        print("refused " + " ".join(str(error).split())[:300])
    else:
        print("it answers")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
