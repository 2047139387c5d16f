"""The API consumers' own smoke script: run once, its output kept."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from migration_cockpit.actions.dump import execute
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.session.events import Command


class RunSmokeScript:
    """A script of the user's own, without a shell; 0 says that all is well."""

    name = "smoke-script"

    def __init__(self, words: Sequence[str], key: str, timeout: float) -> None:
        """`timeout` in seconds; then it is ended."""
        self._words = list(words)
        self._timeout = timeout
        self.key = key
        self.output = ""
        """What it printed, once it ran."""

    def describe(self) -> tuple[Command, ...]:
        """The command as it is in the config."""
        return (Command(text=shlex.join(self._words), what="the consumers' smoke script"),)

    async def run(self, report: Report) -> str:
        """Run it. Raises OperationError when it cannot be started, ends with anything but 0, or does not end."""
        out, errors, code = await execute(
            self._words, {}, self._timeout, named="prepare.smoke", limit="prepare.smoke_timeout"
        )
        self.output = f"{out}{errors}"
        if code:
            last = next(iter(reversed(self.output.strip().splitlines())), "no output")
            raise OperationError(f"it ended with {code}: {last[:200]}", exit_code=code)
        report.line("cockpit", "the smoke script ended with 0", level="good")
        return "ended with 0"

    async def observe(self) -> Observation:
        """A script cannot be asked whether it ran."""
        return Observation(Status.NOT_STARTED, "a script cannot be asked")
