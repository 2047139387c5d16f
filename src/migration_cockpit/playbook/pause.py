"""Step 2: write down which DAGs are active, then pause all of them in one bulk call."""

from __future__ import annotations

from collections.abc import Sequence

from migration_cockpit.actions import database
from migration_cockpit.actions.operation import Operation, OperationError
from migration_cockpit.actions.pausing import PauseAll
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.playbook import ledger
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.gates import checked, gate, site_of, source_answers, world_errors
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check

SETTLE_SECONDS = 10.0
"""How long the database gets to show what the API took."""
MEND = "airflow dags pause --treat-dag-id-as-regex '.*' -y in a pod of the running version, or pause what is named"


async def _dags_there(flight: Flight) -> tuple[bool, str]:
    dags = await database.dags(site_of(flight))
    return bool(dags), f"{len(dags)} DAGs, {sum(not dag.paused for dag in dags)} active"


class Pause:
    """Pause all DAGs; the ledger is on disk before the first one is."""

    id = "pause"
    title = "pause all DAGs"
    key = "2"
    purpose = "Let nothing new start: write the pause ledger, pause all DAGs in one bulk call, see it in the database."
    undo = "Unpause the DAGs of the ledger (artifacts/pause-ledger.json): they are active as before."
    differs = (
        "The playbook counts a field `paused` that does not exist and starts one CLI a DAG; its check passes at 0 of 0 "
        "with nothing paused. One bulk call takes a second for 1,000 DAGs, and the database is asked whether it holds."
    )

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return 10.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """There must be DAGs: zero of zero are always all paused."""
        mend = "an Airflow without DAGs, or the wrong database: check postgres.dsn"
        return (gate("DAGs there", "the database shows DAGs", mend, _dags_there), source_answers())

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """The bulk call."""
        return (PauseAll(Site(settings, session), version=settings.deployment.source_version),)

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return (
            "the pause ledger names every DAG that was active",
            "the database shows DAGs, and not one of them is active",
            "no DAG was lost or added since the ledger",
        )

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """Ledger first: once a DAG is paused nobody can tell any more which were active."""
        async with world_errors("the pause ledger cannot be written"):
            try:
                await ledger.write(flight)
            except OSError as error:
                raise StepFailed(f"the pause ledger cannot be written: {error.strerror}; nothing was paused") from error
        operation = PauseAll(site_of(flight), version=flight.settings.deployment.source_version)
        async with world_errors("pausing"):
            try:
                await flight.do(self.id, operation)
            except OperationError:
                # The API may have refused after doing a part: what the database says goes into the outcome.
                await flight.verify(self.id, lambda: self._checks(flight), timeout=0.0)
                raise
        return await flight.verify(self.id, lambda: self._checks(flight), timeout=SETTLE_SECONDS)

    async def _checks(self, flight: Flight) -> Sequence[Check]:
        return (
            await checked("DAGs paused", MEND, _none_active(flight)),
            await checked("DAGs as in the ledger", "a deploy in the window? stop it", _as_in_ledger(flight)),
        )


async def _none_active(flight: Flight) -> tuple[bool, str]:
    dags = await database.dags(site_of(flight))
    active = [dag.dag_id for dag in dags if not dag.paused]
    names = f"; active: {', '.join(active[:5])}{' …' if len(active) > 5 else ''}" if active else ""
    return bool(dags) and not active, f"{len(dags) - len(active)} of {len(dags)}{names}"


async def _as_in_ledger(flight: Flight) -> tuple[bool, str]:
    written = ledger.read(flight)
    now, before = {dag.dag_id for dag in await database.dags(site_of(flight))}, set(written.all)
    lost, added = sorted(before - now), sorted(now - before)
    words = [f"lost: {', '.join(lost[:5])}"] if lost else []
    words += [f"added: {', '.join(added[:5])}"] if added else []
    return not words, "; ".join(words) or f"{len(written.active)} of {len(before)} were active"
