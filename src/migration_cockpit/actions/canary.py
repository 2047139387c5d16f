"""A real run of the canary DAG: through scheduler, executor and execution API, which no dry run touches."""

from __future__ import annotations

import json

from migration_cockpit.actions.operation import Observation, OperationError, Report, Status
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import AirflowError, WorldError
from migration_cockpit.session.events import Command


class TriggerCanary:
    """Trigger one run of the canary; its id is derived from session and attempt, so that it is found again."""

    def __init__(self, site: Site, attempt: int = 1, dag_id: str = "") -> None:
        """`attempt` of the step: a canary that failed is not the one that is looked at next time. `dag_id` is another
        DAG than the canary, which is then run in its place."""
        self._site = site
        self.dag_id = dag_id or site.settings.dags.canary
        self.name = "trigger-canary" if self.dag_id == site.settings.dags.canary else f"trigger-{self.dag_id}"
        suffix = f"-a{attempt}" if attempt > 1 else ""
        self.run_id = f"migration-cockpit-{site.slug}{suffix}"
        self.key = self.run_id

    def describe(self) -> tuple[Command, ...]:
        """The trigger call of 3.x; a logical date of null makes a run without a data interval."""
        base = self._site.settings.airflow.url.rstrip("/")
        body = json.dumps({"dag_run_id": self.run_id, "logical_date": None, "conf": {}})
        text = (
            "curl -X POST -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' "
            f"'{base}/api/v2/dags/{self.dag_id}/dagRuns' -d '{body}'"
        )
        return (Command(text=text, what=f"a real run of {self.dag_id}"),)

    async def run(self, report: Report) -> str:
        """Trigger it; a run of this id that is there already is the one that was meant."""
        try:
            await self._site.live.airflow.trigger(self.dag_id, self.run_id, {})
        except AirflowError as error:
            if error.status != 409:
                raise OperationError(f"the canary {self.dag_id} cannot be triggered: {error}") from error
            report.line("cockpit", f"{self.run_id} was triggered before")
        except WorldError as error:
            raise OperationError(f"the canary {self.dag_id} cannot be triggered: {error}") from error
        return f"{self.run_id} triggered"

    async def observe(self) -> Observation:
        """Whether the run exists, in whatever state: how it ended is for the step's verification."""
        state = await self._site.live.airflow.run_state(self.dag_id, self.run_id)
        if not state:
            return Observation(Status.NOT_STARTED, f"there is no run {self.run_id}")
        return Observation(Status.DONE, f"{self.run_id} is {state}")
