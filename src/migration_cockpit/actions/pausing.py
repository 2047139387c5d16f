"""Pausing and unpausing DAGs: all in one bulk call, a list one by one. What is true is read from the database.

Neither the CLI's nor the API's answer is trusted: an unknown DAG gives exit code 0, the 3.x CLI prints the value of
before, and the bulk call of 2.x changes one page only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from migration_cockpit.actions import database
from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.config import version_tuple
from migration_cockpit.connections import WorldError
from migration_cockpit.session.events import Command

NAMED = 10
"""More DAGs than this are not named one by one in the log: they would push everything else out of sight."""


def _curl(site: Site, path: str, body: str, *, major: int) -> str:
    airflow = site.settings.airflow
    account = f'-u "{airflow.username}:$PASSWORD"' if major == 2 else '-H "Authorization: Bearer $TOKEN"'
    base = airflow.url.rstrip("/")
    return f"curl -X PATCH {account} -H 'Content-Type: application/json' '{base}{path}' -d '{body}'"


class PauseAll:
    """Pause every DAG by the REST API's bulk call of the version that runs."""

    name = "pause-all"

    def __init__(self, site: Site, *, version: str) -> None:
        """`version` is the Airflow that answers now: the source's before the upgrade, the target's in a rollback."""
        self._site = site
        self._major = version_tuple(version)[0]
        self.key = f"{site.slug}-pause-all"

    def describe(self) -> tuple[Command, ...]:
        """The bulk call; 2.x changes one page of 100 a call, 3.x all matches at once."""
        if self._major == 2:
            path, what = "/api/v1/dags?dag_id_pattern=%25&limit=100&offset=0", "once for each page of 100 DAGs"
        else:
            path, what = "/api/v2/dags?dag_id_pattern=~", "one call changes all"
        body = '{"is_paused": true}'
        return (Command(text=_curl(self._site, path, body, major=self._major), what=f"pause all DAGs: {what}"),)

    async def run(self, report: Report) -> str:
        """Pause them; raises OperationError when the API refuses."""
        try:
            await self._site.live.airflow.set_paused_all(True)
        except WorldError as error:
            mend = "airflow dags pause --treat-dag-id-as-regex '.*' -y in a pod of the running version does the same"
            raise OperationError(f"DAGs cannot be paused: {error}; {mend}") from error
        report.progress("the API took the bulk call; the database tells whether it holds")
        return "the bulk call was taken"

    async def observe(self) -> Observation:
        """Whether the database shows an active DAG."""
        dags = await database.dags(self._site)
        active = sum(not dag.paused for dag in dags)
        if not dags:
            return Observation(Status.NOT_STARTED, "the database shows no DAG at all")
        status = Status.NOT_STARTED if active else Status.DONE
        return Observation(status, f"{len(dags) - active} of {len(dags)} DAGs are paused")


class SetPaused:
    """Pause or unpause the given DAGs one by one, with a pause between; tells m of n and goes on with the rest."""

    def __init__(
        self,
        site: Site,
        name: str,
        dag_ids: Sequence[str] | None,
        *,
        paused: bool,
        version: str,
        wait: float = 0.0,
        which: str = "each DAG",
    ) -> None:
        """`dag_ids` None: only known in the flight, `which` says which ones. `wait` is seconds between two DAGs."""
        self._site = site
        self.name = name
        self._dag_ids = None if dag_ids is None else tuple(dag_ids)
        self._paused = paused
        self._major = version_tuple(version)[0]
        self._wait = wait
        self._which = which
        self.key = f"{site.slug}-{name}"

    @property
    def _verb(self) -> str:
        return "pause" if self._paused else "unpause"

    def describe(self) -> tuple[Command, ...]:
        """One call a DAG."""
        body = f'{{"is_paused": {str(self._paused).lower()}}}'
        names = (f"<{self._which}>",) if self._dag_ids is None else self._dag_ids
        prefix = "/api/v1/dags/" if self._major == 2 else "/api/v2/dags/"
        pause = f"then wait {self._wait:g} s" if self._wait else ""
        return tuple(
            Command(text=_curl(self._site, prefix + name, body, major=self._major), what=pause) for name in names
        )

    async def _left(self) -> list[str]:
        found = {dag.dag_id: dag.paused for dag in await database.dags(self._site)}
        return [name for name in self._dag_ids or () if found.get(name) is not self._paused]

    async def run(self, report: Report) -> str:
        """Change those that are not as wanted. Raises OperationError naming those that could not be changed."""
        left = await self._left()
        total = len(self._dag_ids or ())
        failed: dict[str, str] = {}
        for number, name in enumerate(left):
            if number and self._wait:
                await asyncio.sleep(self._wait)
            try:
                await self._site.live.airflow.set_paused(name, self._paused)
                if total <= NAMED:
                    report.line("cockpit", f"{self._verb}d {name}")
            except WorldError as error:
                failed[name] = str(error)
                report.line("cockpit", f"{name} cannot be {self._verb}d: {error}", level="bad")
            report.progress(f"{self._verb}d", total - len(left) + number + 1 - len(failed), total)
        if failed:
            first = next(iter(failed.items()))
            raise OperationError(
                f"{total - len(failed)} of {total} {self._verb}d; {', '.join(failed)} not: {first[1]}. "
                "Run the step again: it tries only the rest"
            )
        return f"{total} of {total} {self._verb}d"

    async def observe(self) -> Observation:
        """What the database says of each."""
        left = await self._left()
        total = len(self._dag_ids or ())
        status = Status.NOT_STARTED if left else Status.DONE
        return Observation(status, f"{total - len(left)} of {total} are {self._verb}d")
