"""2.x at work again: its components, the proof from inside its pods, the DAGs of the ledger, what was held still."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from migration_cockpit.actions import cluster, database
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.pausing import SetPaused
from migration_cockpit.actions.stopping import RestoreAutoscalers, RestoreReplicas, ResumeCronJobs
from migration_cockpit.config import Settings
from migration_cockpit.playbook import ledger, standstill
from migration_cockpit.playbook.gates import checked, judge_source_head, who_rules
from migration_cockpit.playbook.rollback.plan import DUMP, RESTORE
from migration_cockpit.playbook.rollback.stages.quiet import LEDGER, stopped_autoscalers, stopped_cronjobs
from migration_cockpit.playbook.rollback.stages.restored import recorded_fingerprint
from migration_cockpit.playbook.rollback.trip import Trip
from migration_cockpit.playbook.unpause import as_in_ledger
from migration_cockpit.session.events import Check

SETTLE_SECONDS = 20.0
INSIDE = ("airflow", "db", "check-migrations", "--migration-wait-timeout", "5")
"""Asked in each pod: only a database with the source's schema answers with 0, and the old one has another."""
EXEC_SECONDS = 90.0


class Running:
    """2.x as it was before step 4."""

    id = "healthy"
    title = "wait for 2.x"
    purpose = "See every component of 2.x ready at the recorded replica counts, and its API answer with its version."
    leaves = "2.x runs as before, every DAG paused."
    stands = "The database is the source's; components of 2.x are not ready yet, and every DAG is paused"

    def expected(self, settings: Settings) -> float:
        """Starting all of it."""
        return 180.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """Replicas, where they are below what was recorded."""
        return (RestoreReplicas(trip.site, standstill.recorded_workloads(trip.given) if trip.given else None),)

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Give back the counts that are still low, then wait."""
        recorded = [each for each in standstill.recorded_workloads(trip.flight) if each.replicas]
        await trip.do(RestoreReplicas(trip.site, recorded))

        async def look() -> Sequence[Check]:
            return (
                await checked("pods ready", "kubectl describe the pod: events and states say why", _ready(trip)),
                await checked("API version", "is the webserver's image the source's?", _api(trip)),
                await checked("health", "read the log of the component that is not healthy", _health(trip)),
            )

        return await trip.verify(look, timeout=trip.settings.rollback.healthy)


async def _ready(trip: Trip) -> tuple[bool, str]:
    before = {each.name: each for each in standstill.recorded_workloads(trip.flight)}
    found = {each.workload.name: each for each in await cluster.rollouts(trip.site)}
    words, holds = [], bool(before)
    for name, each in before.items():
        now = found.get(name)
        ready = now.ready if now else 0
        holds = holds and (not each.replicas or (now is not None and now.done and ready >= each.replicas))
        words.append(f"{each.component} {ready}/{each.replicas}")
    return holds, ", ".join(words) or "no workloads were recorded"


async def _api(trip: Trip) -> tuple[bool, str]:
    found = await trip.flight.connections.airflow.version()
    return found == trip.settings.deployment.source_version, found


async def _health(trip: Trip) -> tuple[bool, str]:
    """2.x without a triggerer or a dag-processor of its own has no status for them."""
    reading = await trip.flight.connections.airflow.health()
    ran = {each.component for each in standstill.recorded_workloads(trip.flight) if each.replicas}
    wanted = {"metadatabase", "scheduler", *({"triggerer"} & ran)}
    told = {each.name: each.status for each in reading.components}
    holds = all(told.get(name) == "healthy" for name in wanted)
    return holds, ", ".join(f"{name} {told.get(name) or 'unknown'}" for name in sorted(wanted))


class Verified:
    """What is said from inside the pods counts, not what a manifest says."""

    id = "verify"
    title = "verify 2.x"
    purpose = "Prove from inside the pods that they work on the right database, and that Airflow is as before."
    leaves = "2.x is proved to work on the right database with the DAGs of before, all of them paused."
    stands = "2.x runs with every DAG paused; something of it is not as before"

    def expected(self, settings: Settings) -> float:
        """One command in each pod, and a parse of the DAGs."""
        return 60.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """It changes nothing."""
        return ()

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Ask each pod once, the rest until it holds."""
        inside = await checked_inside(trip)

        async def look() -> Sequence[Check]:
            return (
                inside,
                await checked("schema head", "nothing may run on another schema: stop 2.x", _head(trip)),
                await checked("DAGs as before", "is the DAG folder or bundle what it was?", _dags(trip)),
                await checked("import errors", "read them in the UI; were they there before?", _imports(trip)),
            )

        return await trip.verify(look, timeout=trip.settings.limits.smoke)


