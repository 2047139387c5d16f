"""DAGs do not parse, or the UI shows wrong ones: the dag-processor, import errors, what is serialized, how DAGs get
there."""

from __future__ import annotations

from collections import Counter

import msgspec

from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook.guided.shape import Scene, phase_of, ready, some
from migration_cockpit.playbook.ledger import Ledger
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen
from migration_cockpit.playbook.prepare.values import at
from migration_cockpit.playbook.prepare.versions import query
from migration_cockpit.sources import import_errors as errors

PROCESSOR = "dag-processor"
STALE_SECONDS = 120
_BEAT = """
select extract(epoch from now() - max(latest_heartbeat))::int from job where job_type = 'DagProcessorJob'
"""
_COUNTS = "select (select count(*) from dag where {current}), (select count(distinct dag_id) from serialized_dag)"
_STALE = (
    "select exists (select 1 from information_schema.columns where table_name = 'dag' and column_name = 'is_stale')"
)
_BUNDLES = "select coalesce(bundle_name, ''), count(*) from dag where not is_stale group by 1 order by 1"


async def _current(scene: Scene) -> str:
    """The condition under which a DAG exists, in the schema that is there."""
    stale = (await query(scene.connections, _STALE))[0][0]
    return "not is_stale" if stale else "is_active"


async def processor(scene: Scene) -> Seen:
    """Whether a dag-processor runs and beats: in 3.x nothing else parses."""
    pods = await scene.pods(PROCESSOR)
    beat = (await query(scene.connections, _BEAT))[0][0]
    said = "it never beat" if beat is None else f"its last heartbeat is {beat} s old"
    if not pods and await _current(scene) == "is_active":
        return Seen(HOLDS, ("the schema is that of 2.x, whose scheduler parses: no dag-processor is needed",))
    if not pods:
        mend = "3.x needs dagProcessor.enabled: without it no DAG is parsed (failures dags-not-parsed)"
        return Seen(FAILS, ("no pod of a dag-processor is there", said), mend)
    found = (*(f"{pod['metadata']['name']}: {phase_of(pod)}" for pod in pods), said)
    if not any(ready(pod) for pod in pods):
        return Seen(FAILS, found, "kubectl describe pod says why it is not ready; its log below says more")
    if beat is None or beat > STALE_SECONDS:
        return Seen(FAILS, found, "restart it: kubectl rollout restart of its Deployment; a cold parse takes a while")
    return Seen(HOLDS, found)


async def import_errors(scene: Scene) -> Seen:
    """Import errors, those of one cause together, each with its mend where it is known."""
    found = await errors.newest(scene.connections)
    if not found:
        return Seen(HOLDS, ("no import errors",))
    causes: Counter[str] = Counter()
    for _, trace in found:
        lines = trace.splitlines()
        known = scene.told(lines, "import", "import")
        causes.update(known[:1] or [next((each.strip() for each in reversed(lines) if each.strip()), "no traceback")])
    groups = tuple(f"{count} of {len(found)}: {cause}" for cause, count in causes.most_common())
    files = f"files: {some(name.rpartition('/')[2] for name, _ in found)}"
    return Seen(
        FAILS, (*groups, files), "ruff check --select AIR30,AIR31 --fix in the DAGs' repository, then deliver it"
    )


async def serialized(scene: Scene) -> Seen:
    """How many DAGs are serialized: the UI and the scheduler know no others."""
    total, there = (await query(scene.connections, _COUNTS.format(current=await _current(scene))))[0]
    text = f"{there} of {total} DAGs are serialized"
    if there >= total > 0:
        return Seen(HOLDS, (text,))
    return Seen(
        FAILS, (text,), "the migration empties that table; a dag-processor that runs fills it with its first pass"
    )


async def processor_log(scene: Scene) -> Seen:
    """What the dag-processor's last lines show."""
    logs = await scene.lines(PROCESSOR)
    if not logs:
        return Seen(UNKNOWN, ("there is no log: no dag-processor runs",))
    known = [told for name, lines in logs for told in scene.told(lines, "log", f"pod {name}")]
    if known:
        return Seen(FAILS, tuple(known), "each names its mend; migration-cockpit failures ID has the commands")
    last = [lines[-1].strip()[:160] for _, lines in logs if lines]
    return Seen(HOLDS, ("no known failure shows in its last lines", *(f"last line: {each}" for each in last[:1])))


async def dag_set(scene: Scene) -> Seen:
    """The DAGs that exist now against those of before, by the session's pause ledger."""
    rows = await query(scene.connections, f"select dag_id from dag where {await _current(scene)}")  # noqa: S608
    now = {str(row[0]) for row in rows}
    before = await in_thread(_ledger, scene)
    if before is None:
        return Seen(UNKNOWN, (f"{len(now)} DAGs; no ledger of before is at hand",), "give the session by --session")
    lost, new = before - now, now - before
    if not lost and not new:
        return Seen(HOLDS, (f"the same {len(now)} DAGs as before",))
    found = [f"lost: {some(lost)}"] if lost else []
    found += [f"new: {some(new)}"] if new else []
    return Seen(
        FAILS, tuple(found), "a lost one is not delivered, does not import, or its bundle is not read: see below"
    )


def _ledger(scene: Scene) -> set[str] | None:
    """The DAGs of before; None where no ledger can be read."""
    written = scene.state.ledger
    if written is None or scene.artifacts is None:
        return None
    try:
        return set(msgspec.json.decode((scene.artifacts / written.artifact).read_bytes(), type=Ledger).all)
    except (OSError, msgspec.MsgspecError):
        return None


async def bundles(scene: Scene) -> Seen:
    """DAGs by bundle; one without a bundle is of 2.x and was never parsed by 3.x."""
    if await _current(scene) == "is_active":
        return Seen(UNKNOWN, ("the schema is that of 2.x: it has no bundles",))
    rows = await query(scene.connections, _BUNDLES)
    found = tuple(f"{count} DAGs of bundle {name or '(none)'}" for name, count in rows)
    if any(not name for name, _ in rows):
        mend = "those were never parsed by 3.x: their files are not delivered, or no dag-processor runs"
        return Seen(FAILS, found, mend)
    return Seen(
        HOLDS if found else FAILS, found or ("no DAG is in any bundle",), "" if found else "see the dag-processor"
    )


async def delivery(scene: Scene) -> Seen:
    """How DAGs get into the pods by the release's values: gitSync, a volume, or bundles."""
    newest = await scene.connections.releases.newest()
    if newest is None:
        return Seen(UNKNOWN, ("the release is not there",), "is kubernetes.release right?")
    values = newest.computed()
    ways = [
        name
        for name, path in (("gitSync", "dags.gitSync.enabled"), ("a volume", "dags.persistence.enabled"))
        if at(values, path)
    ]
    given = at(values, "dagProcessor.dagBundleConfigList") or at(values, "config.dag_processor.dag_bundle_config_list")
    names = [str(each.get("name")) for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    bundles_said = some(names) or ("given as text" if given else "the default")
    text = f"by {' and '.join(ways) or 'the image'}; bundles: {bundles_said}"
    folder = [each for each in names if each in {"dags-folder", "dags_folder"}]
    if ways and names and not folder:
        mend = "a bundle list without dags-folder replaces it: what gitSync or the volume delivers is then not parsed"
        return Seen(FAILS, (text,), mend)
    return Seen(HOLDS, (text,))
