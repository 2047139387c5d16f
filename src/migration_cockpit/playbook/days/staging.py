"""D-7: staging, on the target version for some weeks by now, beside production on the source version."""

from __future__ import annotations

import asyncio

from migration_cockpit.actions.canary import TriggerCanary
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.smoke_script import RunSmokeScript
from migration_cockpit.connections import Connections, WorldError
from migration_cockpit.playbook.days import metrics
from migration_cockpit.playbook.days.shape import Day, Ground
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, together

ENDED = frozenset({"success", "failed"})
POLL = 0.5
GRAFANA = "set [grafana] and prepare.staging_grafana in the config"
AIRFLOW = "set prepare.staging_airflow in the config"
SMOKE = "name the consumers' script: prepare.smoke"


async def versions(ground: Ground) -> Seen:
    """Production still runs the source version, staging the target: else nothing that follows compares the two."""
    deployment = ground.settings.deployment
    running = await ground.flight.connections.airflow.version()
    wanted = deployment.source_version
    mend = "what is measured now says nothing of before the migration"
    parts = [Seen(HOLDS if running == wanted else FAILS, (f"production runs {running}",), mend)]
    staging = _airflow(ground)
    if staging is None:
        parts.append(Seen(UNKNOWN, ("staging's Airflow is not known",), AIRFLOW))
    else:
        there, target = await staging.airflow.version(), deployment.target_version
        text = f"staging runs {there}" + ("" if there == target else f", the target is {target}")
        parts.append(Seen(HOLDS if there == target else FAILS, (text,), f"bring staging to {target}"))
    return together(parts)


async def side_by_side(ground: Ground) -> Seen:
    """Loop duration and parse time at most so much slower, queued tasks settle. Production's are the later baseline."""
    grafana = ground.settings.grafana
    if grafana is None:
        return Seen(UNKNOWN, ("there is no Grafana to ask",), GRAFANA)
    production = await metrics.measure(ground, metrics.PRODUCTION, ground.flight.connections)
    if ground.staging is None or ground.settings.prepare.staging_grafana is None:
        return Seen(UNKNOWN, ("production is measured, staging's metrics are not known",), GRAFANA)
    staging = await metrics.measure(ground, metrics.STAGING, ground.staging)
    words = ("production", "staging")
    compared = metrics.compare(production.means, staging, grafana.regression_percent, words)
    return together([compared, metrics.settle(staging, production)])


async def canaries(ground: Ground) -> Seen:
    """A real run of the canary, or of prepare.staging_runs, on staging."""
    staging = _airflow(ground)
    if staging is None:
        return Seen(UNKNOWN, ("staging's Airflow is not known",), AIRFLOW)
    site = Site(staging.settings, ground.flight.session, staging)
    dags = ground.settings.prepare.staging_runs or (ground.settings.dags.canary,)
    runs = [TriggerCanary(site, ground.here.attempt, dag) for dag in dags]
    return together([await _run(ground, staging, run) for run in runs])


async def _run(ground: Ground, staging: Connections, run: TriggerCanary) -> Seen:
    try:
        await ground.flight.do(ground.day, run)
    except OperationError as error:
        return Seen(FAILS, (str(error),), "is the DAG on staging, and may the account trigger it?")
    clock, limit = ground.flight.clock, ground.settings.limits.canary
    deadline, state, why = clock.monotonic() + limit, "", ""
    while state not in ENDED and clock.monotonic() < deadline:
        try:
            state, why = await staging.airflow.run_state(run.dag_id, run.run_id) or "", ""
        except WorldError as error:
            why = str(error)
        if state not in ENDED:
            await asyncio.sleep(POLL)
    text = f"{run.dag_id} on staging: {state or 'not seen'}"
    if state in ENDED:
        mend = "read the task's log on staging: the execution API's URL, the JWT secret, the DAG itself"
        return Seen(HOLDS if state == "success" else FAILS, (text,), "" if state == "success" else mend)
    return Seen(UNKNOWN if why else FAILS, (f"{text} after {limit:g} s{f': {why}' if why else ''}",), "is it paused?")


async def smoke(ground: Ground) -> Seen:
    """The consumers' smoke script, its output kept beside the journal."""
    prepare = ground.settings.prepare
    if not prepare.smoke:
        return Seen(UNKNOWN, ("no smoke script is named",), SMOKE)
    attempt = ground.here.attempt
    script = RunSmokeScript(prepare.smoke, f"{ground.flight.session}-smoke-{attempt}", prepare.smoke_timeout)
    try:
        said, status = await ground.flight.do(ground.day, script), HOLDS
    except OperationError as error:
        said, status = str(error), FAILS
    kept = f"smoke-{ground.day}-{attempt}.txt"
    if script.output:
        ground.flight.recorder.write_artifact(kept, script.output.encode())
    where = f"; its output is in artifacts/{kept}" if (ground.artifacts / kept).exists() else ""
    mend = "" if status == HOLDS else "a consumer that fails on staging fails after the day"
    return Seen(status, (f"{prepare.smoke[0].rpartition('/')[2]} {said}{where}",), mend)


def _airflow(ground: Ground) -> Connections | None:
    return ground.staging if ground.settings.prepare.staging_airflow is not None else None


D7 = Day(
    "D-7",
    "staging on the target version beside production",
    (("versions", versions), ("metrics", side_by_side), ("canary", canaries), ("smoke", smoke)),
)
