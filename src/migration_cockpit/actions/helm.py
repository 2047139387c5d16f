"""The Helm upgrade, in the form that does not deadlock, through the user's own helm; what came of it is read natively.

Every workload of the chart waits in an init container until the schema is migrated. `--wait` would wait for that, and
the migration waits for the upgrade: so helm must not wait, and neither the migration hook nor the user hook may run.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.errors import missing_right
from migration_cockpit.connections.helm import at_work
from migration_cockpit.connections.kube import FIELD_MANAGER
from migration_cockpit.connections.kube_api import Executed
from migration_cockpit.connections.releases import Release
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.session.events import Command

REFUSED = {
    "--wait": "waits for pods that wait for the migration, which is the next step: it always times out",
    "--wait-for-jobs": "waits for pods that wait for the migration, which is the next step: it always times out",
    "--atomic": "rolls the manifests back when it times out, and never the database",
    "--rollback-on-failure": "rolls the manifests back when it times out, and never the database",
    "--reuse-values": "drops the new chart's defaults; values files or --reset-then-reuse-values keep them",
    "--dry-run": "changes nothing",
    "--description": "is how the cockpit finds its own upgrade again",
    "--version": "is helm.chart_version",
    # A later one of these would take the upgrade to another cluster than the one that the screen shows.
    "--kube-context": "is kubernetes.context: every step acts where the banner says",
    "--kubeconfig": "is kubernetes.kubeconfig: every step acts where the banner says",
    "--kube-apiserver": "is kubernetes.context: every step acts where the banner says",
    "--namespace": "is kubernetes.namespace: every step acts where the banner says",
    "-n": "is kubernetes.namespace: every step acts where the banner says",
}
"""Arguments that the config may not hand to helm, and why."""
QUIT_PATIENCE = 15.0
"""Seconds that a running helm gets to end by itself when the cockpit is left."""
POLL = 1.0
PREPARING = "Preparing upgrade"
"""What Helm writes in the place of a description until it is done: a pending revision does not say whose it is."""
_NOT_ALONE = ("another operation (install/upgrade/rollback) is in progress", "already exists")
"""What helm says when another one was quicker: of a cockpit that was killed before there was a revision, say."""
_OVER_REPOINTED = re.compile(rf'conflicts? with "{FIELD_MANAGER}" using v1:[-\s]*\.data\.')
"""Helm 4 over the Secret that the cockpit changed: server-side apply takes no field from who wrote it."""


def refused_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments of helm.arguments that must not be there, each with the reason; `--wait=false` is no harm."""
    found = []
    for argument in arguments:
        name, _, value = argument.partition("=")
        # A short one may have its value right behind it: -nother.
        name = "-n" if re.match(r"-n(?!-)", argument) else name
        if name in REFUSED and value.lower() != "false":
            found.append(f"{argument} {REFUSED[name]}")
    return found


def _chart_before(settings: Settings, major: int, minor: int) -> bool:
    match = re.match(r"v?(\d+)\.(\d+)", settings.helm.chart_version)
    return bool(match) and (int(match[1]), int(match[2])) < (major, minor) if match else False


def switches(settings: Settings) -> tuple[str, ...]:
    """The values that keep both hooks from running, as the chart version really calls them."""
    # Until chart 1.18 the user Job hangs on webserver.defaultUser.enabled; its schema refuses createUserJob.enabled.
    user = "webserver.defaultUser.enabled" if _chart_before(settings, 1, 19) else "createUserJob.enabled"
    return ("--set", "migrateDatabaseJob.enabled=false", "--set", f"{user}=false")


def digest(settings: Settings) -> str:
    """What the upgrade would install, as a short hash: chart, version, values files, arguments."""
    summed = hashlib.sha256(repr((settings.helm.chart, settings.helm.chart_version, settings.helm.arguments)).encode())
    for name in settings.helm.values:
        try:
            summed.update(Path(name).read_bytes())
        except OSError:
            summed.update(f"unreadable {name}".encode())
    return summed.hexdigest()[:8]


