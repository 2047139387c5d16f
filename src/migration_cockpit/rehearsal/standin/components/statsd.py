"""Metrics over UDP in statsd's format, under the names real schedulers were recorded sending."""

from __future__ import annotations

import contextlib
import socket


class Statsd:
    """Sends to one listener; sends nowhere when metrics are off, and never fails (a datagram may get lost)."""

    def __init__(self, target: tuple[str, int, str] | None) -> None:
        self._prefix = target[2] if target else ""
        self._address = target[:2] if target else None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if target else None

    def gauge(self, name: str, value: float) -> None:
        """Set a gauge."""
        self._send(name, f"{value:g}|g")

    def timer(self, name: str, milliseconds: float) -> None:
        """Record a duration in milliseconds."""
        self._send(name, f"{milliseconds:.6f}|ms")

    def count(self, name: str, by: int = 1) -> None:
        """Count `by` more."""
        self._send(name, f"{by}|c")

    def _send(self, name: str, value: str) -> None:
        if self._socket and self._address:
            with contextlib.suppress(OSError):
                self._socket.sendto(f"{self._prefix}.{name}:{value}".encode(), self._address)
