"""Looks for known failures in what is new: lines of logs, and what State says; reads further where something failed.

It works within a budget: so many lines at a time, one pod's log at a time, each text once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from migration_cockpit.actions.cluster import MIGRATION_COMPONENT
from migration_cockpit.advice import failures
from migration_cockpit.connections import WorldError
from migration_cockpit.connections.errors import one_line
from migration_cockpit.session import events as ev
from migration_cockpit.session.journal import Entry
from migration_cockpit.session.readings import Pod
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.state import FailureState, State

if TYPE_CHECKING:
    from migration_cockpit.connections import Connections

EVERY = 1.0
"""Seconds between two looks."""
LINES = 400
"""Log lines that one look takes; what is left waits for the next."""
WAITING = 20_000
"""Log lines that wait at most: of a flood the oldest are not looked at."""
GONE = 10.0
"""Seconds for which a failure does not show before it is called over: a pod in back-off comes and goes."""
AGAIN = 10.0
"""Seconds between two looks at one pod's log, however often its container is started anew: as long as a kubelet's first
back-off."""
TEXTS = 4000
"""Texts whose result is remembered."""
KINDS = {"job": "log", "helm": "operation"}
"""What kind of text the lines of a log source are; the cockpit's own words and people's notes are none."""
AFTER = frozenset({"healthy", "smoke", "critical", "rest", "soak"})
"""Steps after whose failure every component's log is looked at: what failed runs there."""
FAILING = ("CrashLoopBackOff", "Error", "OOMKilled")


