"""Run an `airflow` command and write every SQL statement it sends, with alembic's own lines between, as JSON lines.

Runs with the Python of an Airflow environment, not with the project's: `python trace_airflow.py OUT.jsonl db migrate`.
Each line is {"log": text}, {"tx": "begin" | "commit" | "rollback", "pid": n} or {"sql": text, "pid": n}, where pid is
the PostgreSQL backend and the text of a statement has its parameters filled in.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Hook SQLAlchemy and alembic, then hand over to Airflow's own entry point."""
    from alembic.runtime import migration
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    out = Path(sys.argv[1]).open("w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process

    def emit(**fields: object) -> None:
        out.write(json.dumps(fields) + "\n")
        out.flush()

    def pid(connection: Any) -> int:
        return int(connection.info.backend_pid)

    @event.listens_for(Engine, "before_cursor_execute")
    def _statement(_c: object, cursor: Any, sql: str, params: Any, _x: object, many: bool) -> None:
        try:
            texts = [cursor.mogrify(sql, each).decode() for each in (params if many else [params])]
        except TypeError:
            texts = [sql]
        for text in texts:
            emit(sql=text, pid=pid(cursor.connection))

    def boundary(name: str) -> None:
        event.listen(Engine, name, lambda conn: emit(tx=name, pid=pid(conn.connection.dbapi_connection)))

    for name in ("begin", "commit", "rollback"):
        boundary(name)
    plain = migration.log.info

    def info(message: str, *args: object, **kwargs: Any) -> None:
        emit(log=message % args if args else message)
        plain(message, *args, **kwargs)

    migration.log.info = info
    sys.argv = ["airflow", *sys.argv[2:]]
    from airflow.__main__ import main as airflow

    airflow()


if __name__ == "__main__":
    main()
