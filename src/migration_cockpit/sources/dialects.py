"""What differs in the metadata database between Airflow 2 and 3, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Schema:
    """One generation of the metadata database."""

    current: str
    """Condition under which a row of `dag` is a DAG that exists."""
    logical: str
    """Column of `dag_run` that says of when a run is."""


V2 = Schema(current="is_active", logical="execution_date")
V3 = Schema(current="not is_stale", logical="logical_date")


@cache
def text(name: str) -> str:
    """The text of an .sql file."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


@cache
def query(name: str, schema: Schema) -> str:
    """A query with what differs between the generations filled in."""
    return text(name).format(current=schema.current)


@cache
def database_query(server_version: int) -> str:
    """The query of the database source for a server (`server_version_num`)."""
    major = server_version // 10000
    whole = text("database")
    for part, known in (("blocks_written", (14, 16, 18)), ("backend_io", (14, 18))):
        newest = max((each for each in known if each <= major), default=known[0])
        whole = whole.replace(f"{{{part}}}", text(f"{part}_{newest}"))
    return whole


@cache
def tasks_slow_query() -> str:
    """The query of what the tasks source asks less often."""
    return text("tasks_slow").replace("{half_done_runs}", text("half_done_runs"))


@cache
def with_hashes(name: str) -> str:
    """A query of the cost source. Its columns are the same in both generations: what differs is left out of the hashes,
    so that the migration itself changes none of them."""
    hashes = {"{connections}": text("connection_hashes"), "{variables}": text("variable_hashes")}
    found = text(name)
    for place, query_text in hashes.items():
        found = found.replace(place, query_text)
    return found


@cache
def rows_since_query(schema: Schema) -> str:
    """The query of the rows that came since a recovery point."""
    return text("rows_since").replace("{logical}", schema.logical)