class FailureWatch:
    """Turns what is recorded into events of known failures. Used from the event loop's thread."""

    def __init__(self, recorder: Recorder, connections: Connections) -> None:
        self._recorder = recorder
        self._connections = connections
        self._clock = recorder.clock
        self._lines: deque[tuple[str, str]] = deque(maxlen=WAITING)
        self._logs: dict[str, failures.LogReader] = {}
        self._known: dict[failures.Piece, tuple[failures.Match, ...]] = {}
        self._missed: dict[str, float] = {}
        """Since when a standing failure does not show, by id."""
        self._pods_read: dict[str, tuple[int, float]] = {}
        """At how many restarts each pod's log was looked at, and when."""
        self._to_read: deque[str] = deque()
        self._imports: tuple[failures.Match, ...] = ()
        self._imports_of = 0
        self._complaints: set[str] = set()
        revision = failures.running_revision(recorder.state)
        self._logs["job"] = failures.LogReader(where="job", revision=revision)
        recorder.listeners.append(self._heard)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                self.look()
                await self._read_pod()
                await self._read_imports()
            except Exception as error:  # noqa: BLE001 - the boundary: knowing less is told, and the flight goes on
                self._complain(f"known failures could not be looked for: {one_line(error)}")
            await self._clock.sleep(EVERY)

    # --- Listening ----------------------------------------------------------------------------------------------------

    def _heard(self, entry: Entry, state: State) -> None:
        event = entry.event
        if isinstance(event, ev.LogLine) and event.source in KINDS:
            self._lines.append((event.source, event.text))
        elif isinstance(event, ev.OperationIntended) and event.operation == "migration-job":
            self._logs["job"] = failures.LogReader(where="job")  # another Job, another log
        elif isinstance(event, ev.StepEnded) and event.outcome == "failed" and event.step in AFTER:
            pods = state.pods.pods if state.pods else ()
            # Not those of the migration: what an earlier attempt of it ended with is over.
            asked = [pod.name for pod in pods if pod.database and pod.component != MIGRATION_COMPONENT]
            self._to_read.extend(name for name in asked if name not in self._to_read)

    # --- Looking ------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """One look: at most `LINES` new lines, every text of State that is new, and the rules over State."""
        for _ in range(min(LINES, len(self._lines))):
            source, text = self._lines.popleft()
            kind = KINDS[source]
            reader = self._logs.setdefault(source, failures.LogReader(kind, source))
            self._shown(reader.read(text))
        state = self._recorder.state
        now = [*self._of_texts(state), *failures.match_state(state), *self._imports]
        self._shown(now)
        self._over({match.failure.id for match in now})

    def _of_texts(self, state: State) -> Iterable[failures.Match]:
        pieces = tuple(failures.pieces(state))
        if len(self._known) > TEXTS:
            self._known = {piece: self._known[piece] for piece in pieces if piece in self._known}
        for piece in pieces:
            if piece not in self._known:
                found = failures.match_text(piece.text, piece.kind, piece.where)
                self._known[piece] = tuple(failures.of_pod(match, piece.pod) for match in found)
            yield from self._known[piece]

    def _shown(self, matches: Iterable[failures.Match]) -> None:
        for match in matches:
            state = self._recorder.state
            before = state.failures.get(match.failure.id)
            if before is not None and before.ended is None:
                continue
            name = failures.current_step(state)
            step = state.steps.get(name)
            self._recorder.record(
                ev.FailureShown(
                    failure=match.failure.id,
                    title=match.failure.title,
                    severity=match.failure.severity(name),
                    found=match.kind,
                    where=match.where,
                    evidence=match.evidence,
                    values=dict(match.values),
                    step=name,
                    attempt=step.attempt if step else 0,
                )
            )

    def _over(self, showing: set[str]) -> None:
        now = self._clock.monotonic()
        for name, failure in self._recorder.state.failures.items():
            if failure.ended is not None or name in showing:
                self._missed.pop(name, None)
                continue
            why = self._log_is_over(failure) if failure.event.found == "log" else ""
            if failure.event.found != "log" and now - self._missed.setdefault(name, now) >= GONE:
                why = "it is not seen any more"
            if why:
                self._missed.pop(name, None)
                self._recorder.record(ev.FailureGone(failure=name, why=why))

    def _log_is_over(self, failure: FailureState) -> str:
        """Why what a log line showed is over; "" while it is not: a line is not unsaid."""
        state, event = self._recorder.state, failure.event
        step = state.steps.get(event.step)
        if step is not None and step.passed:
            return f"step {step.id} is {step.outcome}"
        if step is not None and step.attempt > event.attempt:
            return f"step {step.id} is tried again"
        kind, _, name = event.where.partition(" ")
        if kind == "pod" and state.pods is not None:
            pod = next((each for each in state.pods.pods if each.name == name), None)
            if pod is None or failures.well(pod):
                return "the pod is gone" if pod is None else "the pod is ready"
        return ""

    # --- Reading further ----------------------------------------------------------------------------------------------

    async def _read_pod(self) -> None:
        """Read the log of one pod that has failed since its log was read last, or that a failed step asks for."""
        pod = self._next_pod()
        if not pod:
            return
        from migration_cockpit.sources.pod_logs import last_words

        try:
            lines = await last_words(self._connections, pod)
        except WorldError as error:
            self._complain(f"the log of {pod} could not be looked through: {one_line(error)}")
            return
        found = failures.match_lines(lines, "log", f"pod {pod}")
        self._shown(failures.of_pod(match, pod) for match in found)

    def _next_pod(self) -> str:
        state, now = self._recorder.state, self._clock.monotonic()
        for pod in failures.current(state):
            if pod.component == MIGRATION_COMPONENT:
                continue  # its log is followed from its beginning already
            restarts, when = self._pods_read.get(pod.name, (-1, float("-inf")))
            if _failing(pod) and pod.restarts != restarts and now - when >= AGAIN:
                self._pods_read[pod.name] = pod.restarts, now
                return pod.name
        return self._to_read.popleft() if self._to_read else ""

    async def _read_imports(self) -> None:
        """Read the import errors when their number changes; while a migration runs it does not."""
        state = self._recorder.state
        count = state.tasks.import_errors if state.tasks else 0
        running = state.running_step
        if count == self._imports_of or (running is not None and running.id == "migrate"):
            return
        if not count:
            self._imports, self._imports_of = (), 0
            return
        from migration_cockpit.sources.import_errors import newest

        try:
            errors = await newest(self._connections)
        except WorldError as error:
            self._complain(f"the import errors could not be read: {one_line(error)}")
            return
        self._imports_of = count
        found: dict[str, failures.Match] = {}
        for file, trace in errors:
            for match in failures.match_lines(trace.splitlines(), "import", f"import of {file}"):
                found.setdefault(match.failure.id, match)
        self._imports = tuple(found.values())

    def _complain(self, text: str) -> None:
        """Say once that something could not be looked at."""
        if text not in self._complaints:
            self._complaints.add(text)
            self._recorder.record(ev.LogLine(source="cockpit", text=text, level="careful"))


def _failing(pod: Pod) -> bool:
    return pod.phase.removeprefix("Init:") in FAILING or pod.phase.startswith("ExitCode")
