"""What an advice is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """A word that can be called across a room, its sentence, and what is behind it."""

    word: str
    tone: str
    """`good`, `careful`, `bad` or `plain`."""
    headline: str
    details: tuple[str, ...] = ()


STARTING = Advice("STARTING", "plain", "The session is being opened; nothing has been asked of the world yet.")
"""All there is to say before it is."""
