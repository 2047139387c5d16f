"""Where operations act: the settings, the session's name as the world spells it, the connections if any."""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migration_cockpit.config import Settings

if TYPE_CHECKING:
    from migration_cockpit.connections import Connections

SLUG_LONGEST = 32
"""Longest session name inside a name in the world: a Job's name and the suffixes Kubernetes adds stay under 63."""


def slug(session: str) -> str:
    """The session's name as Kubernetes and RDS take it: lower case, digits, single hyphens, a letter first."""
    if session.startswith("<"):
        return session  # a plan is made before there is a session
    clean = re.sub(r"[^a-z0-9]+", "-", session.lower()).strip("-") or "session"
    if not clean[0].isalpha():
        clean = f"s-{clean}"
    if len(clean) > SLUG_LONGEST:
        digest = hashlib.sha256(session.encode()).hexdigest()[:8]
        clean = f"{clean[: SLUG_LONGEST - 9].rstrip('-')}-{digest}"
    return clean


@dataclass(frozen=True)
class Site:
    """What every operation needs. Without connections it can be described, not run."""

    settings: Settings
    session: str
    connections: Connections | None = None

    @property
    def slug(self) -> str:
        """The session's name in the spelling of names in the world."""
        return slug(self.session)

    @property
    def live(self) -> Connections:
        """The connections. Raises RuntimeError on a site that was made for describing only."""
        if self.connections is None:
            raise RuntimeError("an operation made for describing cannot be run or observed")
        return self.connections

    @property
    def release(self) -> str:
        """The Helm release's name."""
        return self.settings.kubernetes.release

    @property
    def selector(self) -> str:
        """Label selector of everything of the release; `tier` and `release` keep other releases out."""
        return f"tier=airflow,release={self.release}"

    def kubectl(self, *words: str) -> str:
        """A kubectl command line as a person would type it, context and namespace always named."""
        place = self.settings.kubernetes
        return shlex.join(["kubectl", "--context", place.context, "-n", place.namespace]) + " " + " ".join(words)