async def checked_inside(trip: Trip) -> Check:
    """Run Airflow's own check in each ready pod that writes."""
    name, mend = "from inside the pods", "restart the pods that are named: they read their connection at their start"
    found, wrong = [], []
    for pod in await cluster.writing_pods(trip.site):
        if not (pod.ready and pod.component in cluster.WRITERS and pod.owned):
            continue
        trip.progress(f"asking {pod.name} which database it is on")
        container = pod.component
        executed = await trip.flight.connections.kube.exec(pod.name, INSIDE, container=container, timeout=EXEC_SECONDS)
        found.append(pod.name)
        if executed.code != 0:
            words = (executed.err or executed.out).strip().splitlines()
            wrong.append(f"{pod.name}: {words[-1] if words else f'ended with {executed.code}'}")
    if not found:
        return Check(name=name, holds=False, found="no pod is ready to be asked", mend=mend)
    holds = not wrong
    return Check(name=name, holds=holds, found="; ".join(wrong) or f"{len(found)} pods", mend="" if holds else mend)


async def _head(trip: Trip) -> tuple[bool, str]:
    return judge_source_head(await database.heads(trip.site), trip.settings.deployment.source_version)


async def _dags(trip: Trip) -> tuple[bool, str]:
    found = {dag.dag_id for dag in await database.dags(trip.site)}
    if trip.flight.state.ledger is None:
        return bool(found), f"{len(found)}; no ledger to compare with"
    before = set(ledger.read(trip.flight).all)
    lost, added = sorted(before - found), sorted(found - before)
    words = ([f"lost: {', '.join(lost[:5])}"] if lost else []) + ([f"new: {', '.join(added[:5])}"] if added else [])
    return not words, f"{len(found)} of {len(before)}" + (f"; {'; '.join(words)}" if words else "")


async def _imports(trip: Trip) -> tuple[bool, str]:
    found = await trip.flight.connections.airflow.import_errors()
    before = recorded_fingerprint(trip) if trip.way in {RESTORE, DUMP} else None
    known = before.tables.get("public.import_error") if before else None
    most = known.rows if known else 0
    named = f": {', '.join(found.files[:5])}" if found.total > most else ""
    return found.total <= most, f"{found.total}, {most} at the recovery point{named}"


