"""Step 7: smoke tests that cannot pass on emptied tables, with a real canary run through the whole machinery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from migration_cockpit.actions import database
from migration_cockpit.actions.canary import TriggerCanary
from migration_cockpit.actions.operation import Operation
from migration_cockpit.actions.pausing import SetPaused
from migration_cockpit.actions.site import Site
from migration_cockpit.config import Settings
from migration_cockpit.connections import WorldError
from migration_cockpit.playbook import ledger, standstill
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.step import Gate
from migration_cockpit.session.events import Check
from migration_cockpit.session.readings import HealthReading

COMPONENTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
ENDED = frozenset({"success", "failed"})


class Smoke:
    """Health, DAGs, import errors, the UI and a canary run."""

    id = "smoke"
    title = "smoke tests"
    key = "7"
    purpose = "Prove that the migrated Airflow parses, schedules and really runs tasks, before any DAG of yours does."
    undo = "The canary is one more DAG run. Nothing else was changed."
    differs = (
        "/api/v2/health is a 404 and the UI shell answers 200 over a broken database: the four statuses of "
        "/api/v2/monitor/health are read instead. `list-import-errors` is empty right after a migration because the "
        "table was emptied: it counts only with a dag-processor that has parsed since. `airflow dags test` skips "
        "scheduler, executor and execution API: a real canary run replaces it."
    )

    def expected(self, settings: Settings) -> float:
        """Mostly the wait until the dag-processor has parsed everything and the canary has run."""
        return settings.limits.dags_settle + 60.0

    def gates(self, settings: Settings) -> Sequence[Gate]:
        """None but the steps before it."""
        return ()

    def operations(self, settings: Settings, session: str, attempt: int = 1) -> Sequence[Operation]:
        """Unpause the canary, trigger it, pause it again where it was paused before."""
        site = Site(settings, session)
        return (_canary(site, paused=False), TriggerCanary(site, attempt), _canary(site, paused=True))

    def verification(self, settings: Settings) -> Sequence[str]:
        """What is looked at."""
        return (
            "the health endpoint calls metadatabase, scheduler, dag-processor and triggerer healthy",
            "the dag-processor's heartbeat is newer than the migration's end",
            f"the DAG count equals the one before, unchanged for {settings.limits.dags_settle:g} s",
            "every DAG is serialized and was parsed since the migration, and there are no import errors",
            "the UI answers and an authenticated API call behind it works",
            f"a run of {settings.dags.canary} ended success through scheduler, executor and execution API",
        )

    async def fly(self, flight: Flight) -> Sequence[Check]:
        """First wait until DAGs are parsed, since a run of an unparsed canary cannot be; then the canary; then all."""
        settings = flight.settings
        parsed = _Parsed(flight)
        flight.progress(self.id, "waiting for the dag-processor to parse")
        first = await flight.verify(self.id, parsed.look, timeout=settings.limits.smoke)
        if any(not check.holds for check in first):
            return first
        canary = await self._canary(flight)

        async def everything() -> Sequence[Check]:
            return (*await parsed.look(), await _ui(flight), canary)

        # A count that has changed while the canary ran gets its time to stand still, the UI to answer.
        return await flight.verify(self.id, everything, timeout=settings.limits.smoke if canary.holds else 0.0)

    async def _canary(self, flight: Flight) -> Check:
        settings, clock = flight.settings, flight.clock
        name = f"canary {settings.dags.canary}"
        site = Site(settings, flight.session, flight.connections)
        was_active = settings.dags.canary in ledger.read(flight).active
        await flight.do(self.id, _canary(site, paused=False))
        canary = TriggerCanary(site, attempt=flight.state.step(self.id).attempt)
        await flight.do(self.id, canary)
        deadline, state = clock.monotonic() + settings.limits.canary, ""
        while state not in ENDED and clock.monotonic() < deadline:
            try:
                state = await flight.connections.airflow.run_state(canary.dag_id, canary.run_id) or ""
            except WorldError as error:
                state = f"unknown: {error}"
            flight.progress(self.id, f"canary run {state or 'not seen'}")
            await clock.sleep(0.5)
        if not was_active:
            await flight.do(self.id, _canary(site, paused=True))
        mend = (
            "read the task's log in the pod; a wrong [core] execution_api_server_url or a JWT secret that differs "
            "between scheduler and api-server fails every task while all components look healthy"
        )
        holds = state == "success"
        found = state if state in ENDED else f"{state or 'not seen'} after {settings.limits.canary:g} s"
        return Check(name=name, holds=holds, found=f"{canary.run_id} {found}", mend="" if holds else mend)


def _canary(site: Site, *, paused: bool) -> SetPaused:
    name = "pause-canary" if paused else "unpause-canary"
    version = site.settings.deployment.target_version
    return SetPaused(site, name, [site.settings.dags.canary], paused=paused, version=version)


class _Parsed:
    """Health, heartbeat, DAG count and import errors, with the count's history: it must stand still."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._count: int | None = None
        self._since = 0.0

    async def look(self) -> Sequence[Check]:
        """The checks as they stand now."""
        flight = self._flight
        try:
            health = await flight.connections.airflow.health()
        except WorldError as error:
            mend = "is the api-server reachable under airflow.url?"
            return (Check(name="health", holds=False, known=False, found=str(error), mend=mend),)
        migrated = flight.state.step("migrate").ended or flight.state.step(Smoke.id).started
        assert migrated is not None
        return (_health(health), _heartbeat(health, migrated), *await self._dags())

    async def _dags(self) -> Sequence[Check]:
        flight = self._flight
        site = Site(flight.settings, flight.session, flight.connections)
        try:
            dags = {dag.dag_id for dag in await database.dags(site)}
            serialized = await database.rows(site, "select count(distinct dag_id) from serialized_dag")
            parsed = await database.parsed_since(site, self._stopped())
            errors = await database.rows(site, "select filename from import_error order by 1")
            api = await flight.connections.airflow.dag_count()
        except (WorldError, OSError) as error:
            return (Check(name="DAG count", holds=False, known=False, found=str(error)),)
        return (
            self._count_check(dags, api),
            _parsed(len(dags), serialized[0][0], parsed),
            _imports([row[0] for row in errors]),
        )

    def _stopped(self) -> datetime:
        """Since when nothing of 2.x parses any more: what was parsed later was parsed by the target version.

        The migration's end would be too late: the new dag-processor starts the moment the schema is there.
        """
        stood = (self._flight.fact(standstill.STEP, "standstill") or {}).get("at")
        if stood:
            return datetime.fromisoformat(stood)
        begun = self._flight.state.step("migrate").started or self._flight.state.step(Smoke.id).started
        assert begun is not None
        return begun

    def _count_check(self, dags: set[str], api: int) -> Check:
        before = set(ledger.read(self._flight).all)
        now = self._flight.clock.monotonic()
        if self._count != len(dags):
            self._count, self._since = len(dags), now
        stood = now - self._since
        settle = self._flight.settings.limits.dags_settle
        lost, new = sorted(before - dags), sorted(dags - before)
        settled = stood >= settle
        holds = not lost and not new and api == len(dags) and settled
        found = f"{len(dags)} of {len(before)}, the API shows {api}"
        if not settled:
            found += f", unchanged for {stood:.0f} of {settle:g} s"
        if lost:
            found += f"; lost: {', '.join(lost[:5])}{' …' if len(lost) > 5 else ''}"
        if new:
            found += f"; new: {', '.join(new[:5])}{' …' if len(new) > 5 else ''}"
        mend = "look at the dag-processor's log and the DAG bundle: a DAG that is not parsed is stale and hidden"
        return Check(name="DAG count", holds=holds, found=found, mend="" if holds else mend)


