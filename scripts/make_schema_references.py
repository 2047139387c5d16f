"""Write src/migration_cockpit/advice/schema/<version>.json: what the database of a release must look like.

    python scripts/make_schema_references.py [VERSION ...]

Starts an embedded PostgreSQL, lets each release make a fresh database with `airflow db migrate`, and reads its shape by
sources/sql/schema.sql, which is also what the cockpit compares with. Then it migrates two databases of 2.11.2 for real,
one fresh and one that went through the migrations of all of 2.x, and keeps what differs from the fresh shape of the
target as `known_differences`: Airflow itself leaves them behind, so they are no finding. A difference for which this
script has no reason stops it: somebody must look. Shape of the result:

    {"version", "head", "fab_head", "fab_provider",
     "tables": {table: {"columns": {name: definition}, "constraints": {...}, "indexes": {...}}},
     "known_differences": [{"kind", "table", "name", "fresh": definition or null, "found": definition or null, "why"}]}
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from released_airflow import REFERENCES, install, repository, variables

from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable

Shape = dict[tuple[str, str, str], str]
"""(kind, table, name) -> definition, as schema.sql gives it."""

SOURCE = "2.11.2"
OLDEST = "2.0.2"
"""How far back the worn database is taken before it comes up again through every migration."""

FAB_MENDED = "02ca36b0235b"

QUERY = resources.files("migration_cockpit.sources").joinpath("sql/schema.sql").read_text("utf-8")
KINDS = {"column": "columns", "constraint": "constraints", "index": "indexes"}


def _is_sequence(_kind: str, _table: str, fresh: str | None, found: str | None) -> bool:
    return fresh is not None and found is not None and "nextval(" in fresh + found and _base(fresh) == _base(found)


def _base(definition: str) -> str:
    return definition.partition(" DEFAULT nextval(")[0]


def _is_json(_kind: str, _table: str, fresh: str | None, found: str | None) -> bool:
    if fresh is None or found is None:
        return False
    return fresh.startswith("json") and fresh.replace("jsonb", "json") == found.replace("jsonb", "json")


def _on(*tables: str) -> Callable[[str, str, str | None, str | None], bool]:
    return lambda _kind, table, _fresh, _found: table in tables


REASONS: tuple[tuple[Callable[[str, str, str | None, str | None], bool], str], ...] = (
    (_is_sequence, "the default's sequence keeps its 2.x name, or the column its 2.x default"),
    (_is_json, "declared as JSON with a variant: a migration leaves the old one of json and jsonb"),
    (_on("sla_miss"), "no migration drops the table of the removed SLA feature"),
    (
        _on("ab_group", "ab_group_role", "ab_user_group"),
        "made by the first start of the 3.x api-server, which is after the migration",
    ),
)
NAMED_ELSE = "the constraint is the same under the name that an older release gave it"
UNMENDED = "FAB's tables of a 2.x database get this only by FAB revision 02ca36b0235b, which came later"
REORDERED = "the same key with its columns in another order"


def explain(kind: str, table: str, fresh: str | None, found: str | None) -> str | None:
    """Why a difference is harmless; None when nobody has found out yet."""
    return next((why for rule, why in REASONS if rule(kind, table, fresh, found)), None)


def read_shape(dsn: str) -> Shape:
    """The rows of schema.sql."""
    with psycopg.connect(dsn) as connection:
        return {(kind, table, name): definition for kind, table, name, definition in connection.execute(QUERY.encode())}


def run_airflow(version: str, dsn: str, *arguments: str) -> None:
    """Run one `airflow` command of a release on a database."""
    program = install(version) / "bin" / "airflow"
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [str(program), *arguments], env=variables(Path(home), dsn), capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise SystemExit(f"airflow {' '.join(arguments)} of {version}: {(done.stdout + done.stderr)[-2000:]}")


def differences(fresh: Shape, *found: Shape, fab_mended: bool) -> list[dict[str, str | None]]:
    """What the migrated shapes have that the fresh one has not, and the other way round, with reasons.

    `fab_mended` says that the release has the FAB revision that brings the tables of old databases up to date.
    """
    result: dict[tuple[str, str, str, str | None], dict[str, str | None]] = {}
    unknown: set[str] = set()
    for shape in found:
        for kind, table, name in sorted(fresh.keys() | shape.keys()):
            want, have = fresh.get((kind, table, name)), shape.get((kind, table, name))
            if want == have:
                continue
            why = explain(kind, table, want, have) or _same_constraint(kind, table, want, have, fresh, shape)
            if why is None and table.startswith("ab_") and not fab_mended:
                why = UNMENDED
            if why is None:
                unknown.add(f"{kind} {table}.{name}: fresh {want!r}, migrated {have!r}")
                continue
            entry = {"kind": kind, "table": table, "name": name, "fresh": want, "found": have, "why": why}
            result[kind, table, name, have] = entry
    if unknown:
        raise SystemExit("no reason is known for\n  " + "\n  ".join(sorted(unknown)))
    return [result[key] for key in sorted(result, key=str)]


def _same_constraint(
    kind: str, table: str, want: str | None, have: str | None, fresh: Shape, found: Shape
) -> str | None:
    """Harmless when both sides have a constraint of the same meaning, under whichever name."""
    if kind != "constraint":
        return None
    if want is not None and have is not None:
        return REORDERED if _meaning(want) == _meaning(have) else None
    meaning = _meaning(want or have or "")
    other = found if have is None else fresh
    same = any(k == kind and t == table and _meaning(d) == meaning for (k, t, _), d in other.items())
    return NAMED_ELSE if same else None


def _meaning(definition: str) -> str:
    """A constraint without the order of its columns, which decides nothing but the index behind it."""
    head, _, rest = definition.partition("(")
    columns, _, tail = rest.partition(")")
    return f"{head}({', '.join(sorted(columns.split(', ')))}){tail}"


class Workbench:
    """One embedded server with a superuser, on which databases are made and thrown away."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server

    def create(self, name: str, template: str = "template0") -> str:
        """Make database `name` as a copy of `template`; returns its DSN for the role airflow."""
        with psycopg.connect(self.server.dsn("postgres", SUPERUSER), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER airflow")
            admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.server.dsn(name)

    def prepare_sources(self) -> None:
        """Make the databases `source` (fresh) and `worn` (through all migrations of 2.x), both at 2.11.2."""
        run_airflow(SOURCE, self.create("source"), "db", "migrate")
        worn = self.create("worn", "source")
        run_airflow(SOURCE, worn, "db", "downgrade", "--to-version", OLDEST, "--yes")
        run_airflow(SOURCE, worn, "db", "migrate")

    def reference(self, version: str) -> dict[str, object]:
        """Everything that goes into the file of one release."""
        dsn = self.create("fresh")
        run_airflow(version, dsn, "db", "migrate")
        fresh = read_shape(dsn)
        migrated = []
        for source in ("source", "worn"):
            old = self.create("migrated", source)
            run_airflow(version, old, "db", "migrate")
            migrated.append(read_shape(old))
        head, fab = _head(dsn, "alembic_version"), None
        if any(table == "alembic_version_fab" for _, table, _ in fresh):
            fab = _head(dsn, "alembic_version_fab")
        tables: dict[str, dict[str, dict[str, str]]] = {}
        for (kind, table, name), definition in sorted(fresh.items()):
            tables.setdefault(table, {key: {} for key in KINDS.values()})[KINDS[kind]][name] = definition
        return {
            "version": version,
            "head": head,
            "fab_head": fab,
            "fab_provider": fab_provider(version),
            "tables": tables,
            "known_differences": differences(fresh, *migrated, fab_mended=fab == FAB_MENDED),
        }


def _head(dsn: str, table: str) -> str:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(table))).fetchall()
    if len(rows) != 1:
        raise SystemExit(f"{table} has {len(rows)} rows in a fresh database")
    return str(rows[0][0])


