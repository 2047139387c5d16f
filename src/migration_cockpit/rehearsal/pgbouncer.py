"""The program in the PgBouncer pod: ``pgbouncer -u nobody /etc/pgbouncer/pgbouncer.ini`` in a rehearsal's cluster.

As the real one it reads its configuration once, at its start, takes the alias that a client asks for and speaks to the
server that stands behind it. One session of the server belongs to one client: there is no pool, and what a pool in
transaction mode takes away is not taken away here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import signal
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from migration_cockpit.rehearsal.standin import image

IMAGE = "apache-airflow-airflow-pgbouncer-2025.03.05-1.23.1"
"""Directory of the chart's image for it."""
PORT = 6543
SSL, GSS, CANCEL, PROTOCOL = 80877103, 80877104, 80877102, 3 << 16
KNOWN = {"user", "database", "client_encoding", "datestyle", "timezone", "standard_conforming_strings"}
KNOWN |= {"application_name", "extra_float_digits"}
"""Start-up parameters that it takes; others are refused, as the real one refuses them."""
CHUNK = 64 * 1024


def install_image(world: Path) -> None:
    """Put it into the world as what the chart's PgBouncer image contains."""
    folder = world / "images" / IMAGE / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pgbouncer"
    path = shlex.quote(os.pathsep.join(image.search_path()))
    program.write_text(
        f'#!/bin/sh\nexport PYTHONPATH={path}\nexec {shlex.quote(sys.executable)} -S -m {__name__} "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)


def databases(text: str) -> dict[str, dict[str, str]]:
    """The aliases of a pgbouncer.ini, and what stands behind each."""
    section, found = "", {}
    for line in text.splitlines():
        if named := re.match(r"\[(\w+)\]", line):
            section = named[1]
        elif section == "databases" and "=" in line:
            alias, _, given = line.partition("=")
            found[alias.strip()] = dict(re.findall(r"(\w+)\s*=\s*(\S+)", given))
    return found


class Pooler:
    """Takes connections and joins each with its server."""

    def __init__(self, aliases: Mapping[str, Mapping[str, str]]) -> None:
        self._aliases = aliases
        self._lines: set[asyncio.Task[None]] = set()

    async def serve(self, port: int) -> None:
        """Serve until it is asked to end; the clients' connections end with it."""
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        server = await asyncio.start_server(self._taken, "127.0.0.1", port)
        print(f"LOG listening on 127.0.0.1:{port}", flush=True)
        await ended.wait()
        print("LOG got SIGTERM, shutting down", flush=True)
        server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._join(reader, writer)
        finally:
            self._lines.discard(line)
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, rest = await _begin(reader, writer)
        if code == CANCEL:  # which server it means is not known: it is told to each of them once
            for host, port in {_place(each) for each in self._aliases.values()}:
                await _tell(host, port, struct.pack("!II", len(rest) + 8, code) + rest)
            return
        words = rest.rstrip(b"\0").split(b"\0")
        given = dict(zip((word.decode() for word in words[::2]), (word.decode() for word in words[1::2]), strict=False))
        if unknown := [name for name in given if name.lower() not in KNOWN]:
            writer.write(_refusal("08P01", f"unsupported startup parameter: {unknown[0]}"))
            return
        alias = given.get("database", given.get("user", ""))
        behind = self._aliases.get(alias)
        if behind is None:
            writer.write(_refusal("3D000", f"no such database: {alias}"))
            return
        far_reader, far_writer = await asyncio.open_connection(*_place(behind))
        try:
            asked = {**given, "database": behind.get("dbname", alias)}
            body = b"".join(f"{name}\0{value}\0".encode() for name, value in asked.items()) + b"\0"
            far_writer.write(struct.pack("!II", len(body) + 8, PROTOCOL) + body)
            both = {
                asyncio.create_task(_copy(reader, far_writer)),
                asyncio.create_task(_copy(far_reader, writer)),
            }
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in both:
                    each.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        finally:
            far_writer.close()


async def _begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
    """The first message that says who comes; encryption is declined."""
    while True:
        length, code = struct.unpack("!II", await reader.readexactly(8))
        rest = await reader.readexactly(length - 8)
        if code not in {SSL, GSS}:
            return code, rest
        writer.write(b"N")
        await writer.drain()


def _place(behind: Mapping[str, str]) -> tuple[str, int]:
    return behind.get("host", "127.0.0.1"), int(behind.get("port", "5432"))


def _refusal(state: str, text: str) -> bytes:
    fields = f"SFATAL\0VFATAL\0C{state}\0M{text}\0\0".encode()
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


async def _tell(host: str, port: int, message: bytes) -> None:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(host, port)
        writer.write(message)
        await writer.drain()
        writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()


def main() -> None:
    """Read the configuration, serve on the port that the pod was given for it."""
    text = Path(sys.argv[-1]).read_text(encoding="utf-8")
    port = int(os.environ.get(f"REHEARSAL_PORT_{PORT}") or PORT)
    asyncio.run(Pooler(databases(text)).serve(port))


if __name__ == "__main__":
    main()