def arguments(settings: Settings, description: str) -> tuple[str, ...]:
    """Arguments of `helm upgrade`; the connection adds context and namespace."""
    helm = settings.helm
    values = tuple(word for name in helm.values for word in ("-f", name))
    return (
        "upgrade",
        settings.kubernetes.release,
        helm.chart,
        "--version",
        helm.chart_version,
        *values,
        # Of two settings helm takes the later: what the flight rests on comes after the user's own.
        *helm.arguments,
        *switches(settings),
        "--description",
        description,
        "--timeout",
        f"{int(settings.limits.helm)}s",
    )


def session_mark(site: Site) -> str:
    """How the description of every upgrade of a session begins."""
    return f"migration-cockpit {site.slug}"


class HelmUpgrade:
    """Install the target version's manifests. Its description tells whose upgrade a revision is.

    The key holds a hash of chart and values: an upgrade with mended values is another upgrade.
    """

    name = "helm-upgrade"

    def __init__(self, site: Site) -> None:
        """Reads the values files once, for the key."""
        self._site = site
        self.key = f"{session_mark(site)} {digest(site.settings)}"

    @property
    def _arguments(self) -> tuple[str, ...]:
        return arguments(self._site.settings, self.key)

    def describe(self) -> tuple[Command, ...]:
        """The whole command line."""
        place = self._site.settings.kubernetes
        words = [self._site.settings.helm.binary, *self._arguments]
        words += ["--kube-context", place.context, "--namespace", place.namespace]
        what = "no --wait: the new pods wait for the migration, which is the next step"
        return (Command(text=shlex.join(words), what=what),)

    async def _mine(self) -> Release | None:
        history = await self._site.live.releases.history()
        return next((each for each in reversed(history) if each.description == self.key), None)

    async def run(self, report: Report) -> str:
        """Upgrade, or join an upgrade of this key that is under way. Raises OperationError."""
        if bad := refused_arguments(self._site.settings.helm.arguments):
            raise OperationError(f"helm.arguments: {'; '.join(bad)}. Take it out of the config")
        # A helm that outlived its cockpit still runs: it is waited for, never started twice.
        if not await self._pending(report):
            await self._upgrade(report)
        seen = await self.observe()
        if seen.status is not Status.DONE:
            raise OperationError(seen.detail)
        return seen.detail

    async def _pending(self, report: Report) -> bool:
        """Wait for an upgrade under way; False when there is none, or none any more for its record was deleted."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._site.settings.limits.helm
        seen: Release | None = None
        while (newest := await self._site.live.releases.newest()) and newest.pending:
            if newest.description not in {self.key, PREPARING}:
                raise OperationError(_pending_words(self._site, newest))
            if loop.time() > deadline:
                raise OperationError(_pending_words(self._site, newest))
            report.progress(f"helm: {await self._under_way(newest)}")
            seen = newest
            await asyncio.sleep(POLL)
        if seen is None or newest is None or newest.revision < seen.revision:
            return False
        if await self._mine() is None:
            raise OperationError(
                "another helm changed the release meanwhile: look at helm history, then run the step again"
            )
        return True

    async def _under_way(self, newest: Release) -> str:
        return await under_way(newest, _pending_words(self._site, newest), self.key)

    async def _upgrade(self, report: Report) -> None:
        executed = await execute(self._site, self._arguments, report)
        if executed.code != 0:
            second = any(sign in executed.err for sign in _NOT_ALONE)
            if second and (await self._pending(report) or await self._mine() is not None):
                return
            newest = await self._site.live.releases.newest()
            if newest is not None and newest.pending:
                raise OperationError(_pending_words(self._site, newest))
            words = complaint(executed.err or executed.out)
            raise OperationError(f"helm ended with {executed.code}: {words}{mend_of(words)}")

    async def observe(self) -> Observation:
        """The newest revision with this key, from the release Secrets."""
        mine = await self._mine()
        newest = await self._site.live.releases.newest()
        if newest is not None and newest.pending:
            if newest.description in {self.key, PREPARING}:
                return Observation(Status.RUNNING, await self._under_way(newest))
            return Observation(Status.FAILED, _pending_words(self._site, newest))
        if mine is None:
            # A failed upgrade loses its description: helm writes its error in its place.
            newest_words = f"; revision {newest.revision} is {newest.status}: {newest.description}" if newest else ""
            return Observation(Status.NOT_STARTED, f"no revision of this upgrade{newest_words}")
        if mine.status == "deployed":
            return Observation(Status.DONE, f"revision {mine.revision} is deployed, chart {mine.chart_version}")
        if newest is not None and newest.revision != mine.revision and mine.status == "superseded":
            return Observation(
                Status.NOT_STARTED, f"revision {mine.revision} was superseded by revision {newest.revision}"
            )
        return Observation(Status.FAILED, f"revision {mine.revision} is {mine.status}; {_status_hint(self._site)}")


def complaint(output: str) -> str:
    """Helm's error out of what it printed: its last `Error:` to the end in one line, else the last line."""
    words = [line.strip() for line in output.strip().splitlines() if line.strip()]
    begins = [number for number, line in enumerate(words) if line.startswith("Error:")]
    return " ".join(words[begins[-1] :] if begins else words[-1:]) or "no output"