class UnpauseLedger:
    """Exactly the DAGs that were active before, no other."""

    id = "unpause"
    title = "unpause the ledger"
    purpose = "Bring back exactly the DAGs of the pause ledger, the critical ones first."
    leaves = "The DAGs that were active before the flight are active, and no others."
    stands = "2.x runs; DAGs of the ledger are still paused"

    def expected(self, settings: Settings) -> float:
        """The pauses between the DAGs."""
        dags = settings.dags
        return len(dags.critical) * dags.critical_wait + len(dags.normal) * dags.normal_wait + 30.0

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """One call a DAG."""
        return self._operations(trip, None)

    def _operations(self, trip: Trip, book: ledger.Ledger | None) -> Sequence[Operation]:
        dags, site = trip.settings.dags, trip.site
        version = trip.settings.deployment.source_version
        active = set(book.active) if book else {*dags.critical, *dags.normal}
        critical = [name for name in dags.critical if name in active]
        normal = [name for name in dags.normal if name in active and name not in critical]
        rest = [name for name in book.active if name not in {*critical, *normal}] if book else None
        others, which = trip.fact("others"), "each active DAG that is not in the ledger"
        return (
            SetPaused(site, "pause-others", others, paused=True, version=version, which=which),
            SetPaused(site, "unpause-critical", critical, paused=False, version=version, wait=dags.critical_wait),
            SetPaused(site, "unpause-normal", normal, paused=False, version=version, wait=dags.normal_wait),
            SetPaused(site, "unpause-rest", rest, paused=False, version=version),
        )

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Unpause them; pause what a step of 3.x had unpaused and the ledger does not have."""
        book = _ledger(trip)
        if book is None:
            return (Check(name="DAGs active", holds=True, found="no DAG was paused in this session"),)
        await self._find_others(trip, book)
        for operation in self._operations(trip, book):
            await trip.do(operation)
        return await trip.verify(lambda: as_in_ledger(trip.site, book), timeout=SETTLE_SECONDS)

    async def _find_others(self, trip: Trip, book: ledger.Ledger) -> None:
        if trip.fact("others") is None:
            dags = await database.dags(trip.site)
            trip.write_fact("others", [dag.dag_id for dag in dags if not dag.paused and dag.dag_id not in book.active])


def _ledger(trip: Trip) -> ledger.Ledger | None:
    """Which DAGs are to be active; None where nothing has paused one in the database that 2.x is on now."""
    if trip.flight.state.ledger is not None:
        return ledger.read(trip.flight)
    # What was restored is older than the pause of this way back.
    found = None if trip.way in {RESTORE, DUMP} else trip.fact(LEDGER)
    return None if found is None else msgspec.convert(found, ledger.Ledger)


class GiveBack:
    """What was held still for the flight rules again."""

    id = "give-back"
    title = "give back"
    purpose = "Give autoscalers and CronJobs back; say what GitOps needs before its sync is given back."
    leaves = "Everything is as before the flight; the old database and the recovery points are kept."
    stands = "2.x runs and its DAGs are back; autoscalers or CronJobs are still held still"

    def expected(self, settings: Settings) -> float:
        """Seconds."""
        return settings.limits.autoscaler_pause

    def operations(self, trip: Trip) -> Sequence[Operation]:
        """CronJobs, autoscalers."""
        return (ResumeCronJobs(trip.site), RestoreAutoscalers(trip.site))

    async def fly(self, trip: Trip) -> Sequence[Check]:
        """Give back what was recorded; tell about GitOps."""
        cronjobs = ResumeCronJobs(trip.site, stopped_cronjobs(trip))
        scalers = RestoreAutoscalers(trip.site, stopped_autoscalers(trip))
        await trip.do(cronjobs)
        await trip.do(scalers)

        async def look() -> Sequence[Check]:
            return (await checked("autoscalers and CronJobs", "give them back by hand", _given(cronjobs, scalers)),)

        checks = await trip.verify(look, timeout=trip.settings.limits.autoscaler_pause)
        return (*checks, await checked("GitOps", "", _gitops(trip)))


async def _given(cronjobs: ResumeCronJobs, scalers: RestoreAutoscalers) -> tuple[bool, str]:
    seen = (await cronjobs.observe(), await scalers.observe())
    open_ones = [each.detail for each in seen if each.status.value != "done"]
    return not open_ones, "; ".join(open_ones) or "given back"


async def _gitops(trip: Trip) -> tuple[bool, str]:
    """GitOps with the target's values in Git would upgrade again at once: people give it back, not the cockpit."""
    _, found = await who_rules(trip.flight)
    if "suspended" not in found:
        return True, found
    version = trip.settings.deployment.source_version
    return True, f"{found}: put the values of {version} back into Git before its sync is given back"
