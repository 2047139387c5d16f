"""The one error that ends a helm command, worded as the real helm words it."""

from __future__ import annotations


class HelmError(Exception):
    """The command failed; the text follows `Error: ` on standard error and the exit code is 1."""


class CancelledError(HelmError):
    """A signal asked the command to stop; Go's context says `context canceled`."""

    def __init__(self) -> None:
        super().__init__("context canceled")


class DeadlineError(HelmError):
    """Waiting took longer than --timeout."""

    def __init__(self) -> None:
        super().__init__("context deadline exceeded")