def mend_of(words: str) -> str:
    """What mends a complaint of helm's, ready to stand behind it; empty where only its own words help."""
    if right := missing_right(words, "helm's"):
        return right
    if "RBAC permissions not currently held" in words:
        return "; who gives rights through a Role must hold them: add these to helm's Role"
    if _OVER_REPOINTED.search(words):
        return (
            "; a way back let this Secret lead to the restored database. Let data.metadataConnection in helm.values "
            "lead there too: helm 4 goes on when both say the same"
        )
    return ""


async def execute(site: Site, arguments: Sequence[str], report: Report) -> Executed:
    """Run the user's helm to its end, its lines in the log. Raises OperationError where it has no exit code."""

    def line(stream: str, text: str) -> None:
        if text.strip():
            report.line("helm", text, level="careful" if stream == "err" else "info")

    limit = site.settings.limits.helm + QUIT_PATIENCE
    task = asyncio.ensure_future(site.live.helm(*arguments, on_line=line, timeout=limit))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # Interrupting helm leaves the release failed or pending: it gets the moment it needs to end by itself.
        await asyncio.wait({task}, timeout=QUIT_PATIENCE)
        task.cancel()
        raise
    except TimeoutError as error:
        raise OperationError(f"helm did not end within {limit:.0f} s; {_status_hint(site)}") from error
    except WorldError as error:
        raise OperationError(str(error)) from error


def _status_hint(site: Site) -> str:
    place = site.settings.kubernetes
    return f"helm status {place.release} -n {place.namespace} --kube-context {place.context} says why"


async def under_way(newest: Release, mend: str, *arguments: str) -> str:
    """What is known of a pending revision: the helm of these arguments that works on it here, else what mends it."""
    if found := await in_thread(at_work, *arguments):
        return f"revision {newest.revision} is {newest.status}: helm is at work, process {found[0]} of this machine"
    return f"no helm of this session is at work on this machine; {mend}"


def _pending_words(site: Site, release: Release) -> str:
    """Why a pending release stops every helm, and the mend."""
    place = site.settings.kubernetes
    where = f"-n {place.namespace} --kube-context {place.context}"
    secret = release.secret or f"sh.helm.release.v1.{place.release}.v{release.revision}"
    return (
        f"revision {release.revision} is {release.status}: another helm is at work, or was killed. When no helm runs: "
        f"{site.kubectl('delete secret', secret)}, then run the step again. helm rollback {place.release} "
        f"{release.revision - 1} --no-hooks {where} does it too, but after an upgrade that was killed halfway it may "
        'end with `no ServiceAccount with the name "airflow-webserver" found`: then only deleting the Secret helps'
    )
