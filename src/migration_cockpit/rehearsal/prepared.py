"""What a careful team has beside its deployment in the weeks before: package lists, access logs, an Alertmanager."""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from aiohttp import web
from cryptography.fernet import Fernet

if TYPE_CHECKING:
    from pathlib import Path

ACCESS_LOG = "ingress-access.log"
PACKAGES = "packages-{}.txt"
"""`pip freeze` of an image, `production` or `target`."""
HISTORY_DAYS = 7
LINES_A_DAY = 40
PROVIDERS = {
    "amazon": ("9.4.0", "9.22.0"),
    "celery": ("3.10.4", "3.16.0"),
    "cncf-kubernetes": ("10.1.0", "10.13.0"),
    "common-compat": ("1.14.2", "1.15.0"),
    "common-io": ("1.7.2", "1.7.2"),
    "common-sql": ("1.34.0", "2.0.0"),
    "fab": ("1.5.4", "3.6.4"),
    "http": ("5.6.4", "6.0.0"),
    "postgres": ("6.1.0", "6.6.0"),
    "smtp": ("2.4.4", "3.0.1"),
    "standard": ("0.4.0", "1.13.1"),
}
"""What production's image has and what the target's has."""
_PAGES = ("/home", "/dags/daily_revenue_aggregation/grid", "/object/grid_data", "/static/appbuilder/css/ab.css")


def write_packages(directory: Path, source: str, target: str) -> None:
    """`pip freeze` of both images."""
    for index, (name, version) in enumerate((("production", source), ("target", target))):
        lines = [f"apache-airflow=={version}"]
        lines += [f"apache-airflow-providers-{each}=={pins[index]}" for each, pins in PROVIDERS.items()]
        (directory / PACKAGES.format(name)).write_text("\n".join(lines) + "\n", "utf-8")


def write_history(directory: Path, now: datetime) -> None:
    """The ingress' log of the days before, in front of what it has logged since: people who look at the UI."""
    chance = random.Random(7)  # noqa: S311 - the same every time
    begins = now - timedelta(days=HISTORY_DAYS)
    lines = []
    for number in range(HISTORY_DAYS * LINES_A_DAY):
        at = begins + timedelta(days=1) * ((number + chance.random()) / LINES_A_DAY)
        call = f"GET {chance.choice(_PAGES)} HTTP/1.1"
        lines.append(line(f"10.0.3.{chance.randrange(2, 30)}", at, call, 200, "Mozilla/5.0"))
    path = directory / ACCESS_LOG
    since = path.read_text("utf-8") if path.exists() else ""
    path.write_text("".join(lines) + since, "utf-8")


def line(client: str, at: datetime, call: str, status: int, agent: str) -> str:
    """One of an access log, as nginx writes it by default."""
    return f'{client} - - [{at.astimezone(UTC):%d/%b/%Y:%H:%M:%S +0000}] "{call}" {status} 0 "-" "{agent}"\n'


def store_password(dsn: str, key: str) -> None:
    """Give production's connection `warehouse` a password, stored with its Fernet key as Airflow stores it."""
    token = Fernet(key).encrypt(secrets.token_urlsafe(12).encode()).decode()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE connection SET password = %s, is_encrypted = true WHERE conn_id = 'warehouse'", (token,)
        )


class Alertmanager:
    """The part of Alertmanager's API that silences need, on loopback."""

    def __init__(self) -> None:
        self._silences: dict[str, dict[str, Any]] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_get("/api/v2/silences", self._list)
        app.router.add_post("/api/v2/silences", self._add)
        app.router.add_delete("/api/v2/silence/{id}", self._expire)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def silence(self, begins: datetime, ends: datetime) -> None:
        """Silence the namespace's alerts for so long."""
        self._keep(
            {
                "matchers": [{"name": "namespace", "value": "airflow", "isRegex": False, "isEqual": True}],
                "startsAt": begins.isoformat(),
                "endsAt": ends.isoformat(),
                "createdBy": "rehearsal",
                "comment": "the migration's day",
            }
        )

    def _keep(self, given: dict[str, Any]) -> str:
        name = str(given.pop("id", "") or uuid4())
        self._silences[name] = given
        return name

    def _shown(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        begins, ends = datetime.fromisoformat(given["startsAt"]), datetime.fromisoformat(given["endsAt"])
        state = "expired" if ends <= now else "active" if begins <= now else "pending"
        return {"id": name, "status": {"state": state}, "updatedAt": given["startsAt"], **given}

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response([self._shown(name, given) for name, given in self._silences.items()])

    async def _add(self, request: web.Request) -> web.Response:
        return web.json_response({"silenceID": self._keep(await request.json())})

    async def _expire(self, request: web.Request) -> web.Response:
        found = self._silences.get(request.match_info["id"])
        if found is None:
            return web.Response(status=404)
        found["endsAt"] = datetime.now(UTC).isoformat()
        return web.Response()
