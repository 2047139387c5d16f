"""The manifests back: `helm rollback` to the recorded revision, without hooks and without waiting.

It re-applies what Helm stored: no hook of the chart migrates a database back, and 2.x pods wait in Init for as long as
the schema is not theirs, which `--wait` would wait for in vain.
"""

from __future__ import annotations

import asyncio
import shlex

from migration_cockpit.actions.helm import complaint, execute, session_mark, under_way
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.errors import missing_right
from migration_cockpit.connections.helm import at_work
from migration_cockpit.connections.releases import Release
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.session.events import Command

POLL = 1.0
MIXED_UP = "with the name"
"""Part of helm's complaint about an object that is in the cluster and not in the newest revision's manifest."""
CONFLICT = "Apply failed with"
"""Part of helm 4's complaint about a field that somebody else wrote; helm 3 takes it back."""


class ForgetRevision:
    """Delete Helm's record of an upgrade that never ended: no helm works on a release with one."""

    name = "forget-revision"

    def __init__(self, site: Site, release: Release | None, *, recorded: int) -> None:
        """`release` is the newest revision where it is pending; None where there is nothing to forget."""
        self._site = site
        self._release = release
        self._recorded = recorded
        self.key = release.secret if release else "nothing"

    def describe(self) -> tuple[Command, ...]:
        """One delete, where it is needed."""
        if self._release is None:
            return ()
        what = f"revision {self._release.revision} is {self._release.status} and no helm is at work on it"
        return (Command(text=self._site.kubectl("delete secret", self._release.secret), what=what),)

    async def run(self, report: Report) -> str:
        """Delete the Secret. Raises OperationError."""
        if self._release is None:
            return "no revision is pending"
        if self._release.revision <= self._recorded:
            raise OperationError(f"revision {self._release.revision} is what would be gone back to: it is not deleted")
        if ended := await self._ended(report):
            return ended
        try:
            await self._site.live.kube.delete("secrets", self._release.secret)
        except WorldError as error:
            raise OperationError(f"Secret {self._release.secret} cannot be deleted: {error}") from error
        return f"revision {self._release.revision} is forgotten"

    async def _ended(self, report: Report) -> str:
        """Wait for a helm that outlived its cockpit: without its record it would go on beside the rollback.

        How it ended; nothing where the revision is still pending, for its helm was killed.
        """
        assert self._release is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._site.settings.limits.helm
        while found := await in_thread(at_work, session_mark(self._site)):
            if loop.time() > deadline:
                raise OperationError(
                    f"helm is still at work on the release, process {found[0]}: end it, then try again"
                )
            report.progress(f"waits for helm, which is at work on the upgrade: process {found[0]} of this machine")
            await asyncio.sleep(POLL)
        newest = await self._site.live.releases.newest()
        if newest is not None and newest.pending:
            return ""
        return f"revision {self._release.revision} ended by itself: {newest.status if newest else 'it is gone'}"

    async def observe(self) -> Observation:
        """Whether the record is there."""
        if self._release is None:
            return Observation(Status.DONE, "no revision is pending")
        there = await self._site.live.kube.find("secrets", self._release.secret) is not None
        return Observation(Status.NOT_STARTED if there else Status.DONE, f"revision {self._release.revision}")


class HelmRollback:
    """Roll the release back to a revision. Found again by the description that helm gives such a revision."""

    name = "helm-rollback"

    def __init__(self, site: Site, revision: int | None, *, after: int = 0) -> None:
        """`revision` is gone back to; `after` is the newest revision there was before the rollback began."""
        self._site = site
        self._revision = revision
        self._after = after
        self.key = f"{site.release} to {revision or '<recorded revision>'} after {after or '<newest revision>'}"

    @property
    def _arguments(self) -> tuple[str, ...]:
        revision = str(self._revision) if self._revision else "<recorded revision>"
        limit = f"{int(self._site.settings.limits.helm)}s"
        return ("rollback", self._site.release, revision, "--no-hooks", "--timeout", limit)

    def describe(self) -> tuple[Command, ...]:
        """The whole command line."""
        place = self._site.settings.kubernetes
        where = ("--kube-context", place.context, "--namespace", place.namespace)
        words = [self._site.settings.helm.binary, *self._arguments, *where]
        text = " ".join(word if word.startswith("<") else shlex.quote(word) for word in words)
        return (Command(text=text, what="no --wait: pods of 2.x wait in Init until they find their schema"),)

    async def run(self, report: Report) -> str:
        """Roll back, or wait for a rollback that is under way. Raises OperationError."""
        if not await self._joined(report):
            await self._roll_back(report)
        seen = await self.observe()
        if seen.status is not Status.DONE:
            raise OperationError(seen.detail)
        return seen.detail

    async def _joined(self, report: Report) -> bool:
        """Wait for a helm that outlived its cockpit; False when there is none."""
        loop = asyncio.get_running_loop()
        deadline, seen = loop.time() + self._site.settings.limits.helm, False
        while (newest := await self._site.live.releases.newest()) and newest.pending:
            if loop.time() > deadline or newest.status != "pending-rollback":
                raise OperationError(_pending(self._site, newest))
            report.progress(f"helm: {await self._under_way(newest)}")
            seen = True
            await asyncio.sleep(POLL)
        return seen

    async def _under_way(self, newest: Release) -> str:
        return await under_way(newest, _pending(self._site, newest), *self._arguments)

    async def _roll_back(self, report: Report) -> None:
        executed = await execute(self._site, self._arguments, report)
        if executed.code != 0:
            raise OperationError(await self._why(executed.err or executed.out, executed.code))

    async def _why(self, output: str, code: int) -> str:
        words = f"helm rollback ended with {code}: {complaint(output)}"
        words += missing_right(words, "helm's")
        if CONFLICT in words:
            command = f"{self.describe()[0].text} --force-conflicts"
            return f"{words}. What is gone back to must win here: {command}, then try again: it is found"
        if MIXED_UP not in words:
            return words
        failed = [each for each in await self._site.live.releases.history() if each.status == "failed"]
        deletes = "; ".join(self._site.kubectl("delete secret", each.secret) for each in failed)
        return f"{words}. The failed revision's manifest is not what is in the cluster: {deletes}, then try again"

    async def observe(self) -> Observation:
        """Whether a revision newer than those before is deployed and says that it is this rollback."""
        history = await self._site.live.releases.history()
        newest = history[-1] if history else None
        if newest is None:
            return Observation(Status.FAILED, f"there is no release {self._site.release}")
        if newest.pending:
            return Observation(Status.RUNNING, await self._under_way(newest))
        mine = newest.revision > self._after and newest.description == f"Rollback to {self._revision}"
        if mine and newest.status == "deployed":
            return Observation(Status.DONE, f"revision {newest.revision} is deployed: {newest.description}")
        return Observation(Status.NOT_STARTED, f"revision {newest.revision} is {newest.status}: {newest.description}")


def _pending(site: Site, release: Release) -> str:
    return (
        f"revision {release.revision} is {release.status}: another helm is at work, or was killed. When no helm runs: "
        f"{site.kubectl('delete secret', release.secret)}, then try the stage again"
    )
