"""`airflow config lint`, run in a pod of staging on the target version: options that 3.x has moved or removed."""

from __future__ import annotations

import re

from migration_cockpit.actions import cluster
from migration_cockpit.actions.site import Site
from migration_cockpit.connections import KubeError
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where

COMMAND = ("airflow", "config", "lint")
SECONDS = 90.0
"""Starting Airflow takes some seconds, on a busy node many."""
ASKED = ("scheduler", "dag-processor", "api-server", "triggerer", "worker")
"""Components whose pods have Airflow's configuration, in the order in which one is asked."""
SHOWN = 6
_NONE, _SOME = "No issues found in your airflow.cfg", "Found issues in your airflow.cfg:"
_LAST = "Please update your configuration file accordingly"
_DEFAULT = re.compile(r"Changed default value of `(\w+)` in `(\w+)`")
_MOVED = re.compile(r"`(\w+)` configuration parameter moved from `(\w+)` section")
CHARTS_OWN = {("core", "sql_alchemy_conn"), ("webserver", "enable_proxy_fix")}
"""The chart sets these for every version: nobody can take them out."""
BY_HAND = "run it in a pod of the target version, and sign"


async def look(where: Where) -> Seen:
    """What it says in staging, whose values are production's to come."""
    name = f"`{' '.join(COMMAND)}`"
    if where.staging is None or where.settings.prepare.staging_context is None:
        mend = f"set prepare.staging_context; or {BY_HAND}"
        return Seen(UNKNOWN, (f"{name} was not run: staging's cluster is not known",), mend)
    target = where.settings.deployment.target_version
    try:
        pods = await cluster.pods(Site(where.staging.settings, "prepare", where.staging))
        able = [pod for pod in pods if pod.ready and pod.component in ASKED and pod.version in {target, ""}]
        if not able:
            mend = f"bring staging to {target}; or {BY_HAND}"
            return Seen(UNKNOWN, (f"{name} was not run: no pod of staging with {target} is ready",), mend)
        asked = min(able, key=lambda pod: ASKED.index(pod.component))
        ran = await where.staging.kube.exec(asked.name, COMMAND, container=asked.component, timeout=SECONDS)
    except KubeError as error:
        mend = f"allow list on pods and create on pods/exec there; or {BY_HAND}"
        return Seen(UNKNOWN, (f"{name} could not be run on staging: {error.message or error.reason}",), mend)
    if ran.code:
        last = ([line for line in (ran.err or ran.out).splitlines() if line.strip()] or ["no word"])[-1]
        return Seen(UNKNOWN, (f"{name} ended with {ran.code} in {asked.name}: {last[:200]}",), BY_HAND)
    return judge(ran.out, f"{name} in {asked.name}")


def judge(said: str, name: str) -> Seen:
    """What its words mean: it ends with 0 whatever it finds."""
    if _NONE in said:
        return Seen(HOLDS, (f"{name} finds nothing",))
    if _SOME not in said:
        return Seen(UNKNOWN, (f"{name} said nothing that is known: {' '.join(said.split())[:200]}",), BY_HAND)
    found = _findings(said)
    wrong = [text for text in found if not _of_no_account(text)]
    notes = (
        [f"{name}: {len(found) - len(wrong)} of its findings are no fault: {_named(found)}"] if found != wrong else []
    )
    if not wrong:
        return Seen(HOLDS, tuple(notes))
    more = [f"… {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
    lines = [f"{name}: {text}" for text in wrong[:SHOWN]]
    return Seen(FAILS, (*lines, *more, *notes), "move or remove each in the values for the target version")


def _findings(said: str) -> list[str]:
    """Each in one line: the console breaks them at its width."""
    body = said.partition(_SOME)[2].partition(_LAST)[0]
    return [" ".join(text.split()) for text in re.split(r"\n  - ", body) if text.strip()]


def _of_no_account(text: str) -> bool:
    """Whether it is a default that is set on purpose, as prerequisite 14 asks, or what the chart sets itself."""
    moved = _MOVED.match(text)
    return _DEFAULT.match(text) is not None or (moved is not None and (moved[2], moved[1]) in CHARTS_OWN)


def _named(found: list[str]) -> str:
    """The options of those that are no fault."""
    options = [
        match for text in found if _of_no_account(text) and (match := _DEFAULT.match(text) or _MOVED.match(text))
    ]
    return ", ".join(f"[{match[2]}] {match[1]}" for match in options)