def _health(health: HealthReading) -> Check:
    seen = {component.name: component.status for component in health.components}
    found = ", ".join(f"{name} {seen.get(name) or 'never seen'}" for name in COMPONENTS)
    holds = all(seen.get(name) == "healthy" for name in COMPONENTS)
    mend = "HTTP 200 says nothing: look at the component's pod and its heartbeat"
    return Check(name="health endpoint", holds=holds, found=found, mend="" if holds else mend)


def _heartbeat(health: HealthReading, migrated: datetime) -> Check:
    beat = next((component.heartbeat for component in health.components if component.name == "dag_processor"), None)
    holds = beat is not None and beat > migrated
    found = f"{beat:%H:%M:%S}, migration ended {migrated:%H:%M:%S}" if beat else "never"
    mend = "without a dag-processor nothing is parsed: dagProcessor.enabled, its pod, its log"
    return Check(name="dag-processor heartbeat", holds=holds, found=found, mend="" if holds else mend)


def _parsed(dags: int, serialized: int, parsed: int) -> Check:
    holds = serialized >= dags > 0 and parsed == dags
    found = f"{serialized} of {dags} serialized, {parsed} parsed since the migration"
    mend = "the tables were emptied by the migration and fill as the dag-processor parses: look at its log"
    return Check(name="parsed DAGs", holds=holds, found=found, mend="" if holds else mend)


def _imports(files: list[str]) -> Check:
    found = f"{len(files)}: {', '.join(files[:3])}" if files else "none"
    mend = "mend the DAG (ruff check --select AIR30,AIR31), or take it out"
    return Check(name="import errors", holds=not files, found=found, mend=mend if files else "")


async def _ui(flight: Flight) -> Check:
    try:
        found = await flight.connections.airflow.ui()
    except WorldError as error:
        return Check(name="UI", holds=False, found=str(error), mend="ingress, Service and api-server pod")
    holds = found.status == 200 and "Airflow" in found.title
    return Check(
        name="UI", holds=holds, found=f"{found.status} {found.title}", mend="" if holds else "ingress, Service"
    )


def require_ledger(flight: Flight) -> ledger.Ledger:
    """The pause ledger. Raises StepFailed when it was never written: nothing tells then what was active before."""
    if flight.state.ledger is None:
        raise StepFailed("no pause ledger was written in this session: unpause by hand what was active before")
    return ledger.read(flight)
