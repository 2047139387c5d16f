"""What every operation on a release shares: its options, signals, and the ledger of the world it ran in."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migration_cockpit.rehearsal.helm.charts import Chart
from migration_cockpit.rehearsal.helm.errors import CancelledError, HelmError
from migration_cockpit.rehearsal.helm.kube import Kube
from migration_cockpit.rehearsal.helm.release import Release, Storage
from migration_cockpit.rehearsal.helm.render import Cluster, Rendered, Target, render
from migration_cockpit.rehearsal.helm.template.nodes import Value
from migration_cockpit.rehearsal.helm.values import Values


@dataclass(frozen=True)
class Options:
    """The flags of install, upgrade and rollback. `timeout_s` bounds each wait by itself, as helm's does."""

    timeout_s: float = 300.0
    wait: bool = False
    wait_for_jobs: bool = False
    atomic: bool = False
    no_hooks: bool = False
    force: bool = False
    cleanup_on_fail: bool = False
    take_ownership: bool = False
    create_namespace: bool = False
    description: str = ""
    dry_run: str = ""
    check_schema: bool = True


@dataclass
class Session:
    """A cluster and its release records."""

    kube: Kube
    storage: Storage

    def render(self, chart: Chart, values: Values, target: Target, options: Options) -> Rendered:
        """Render for this cluster; templates may look objects up, except in a client-side dry run."""
        cluster = Cluster(self.kube.version(), self.kube.apis())
        lookup = None if options.dry_run in {"client", "true"} else self._lookup
        return render(chart, values, target, cluster, lookup=lookup, check_schema=options.check_schema)

    def _lookup(self, version: str, kind: str, namespace: str, name: str) -> Value:
        if name:
            item = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
            return self.kube.get(item) or {}
        return self.kube.request("GET", self.kube.path(version, kind, namespace))


@contextlib.contextmanager
def cancellable(release: str) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a `CancelledError` at whatever point the operation is."""

    def cancel(_number: int, _frame: object) -> None:
        # A second signal must not interrupt the recording of the failure.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        sys.stdout.write(f"Release {release} has been cancelled.\n")
        sys.stdout.flush()
        raise CancelledError

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def record_call(call: str, release: Release) -> None:
    """Write the operation into the rehearsal world's ledger, when there is a world."""
    if world := os.environ.get("REHEARSAL_DIR"):
        from migration_cockpit.rehearsal import calls

        calls.record(Path(world), "helm", call, f"{release.name} rev {release.version}")


def fault(name: str) -> dict[str, object] | None:
    """The options of a fault of the rehearsal world, None when it is not switched on."""
    if world := os.environ.get("REHEARSAL_DIR"):
        from migration_cockpit.rehearsal import faults

        return faults.active(Path(world), name)
    return None


def store_quietly(storage: Storage, release: Release) -> None:
    """Store a revision where helm itself only logs that it could not."""
    with contextlib.suppress(HelmError, OSError):
        storage.update(release)
