"""Each grant of the documented role, taken away alone on a real PostgreSQL: `check` names that one and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from migration_cockpit.config import Settings
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight import metadata
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres
from migration_cockpit.rehearsal.seed import SeedReport
from tests.connections.support import connected

GRANTS = ("pg_monitor", "pg_read_all_data", "pg_signal_backend")


@pytest.mark.parametrize("missing", ["", *GRANTS])
async def test_a_grant_that_is_missing_is_named_and_no_other(
    postgres: EmbeddedPostgres, seeded: SeedReport, settings_for: Callable[..., Settings], missing: str
) -> None:
    async with await psycopg.AsyncConnection.connect(postgres.dsn("postgres", SUPERUSER), autocommit=True) as admin:
        if missing:
            await admin.execute(f"revoke {missing} from cockpit")
    settings = settings_for()
    async with connected(settings) as connections:
        findings = await metadata.look(Place(settings, connections, Path("/")))
    told = {each.name: each for each in findings if each.name in GRANTS}
    assert set(told) == set(GRANTS)
    assert [name for name, each in told.items() if not _granted(each)] == ([missing] if missing else [])
    if missing in {"pg_monitor", "pg_read_all_data"}:
        assert not told[missing].ok
        assert told[missing].mend.startswith(f"GRANT {missing} TO cockpit")


def _granted(finding: Finding) -> bool:
    return finding.ok and finding.found == "granted"
