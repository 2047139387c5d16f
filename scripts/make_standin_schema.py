"""Record what a real Airflow does to its database, as the data files of the rehearsal's stand-in.

Needs a PostgreSQL server one may create databases on (the embedded one will do), an Airflow 3.x environment with the
FAB provider and psycopg2, and a database that Airflow 2.11.2 made. Databases named `standin_*` are made and dropped.

    python scripts/make_standin_schema.py --airflow VENV/bin/python --server postgresql://postgres@127.0.0.1:5432 \
        --source NAME_OF_A_2.11.2_DATABASE --pg-dump PATH/pg_dump

Writes src/migration_cockpit/rehearsal/standin/schema/*.sql and, for the test that compares the stand-in's result with
the real one, tests/rehearsal/standin/data/schema-<version>.json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "src/migration_cockpit/rehearsal/standin/schema"
REFERENCE = ROOT / "tests/rehearsal/standin/data"
TRACER = Path(__file__).with_name("standin_schema") / "trace_airflow.py"
sys.path.insert(0, str(ROOT / "src"))

from migration_cockpit.rehearsal.standin.migrate.shape import read_shape  # noqa: E402 - needs the path above

HEADER = """\
-- {what}
-- Recorded from Apache Airflow {version} (and its FAB provider) by scripts/make_standin_schema.py; not written by hand.
-- Apache Airflow is licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0
-- Statements are separated by a line holding only `--;`.
"""
SEED_TABLES = (
    *("ab_permission", "ab_view_menu", "ab_permission_view", "ab_role", "ab_permission_view_role"),
    *("log_template", "slot_pool", "alembic_version"),
)

LOOPS: dict[tuple[str, str], str] = {
    ("upgrade d59cbbef95eb", "WITH cte AS"): "task_instance_ids",
    ("upgrade eed27faa34e3", "SELECT setting FROM pg_settings"): "xcom_statement_timeout",
    ("upgrade e39a26ac59f6", "SELECT id, conf FROM dag_run"): "dag_run_conf_to_json",
    ("upgrade 7645189f3479", "SELECT id FROM task_instance_history"): "history_try_ids",
    ("upgrade 55297ae24532", "SELECT COUNT(*) FROM serialized_dag"): "deadline_alerts",
    ("downgrade 55297ae24532", "SELECT COUNT(*) FROM serialized_dag"): "deadline_alerts_back",
    ("downgrade 808787349f22", "SELECT deadline.id, deadline.callback"): "deadline_callbacks_back",
    ("downgrade e39a26ac59f6", "SELECT id,conf FROM dag_run"): "dag_run_conf_to_pickle",
    ("downgrade 1cdc775ca98f", "select * from dag_run where logical_date is null"): "move_runs_without_date",
}
"""Statements that real Airflow repeats from a Python loop: the stand-in repeats them too (migrate/loops.py)."""

DROPPED = re.compile(r"^(SELECT (id, dag_id, data|deadline\.id|COUNT)|select \* from dag_run)", re.IGNORECASE)


def main() -> int:
    """Make the databases, run Airflow over them and write the files."""
    options = _options()
    version = _airflow_version(options.airflow)
    with _work(options) as work:
        work.copy(options.source, "standin_up")
        (up := work.trace("standin_up", "db", "migrate"))
        work.shape("standin_up", REFERENCE / f"schema-{version}.json")
        (down := work.trace("standin_up", "db", "downgrade", "--to-version", "2.11.2", "-y"))
        work.empty("standin_fresh")
        (fresh := work.trace("standin_fresh", "db", "migrate"))
        base, data = work.dump(options.source)
    _write("base", "The schema of an Airflow 2.11.2 database.", "2.11.2", base)
    _write("base-data", "What every Airflow 2.11.2 database holds: roles, permissions, pool.", "2.11.2", data)
    _write_chain("upgrade", version, up)
    _write_chain("downgrade", version, down)
    created = [row["sql"] for row in fresh if str(row.get("sql", "")).lstrip().startswith("CREATE ")]
    _write("create-all", "Every table of an empty database, as create_all makes them.", version, created)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--airflow", required=True, help="python of the Airflow 3.x environment")
    parser.add_argument("--server", required=True, help="postgresql://user@host:port, without a database")
    parser.add_argument("--source", required=True, help="name of a database made by Airflow 2.11.2")
    parser.add_argument("--pg-dump", default="pg_dump", help="pg_dump not older than the server")
    return parser.parse_args()


def _airflow_version(python: str) -> str:
    code = "from importlib.metadata import version; print(version('apache-airflow-core'))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


class _work:  # noqa: N801 - a context manager used once, like a function
    """The scratch databases of one run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._made: list[str] = []

    def __enter__(self) -> _work:
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._made:
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def copy(self, source: str, name: str) -> None:
        self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        self._made.append(name)

    def empty(self, name: str) -> None:
        self.copy("template0", name)

    def trace(self, database: str, *args: str) -> list[dict[str, str]]:
        url = self._options.server.replace("postgresql://", "postgresql+psycopg2://", 1)
        with tempfile.TemporaryDirectory() as home:
            out = Path(home) / "trace.jsonl"
            env = {
                **os.environ,
                "AIRFLOW_HOME": home,
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"{url}/{database}",
                "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            }
            subprocess.run([self._options.airflow, str(TRACER), str(out), *args], check=True, env=env)
            return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]

    def shape(self, database: str, target: Path) -> None:
        with psycopg.connect(f"{self._options.server}/{database}") as connection:
            shape = read_shape(connection)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(shape, indent=0, sort_keys=True) + "\n", encoding="utf-8")

    def dump(self, database: str) -> tuple[list[str], list[str]]:
        tables = [f"--table={name}" for name in SEED_TABLES]
        schema = self._pg_dump(database, "--schema-only")
        rows = self._pg_dump(database, "--data-only", "--rows-per-insert=1000", *tables)
        return _statements(schema), _statements(rows)

    def _pg_dump(self, database: str, *args: str) -> str:
        command = [self._options.pg_dump, "--no-owner", "--no-acl", *args, f"{self._options.server}/{database}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _admin(self, statement: str) -> None:
        with psycopg.connect(f"{self._options.server}/postgres", autocommit=True) as connection:
            connection.execute(statement.encode())


def _statements(dump: str) -> list[str]:
    lines = [line for line in dump.splitlines() if line and not line.startswith(("--", "\\", "SET "))]
    parts = re.split(r";\n", "\n".join(lines) + "\n")
    return [part.strip() for part in parts if part.strip() and "search_path" not in part]


def _write(name: str, what: str, version: str, statements: list[str]) -> None:
    body = "\n--;\n".join(_tidy(statement) for statement in statements)
    SCHEMA.mkdir(parents=True, exist_ok=True)
    (SCHEMA / f"{name}.sql").write_text(HEADER.format(what=what, version=version) + body + "\n", encoding="utf-8")


def _tidy(statement: str) -> str:
    return "\n".join(line.rstrip() for line in statement.strip().rstrip(";").splitlines() if line.strip())


def _write_chain(direction: str, version: str, rows: list[dict[str, str]]) -> None:
    statements: list[str] = []
    here = ""
    for row in rows:
        if found := re.match(rf"Running {direction} (\w+) -> (\w+), (.*)", row.get("log", ""), re.DOTALL):
            here = f"{direction} {found[2] if direction == 'upgrade' else found[1]}"
            statements.append(f"@revision {found[1]} {found[2]} {found[3].strip()}")
        elif "sql" in row and here:
            statements.extend(_step(here, row["sql"], statements))
            if "alembic_version" in row["sql"]:
                here = ""
    _write(direction, f"What `airflow db {direction}` sends, revision by revision.", version, statements)


def _step(here: str, sql: str, before: list[str]) -> list[str]:
    flat = " ".join(sql.split())
    for (where, start), loop in LOOPS.items():
        if where == here and flat.startswith(start):
            return [] if before[-1] == f"@loop {loop}" else [f"@loop {loop}"]
    if "pg_catalog" in sql or "alembic_version" in sql or DROPPED.match(flat):
        return []
    return [sql]


if __name__ == "__main__":
    raise SystemExit(main())
