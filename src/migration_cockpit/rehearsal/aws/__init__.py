"""The emulated AWS of the rehearsal: a child process with moto in front and real PostgreSQL servers behind.

A child, because moto takes a second and 200 MB to import, writes where a screen may be drawn, and patches itself into
its process.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import psycopg

from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres, die_with_parent

if TYPE_CHECKING:
    from pathlib import Path

KEY_ID, SECRET = "testing", "testing"
REGION = "eu-central-1"


class AwsError(Exception):
    """The emulated AWS did not start, or refused an order; the message says what it said."""


class EmbeddedAws:
    """AWS on 127.0.0.1:``port`` (0: a free one), with static credentials ``testing``/``testing``.

    ``snapshot_seconds``, ``restore_seconds`` and ``rename_seconds`` are the least time that each takes;
    ``sample_seconds`` is the distance of CloudWatch's points. Must be started on the main thread's event loop.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        region: str = REGION,
        snapshot_seconds: float = 2.0,
        restore_seconds: float = 2.0,
        rename_seconds: float = 1.0,
        sample_seconds: float = 2.0,
    ) -> None:
        self.region = region
        self._directory = directory
        self._port = port
        pace = {"snapshot": snapshot_seconds, "restore": restore_seconds, "rename": rename_seconds}
        self._options = {"pace": pace, "sample_seconds": sample_seconds}
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def endpoint_url(self) -> str:
        """What boto3 takes as endpoint_url, for every service."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start the child and return once it answers."""
        place = self._directory / "aws"
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (place / "aws.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "migration_cockpit.rehearsal.aws.child",
                str(self._directory), str(self._port), json.dumps(self._options),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, preexec_fn=die_with_parent,
            )  # fmt: skip
        self._port = (await self._answer())["port"]

    async def stop(self) -> None:
        """Stop the child, and with it the endpoints and every restored server."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()
        self._process = None

    async def pause(self) -> None:
        """Let the API refuse connections; databases and their endpoints go on."""
        await self._order("pause")

    async def resume(self) -> None:
        """Let the API answer again, on the same port."""
        await self._order("resume")

    async def create_instance(self, identifier: str, postgres: EmbeddedPostgres, **parameters: Any) -> int:
        """Make ``postgres``, which runs, the RDS instance ``identifier``; returns the port of its endpoint.

        ``parameters`` are an instance's in snake case (``allocated_storage`` in GiB, ``multi_az``, ...), and
        ``pending_maintenance``, a list of PendingMaintenanceActionDetails.
        """
        dsn = postgres.dsn("postgres", SUPERUSER)
        async with await psycopg.AsyncConnection.connect(dsn) as admin:
            row = await (await admin.execute("SHOW server_version")).fetchone()
        version = str(row[0]).split()[0] if row else ""
        named = {"engine_version": version} | parameters
        handle = asdict(postgres.handle())
        port: int = await self._order(
            "create", identifier=identifier, region=self.region, handle=handle, parameters=named
        )
        return port

    async def endpoint(self, identifier: str) -> tuple[str, int]:
        """Return host and port of an identifier's endpoint; it stays whatever server has the identifier."""
        return "127.0.0.1", await self._order("endpoint", identifier=identifier)

    async def issue_session(self, seconds: float) -> tuple[str, str, str]:
        """Return key id, secret and session token that are good for ``seconds`` from now (negative: expired)."""
        token = secrets.token_urlsafe(32)
        await self._order("issue", token=token, ends=time.time() + seconds)
        return KEY_ID, SECRET, token

    async def _order(self, name: str, **arguments: Any) -> Any:
        process = self._process
        if process is None or process.stdin is None:
            raise AwsError("the emulated AWS does not run")
        async with self._turn:
            process.stdin.write(json.dumps({"do": name, "with": arguments}).encode() + b"\n")
            with suppress(ConnectionError):
                await process.stdin.drain()
            answer = await self._answer()
        if "error" in answer:
            raise AwsError(f"{name}: {answer['error']}")
        return answer["result"]

    async def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        if not line:
            words = (self._directory / "aws" / "aws.log").read_text(encoding="utf-8", errors="replace")[-800:]
            raise AwsError(f"the emulated AWS ended: {words}")
        answer: dict[str, Any] = json.loads(line)
        return answer
