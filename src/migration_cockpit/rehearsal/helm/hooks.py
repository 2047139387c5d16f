"""Running the hooks of an event: by weight, one after the other, each waited for, with their delete policies."""

from __future__ import annotations

from dataclasses import dataclass

from migration_cockpit.rehearsal.helm import apply, waiting
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.kube import ApiError, Kube, Object
from migration_cockpit.rehearsal.helm.release import Release, Storage, now
from migration_cockpit.rehearsal.helm.template.nodes import Value

BEFORE, SUCCEEDED, FAILED = "before-hook-creation", "hook-succeeded", "hook-failed"
Hook = dict[str, Value]


@dataclass
class Runner:
    """Runs hooks of one release; how each went is stored in its record."""

    kube: Kube
    storage: Storage
    release: Release
    timeout_s: float

    def run(self, event: str) -> None:
        """Run every hook of an event.

        Raises:
            HelmError: one could not be created, failed or took too long.
        """
        hooks = [hook for hook in self.release.hooks if event in hook["events"]]
        # Hooks were sorted by kind when they were rendered; a stable sort keeps that among equals.
        hooks.sort(key=lambda hook: (hook.get("weight", 0), hook["name"]))
        for index, hook in enumerate(hooks):
            if not hook.get("delete_policies"):
                hook["delete_policies"] = [BEFORE]
            self._delete(hook, BEFORE)
            items = apply.build(hook["manifest"], self.release.namespace)
            self._mark(hook, "Running")
            self.storage.update(self.release)
            try:
                apply.create(self.kube, items)
            except ApiError as error:
                self._mark(hook, "Failed")
                raise HelmError(f"warning: Hook {event} {hook['path']} failed: {error}") from error
            self._wait(hook, items, hooks[:index])
        for hook in reversed(hooks):
            self._delete(hook, SUCCEEDED)

    def _wait(self, hook: Hook, items: list[Object], earlier: list[Hook]) -> None:
        try:
            for item in items:
                waiting.for_hook(self.kube, item, self.timeout_s)
        except HelmError:
            self._mark(hook, "Failed")
            self._delete(hook, FAILED)
            for done in earlier:
                self._delete(done, SUCCEEDED)
            raise
        self._mark(hook, "Succeeded")

    def _mark(self, hook: Hook, phase: str) -> None:
        run = hook["last_run"]
        if phase == "Running":
            hook["last_run"] = {"started_at": now(), "completed_at": "", "phase": phase}
        else:
            hook["last_run"] = {"started_at": run["started_at"], "completed_at": now(), "phase": phase}

    def _delete(self, hook: Hook, policy: str) -> None:
        if policy not in hook["delete_policies"] or hook["kind"] == "CustomResourceDefinition":
            return
        items = apply.build(hook["manifest"], self.release.namespace)
        problems = apply.delete_all(self.kube, items)
        if problems:
            raise HelmError("; ".join(problems))
        waiting.for_deleted(self.kube, items, self.timeout_s)
