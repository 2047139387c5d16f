"""The servers behind the emulated RDS instances: copies, restores and endpoints, all of them real.

Everything here runs on one event loop in the child's main thread (a server's parent-death signal is tied to the thread
that started it); the API's threads submit coroutines to it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from migration_cockpit.rehearsal.aws.forward import Forwarder
from migration_cockpit.rehearsal.database import SUPERUSER, EmbeddedPostgres, Handle


@dataclass(frozen=True)
class Base:
    """A finished physical copy of a server's data: a snapshot, and what point-in-time recovery starts from."""

    name: str
    copy: EmbeddedPostgres
    finished: datetime


@dataclass
class Machine:
    """One server: the world's own (adopted) or one that a restore started (``own``)."""

    key: str
    handle: Handle
    own: EmbeddedPostgres | None = None
    bases: list[Base] = field(default_factory=list)


class Fleet:
    """All servers by resource id, and the endpoint of each instance identifier."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.machines: dict[str, Machine] = {}
        self.routes: dict[str, str] = {}
        self._forwarders: dict[str, Forwarder] = {}

    def adopt(self, key: str, handle: Handle) -> None:
        """Take a server that somebody else started as machine ``key``."""
        self.machines[key] = Machine(key, handle)

    async def endpoint(self, identifier: str) -> int:
        """Return the port of ``identifier``'s endpoint; it stays the same whatever is behind it."""
        if identifier not in self._forwarders:
            forwarder = Forwarder(lambda: self._port_of(identifier))
            self._forwarders[identifier] = forwarder
            await forwarder.start()
        return self._forwarders[identifier].port

    def _port_of(self, identifier: str) -> int | None:
        machine = self.machines.get(self.routes.get(identifier, ""))
        return machine.handle.port if machine is not None else None

    async def back_up(self, key: str, name: str) -> Base:
        """Copy the running server ``key`` into ``snapshots/name``; it goes on working meanwhile."""
        machine = self.machines[key]
        copy = EmbeddedPostgres(
            self._directory / "snapshots" / name,
            passwords=machine.handle.passwords,
            binaries=Path(machine.handle.binaries),
        )
        await copy.run(
            "pg_basebackup", "--pgdata", str(copy.data), "--host=127.0.0.1", f"--port={machine.handle.port}",
            f"--username={SUPERUSER}", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-manifest",
            "--label", name, password=machine.handle.passwords[SUPERUSER],
        )  # fmt: skip
        base = Base(name, copy, datetime.now(UTC))
        machine.bases.append(base)
        return base

    async def restore(self, key: str, base: Base, source: Machine | None = None, until: datetime | None = None) -> None:
        """Start a new server ``key`` from ``base``; with ``source``, roll its WAL forward, up to ``until``.

        Without ``until`` everything the source has written is applied. The new server takes no part in the source's
        history from then on (a new timeline), as on RDS.
        """
        server = EmbeddedPostgres(
            self._directory / "servers" / key, passwords=base.copy.passwords, binaries=base.copy.binaries
        )
        await server.execute("cp", "-Rp", str(base.copy.data), str(server.data))
        if source is not None:
            await self._finish_segment(source)
            wal = f"{source.handle.place}/archive/%f", f"{source.handle.place}/data/pg_wal/%f"
            server.settings["restore_command"] = " || ".join(f"cp '{path}' %p 2>/dev/null" for path in wal)
            server.settings["recovery_target_action"] = "promote"
            if until is not None:
                server.settings["recovery_target_time"] = until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            await server.execute("touch", str(server.data / "recovery.signal"))
        await server.start()
        await _writable(server.dsn("postgres", SUPERUSER))
        self.machines[key] = Machine(key, server.handle(), own=server)

    async def _finish_segment(self, source: Machine) -> None:
        """Commit something and close the WAL segment, so that recovery finds an end after any time asked for."""
        with suppress(psycopg.OperationalError):
            async with await connect(source.handle) as admin:
                await admin.execute("SELECT pg_current_xact_id()")
                await admin.execute("SELECT pg_switch_wal()")

    async def end_sessions(self, key: str) -> None:
        """End every client session of machine ``key``, as a reboot does."""
        with suppress(psycopg.OperationalError):
            async with await connect(self.machines[key].handle) as admin:
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )

    async def remove(self, key: str) -> None:
        """Stop machine ``key`` for good; the disk of one we started goes with it."""
        machine = self.machines.pop(key)
        if machine.own is not None:
            await machine.own.stop()
            await asyncio.to_thread(machine.own.remove)
        elif (pid := machine.handle.server_pid()) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)

    async def forget(self, base: Base) -> None:
        """Delete a snapshot's copy from disk."""
        for machine in self.machines.values():
            machine.bases = [kept for kept in machine.bases if kept is not base]
        await asyncio.to_thread(base.copy.remove)

    async def stop(self) -> None:
        """Stop the endpoints and every server that was started here."""
        await asyncio.gather(*(forwarder.stop() for forwarder in self._forwarders.values()))
        await asyncio.gather(*(machine.own.stop() for machine in self.machines.values() if machine.own is not None))


async def connect(handle: Handle) -> psycopg.AsyncConnection[tuple[object, ...]]:
    """Open the administrator's session of a server (RDS's own is called rdsadmin too), in autocommit."""
    dsn = handle.dsn("postgres", SUPERUSER)
    return await psycopg.AsyncConnection.connect(dsn, autocommit=True, application_name="rdsadmin", connect_timeout=5)


async def _writable(dsn: str) -> None:
    """Wait until a recovering server has been promoted: it takes connections read-only before that."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as admin:
            row = await (await admin.execute("SELECT pg_is_in_recovery()")).fetchone()
        if row == (False,):
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("the restored server did not leave recovery within 60 s")