def fab_provider(version: str) -> str:
    """The version of the FAB provider in the environment that made the reference."""
    code = "from importlib.metadata import version; print(version('apache-airflow-providers-fab'))"
    command = [str(install(version) / "bin" / "python"), "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def render(reference: dict[str, object]) -> str:
    """JSON with one table part and one difference a line: compact, and a new release is still a readable diff."""
    lines = [f' "{key}": {json.dumps(reference[key])},' for key in ("version", "head", "fab_head", "fab_provider")]
    tables = reference["tables"]
    assert isinstance(tables, dict)
    blocks = [
        f'  "{table}": {{\n' + ",\n".join(f'   "{kind}": {json.dumps(rows)}' for kind, rows in parts.items()) + "}"
        for table, parts in tables.items()
    ]
    known = reference["known_differences"]
    assert isinstance(known, list)
    rows = ",\n".join("  " + json.dumps(entry) for entry in known)
    lines += [' "tables": {', ",\n".join(blocks), " },", ' "known_differences": [', rows, " ]"]
    return "{\n" + "\n".join(line for line in lines if line) + "\n}\n"


async def main(versions: list[str]) -> None:
    """Write the references of `versions`."""
    target = repository() / "src" / "migration_cockpit" / "advice" / "schema"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        server = EmbeddedPostgres(Path(scratch) / "server")
        await server.start()
        try:
            await server.create_roles()
            bench = Workbench(server)
            bench.prepare_sources()
            for version in versions:
                reference = bench.reference(version)
                text = render(reference)
                json.loads(text)
                (target / f"{version}.json").write_text(text, "utf-8")
                known = reference["known_differences"]
                assert isinstance(known, list)
                print(f"{version}: head {reference['head']}, {len(known)} known differences, {len(text)} bytes")
        finally:
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(REFERENCES)))
