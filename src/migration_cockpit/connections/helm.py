"""The user's own helm, as a subprocess: same binary, plugins and audit trail as on any other day."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from migration_cockpit.config import Settings
from migration_cockpit.connections.errors import Unreachable
from migration_cockpit.connections.kube_api import Executed

END_SECONDS = 15.0
"""How long an interrupted helm gets to mark its release before it is killed."""
LineHandler = Callable[[str, str], None]
"""Gets `out` or `err` and a line."""


def command(settings: Settings, arguments: Sequence[str]) -> list[str]:
    """The whole command line, as a person could type it."""
    kubernetes = settings.kubernetes
    where = ["--kube-context", kubernetes.context, "--namespace", kubernetes.namespace]
    if kubernetes.kubeconfig:
        where = ["--kubeconfig", kubernetes.kubeconfig, *where]
    return [settings.helm.binary, *arguments, *where]


def at_work(*arguments: str) -> list[int]:
    """Processes of this machine with arguments that begin so, all of them; none where the machine does not tell.

    It finds a helm that outlived the cockpit that started it, and that one which was killed is at work no more.
    """
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if all(any(word.startswith(each.encode()) for word in words) for each in arguments):
                found.append(int(path.parent.name))
    return sorted(found)


async def run(
    settings: Settings, arguments: Sequence[str], *, on_line: LineHandler | None = None, timeout: float = 120.0
) -> Executed:
    """Run helm to its end. Raises Unreachable when the binary does not start, TimeoutError when it takes too long.

    A helm that is cancelled or too slow is interrupted (SIGINT), so that it can mark its release, and killed
    only when that does not end it. It runs in a process group of its own: the terminal's Ctrl-C does not reach it.
    """
    words = command(settings, arguments)
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_hear_interrupts if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else None,
            limit=16 * 1024 * 1024,
        )
    except OSError as error:
        why = error.strerror or str(error)
        raise Unreachable("helm", f"{settings.helm.binary} cannot be started: {why}", "check helm.binary") from error
    assert process.stdout is not None  # both are pipes
    assert process.stderr is not None
    try:
        async with asyncio.timeout(timeout):
            out, err, code = await asyncio.gather(
                _read(process.stdout, "out", on_line), _read(process.stderr, "err", on_line), process.wait()
            )
    except BaseException:
        await _end(process)
        raise
    return Executed(code, out, err)


def _hear_interrupts() -> None:
    """A cockpit that was started in the background ignores SIGINT, and its children would: helm must hear it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def _read(stream: asyncio.StreamReader, name: str, on_line: LineHandler | None) -> str:
    lines: list[str] = []
    async for raw in stream:
        line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        lines.append(line)
        if on_line is not None:
            on_line(name, line)
    return "\n".join(lines)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Interrupt the process group, then kill what is left; the shield keeps a second cancel from cutting it short."""

    async def end() -> None:
        for sign, seconds in ((signal.SIGINT, END_SECONDS), (signal.SIGKILL, 5.0)):
            if process.returncode is not None:
                return
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)

    await asyncio.shield(asyncio.ensure_future(end()))
