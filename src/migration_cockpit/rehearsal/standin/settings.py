"""What an `airflow` process reads from its environment, under Airflow's own names."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_EXECUTION_API = "http://localhost:8080/execution/"


class MissingSettingError(RuntimeError):
    """A setting without which no Airflow process can work is not in the environment."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings one process runs with. Times are in seconds."""

    url: str
    executor: str
    dags_folder: Path
    batch_size: int
    parallelism: int
    statsd: tuple[str, int, str] | None
    port: int
    hostname: str
    unixname: str
    api_secret: str
    jwt_secret: str
    execution_api: str
    catchup_by_default: bool
    heartbeat: float
    parse_interval: float
    tick: float
    adopted: float
    slow: float
    world: Path | None

    @property
    def dsn(self) -> str:
        """The connection string as libpq takes it (Airflow's carries SQLAlchemy's driver name)."""
        return plain_dsn(self.url)

    @property
    def celery(self) -> bool:
        """Whether tasks run in worker processes and not in the scheduler."""
        return "Celery" in self.executor


def plain_dsn(url: str) -> str:
    """`postgresql+psycopg2://...` and `postgres://...` as libpq understands them."""
    scheme, _, rest = url.partition("://")
    return f"postgresql://{rest}" if scheme.startswith("postgres") else url


def from_environment(is3: bool, env: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; raises MissingSettingError without a database.

    `port` is 0 where the environment names none. The REHEARSAL_* names are the stand-in's own: TICK is the pace of its
    loops, PARSE_INTERVAL the time between two looks at the dags folder, ADOPTED_SECONDS how long tasks go on that ran
    before their executor started, SLOW the factor by which a migration's work is stretched.
    """
    url = env.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN") or env.get("AIRFLOW__CORE__SQL_ALCHEMY_CONN")
    if not url:
        raise MissingSettingError("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN is not set")
    home = Path(env.get("AIRFLOW_HOME", str(Path.home() / "airflow")))
    world = env.get("REHEARSAL_DIR")
    return Settings(
        url=url,
        executor=env.get("AIRFLOW__CORE__EXECUTOR") or ("LocalExecutor" if is3 else "SequentialExecutor"),
        dags_folder=Path(env.get("AIRFLOW__CORE__DAGS_FOLDER", str(home / "dags"))),
        batch_size=int(env.get("AIRFLOW__DATABASE__MIGRATION_BATCH_SIZE", "10000")),
        parallelism=int(env.get("AIRFLOW__CORE__PARALLELISM", "32")),
        statsd=_statsd(env),
        port=int(env.get("PORT", "0")),
        hostname=env.get("HOSTNAME") or socket.gethostname(),
        unixname=_user(),
        api_secret=env.get("AIRFLOW__API__SECRET_KEY") or env.get("AIRFLOW__WEBSERVER__SECRET_KEY", ""),
        jwt_secret=env.get("AIRFLOW__API_AUTH__JWT_SECRET", ""),
        execution_api=env.get("AIRFLOW__CORE__EXECUTION_API_SERVER_URL") or _DEFAULT_EXECUTION_API,
        catchup_by_default=_flag(env.get("AIRFLOW__SCHEDULER__CATCHUP_BY_DEFAULT"), default=not is3),
        heartbeat=float(env.get("AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC", "5")),
        parse_interval=float(env.get("REHEARSAL_PARSE_INTERVAL", "5")),
        tick=float(env.get("REHEARSAL_TICK", "0.5")),
        adopted=float(env.get("REHEARSAL_ADOPTED_SECONDS", "8")),
        slow=max(1.0, float(env.get("REHEARSAL_SLOW", "1"))),
        world=Path(world) if world else None,
    )


def _statsd(env: Mapping[str, str]) -> tuple[str, int, str] | None:
    if not _flag(env.get("AIRFLOW__METRICS__STATSD_ON"), default=False):
        return None
    host = env.get("AIRFLOW__METRICS__STATSD_HOST", "localhost")
    port = int(env.get("AIRFLOW__METRICS__STATSD_PORT", "8125"))
    return host, port, env.get("AIRFLOW__METRICS__STATSD_PREFIX", "airflow")


def _flag(text: str | None, *, default: bool) -> bool:
    return default if text is None else text.strip().lower() in ("true", "t", "1")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id need not have a name
        return str(os.getuid())
