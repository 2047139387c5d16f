"""The pause ledger: which DAGs were active before step 2. Unpausing restores exactly these, after a rollback too."""

from __future__ import annotations

import msgspec

from migration_cockpit.actions import cluster, database
from migration_cockpit.connections import KubeError
from migration_cockpit.playbook.flight import Flight, StepFailed
from migration_cockpit.playbook.gates import site_of
from migration_cockpit.session import events as ev

ARTIFACT = "pause-ledger.json"
_GIT = ("GITSYNC_REF", "GIT_SYNC_REF", "GIT_SYNC_REV", "GITSYNC_BRANCH", "GIT_SYNC_BRANCH")


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The DAGs there were, and those of them that were active."""

    session: str
    taken: str
    """RFC 3339, UTC."""
    version: str
    all: tuple[str, ...]
    active: tuple[str, ...]
    git: str = ""
    """What git-sync was told to check out, where the release has it."""
    hashes: dict[str, str] = {}
    """Hash of each serialized DAG: tells a changed DAG from a lost one."""


async def write(flight: Flight) -> Ledger:
    """Write the ledger before the first DAG is paused; afterwards the one that was written stands.

    A crash between the file and its event leaves nothing paused: it is written anew. Raises WorldError and OSError.
    """
    intended = "pause/pause-all" in flight.state.operations
    if flight.state.ledger is not None and intended:
        return read(flight)
    if intended:
        raise StepFailed("DAGs were paused before a ledger was written: the list of active DAGs is lost")
    found = await look(flight)
    path = flight.recorder.write_artifact(ARTIFACT, msgspec.json.format(msgspec.json.encode(found), indent=1))
    flight.record(ev.LedgerWritten(artifact=path.name, active=len(found.active), total=len(found.all)))
    return found


async def look(flight: Flight) -> Ledger:
    """The DAGs as they are now. Raises WorldError."""
    site = site_of(flight)
    dags = await database.dags(site)
    hashes = await database.rows(
        site, "select dag_id, to_jsonb(s) ->> 'dag_hash' from serialized_dag s where to_jsonb(s) ->> 'dag_hash' <> ''"
    )
    found = Ledger(
        session=flight.session,
        taken=flight.clock.now().isoformat(),
        version=flight.settings.deployment.source_version,
        all=tuple(dag.dag_id for dag in dags),
        active=tuple(dag.dag_id for dag in dags if not dag.paused),
        git=await _git(flight),
        hashes=dict(hashes),
    )
    # What is unpaused rests on these names: a password that happens to be one of them is not masked in it.
    flight.recorder.redactor.keep_legible(found.all)
    return found


async def _git(flight: Flight) -> str:
    """The revision that git-sync serves, from the pods' environment; empty where DAGs come another way."""
    site = site_of(flight)
    try:
        pods = await flight.connections.kube.list("pods", label=site.selector)
    except KubeError:
        return ""
    for pod in pods:
        for container in pod["spec"].get("containers") or []:
            environment = {each["name"]: each.get("value") for each in container.get("env") or []}
            for name in _GIT:
                if environment.get(name):
                    return f"{name}={environment[name]} ({cluster.labels(pod).get('component', '')})"
    return ""


def read(flight: Flight) -> Ledger:
    """The ledger of the session. Raises StepFailed when there is none or its file cannot be read."""
    written = flight.state.ledger
    if written is None:
        raise StepFailed("no pause ledger was written in this session")
    path = flight.recorder.artifacts / written.artifact
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ledger)
    except (OSError, msgspec.MsgspecError) as error:
        raise StepFailed(f"the pause ledger {path} cannot be read: {error}") from error
