"""What differs in the metadata database between Airflow 2 and 3, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Schema:
    """One generation of the metadata database."""

    major: int
    current: str
    """Condition under which a row of `dag` is a DAG that exists."""
    newest_serialized: str
    """Condition on `s` (serialized_dag) that leaves one row a DAG `d`."""
    not_full: str
    """Condition on `d` (dag) that it is not at its limit of active runs; NULL next_dagrun_create_after says it in 2."""
    asset_queue: str
    """Table of asset events that wait to start runs."""
    tick: str
    """Column of dag_run whose distances are those of the schedule."""
    catchup_default: bool
    """`[scheduler] catchup_by_default` as shipped."""


V2 = Schema(
    major=2,
    current="is_active",
    newest_serialized="true",
    not_full="true",
    asset_queue="dataset_dag_run_queue",
    tick="data_interval_end",
    catchup_default=True,
)
V3 = Schema(
    major=3,
    current="not is_stale",
    newest_serialized=(
        "s.id = (select x.id from serialized_dag x where x.dag_id = d.dag_id order by x.created_at desc limit 1)"
    ),
    # Added in 3.2; before, the same is said by NULL next_dagrun_create_after. to_jsonb reads it where it exists.
    not_full="not coalesce((to_jsonb(d) ->> 'exceeds_max_non_backfill')::boolean, false)",
    asset_queue="asset_dag_run_queue",
    tick="run_after",
    catchup_default=False,
)


@cache
def text(name: str) -> str:
    """The text of an .sql file."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


@cache
def query(name: str, schema: Schema) -> str:
    """A query with what differs between the generations filled in."""
    return text(name).format(
        current=schema.current,
        newest_serialized=schema.newest_serialized,
        not_full=schema.not_full,
        asset_queue=schema.asset_queue,
        tick=schema.tick,
    )


@cache
def database_query(server_version: int) -> str:
    """The query of the database source for a server (`server_version_num`)."""
    known = [14, 16, 18]
    newest = max((major for major in known if major <= server_version // 10000), default=known[0])
    return text("database").replace("{blocks_written}", text(f"blocks_written_{newest}"))
