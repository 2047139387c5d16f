"""Plugins of production beside those that staging has loaded on the target version, by name."""

from __future__ import annotations

import fnmatch

from migration_cockpit.connections import WorldError
from migration_cockpit.connections.errors import AirflowError, one_line
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where
from migration_cockpit.session.words import plural

SHOWN = 5
PROVIDERS = "apache-airflow-providers-"
"""A plugin that a provider's package brings is that package's: providers are compared by themselves."""
GROUP = "plugins"
"""What stands before a plugin's name in prepare.staging_differs."""


async def look(where: Where) -> Seen:
    """Whether staging has every plugin that production has."""
    if where.staging is None or where.settings.prepare.staging_airflow is None:
        text = "plugins are not compared: staging's Airflow is not known"
        return Seen(UNKNOWN, (text,), "set prepare.staging_airflow")
    try:
        here = await where.place.connections.airflow.plugins()
        there = await where.staging.airflow.plugins()
        broken = await where.staging.airflow.plugin_errors()
    except AirflowError as error:
        mend = "the account needs `can read on Plugins`, in production and on staging"
        return Seen(UNKNOWN, (f"plugins are not compared: {one_line(error)}",), mend)
    except WorldError as error:
        return Seen(UNKNOWN, (f"plugins are not compared: {one_line(error)}",), "see `migration-cockpit check`")
    return judge(here, there, broken, where.settings.prepare.staging_differs)


def judge(here: dict[str, str], there: dict[str, str], broken: tuple[str, ...], on_purpose: tuple[str, ...]) -> Seen:
    """Name and source of production's and staging's, and what staging could not import."""
    wanted = {name for name, source in here.items() if not source.startswith(PROVIDERS)}
    left = {name for name in wanted if any(fnmatch.fnmatchcase(f"{GROUP}.{name}", each) for each in on_purpose)}
    lost = sorted(wanted - left - there.keys())
    found = [f"staging could not import a plugin: {' '.join(text.split())[:160]}" for text in broken[:SHOWN]]
    if lost:
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        found.insert(
            0, f"staging has not loaded the plugin{'s' if len(lost) > 1 else ''} {', '.join(lost[:SHOWN])}{more}"
        )
    if found:
        mend = f"bring them to the target version, or name {GROUP}.NAME in prepare.staging_differs to leave it behind"
        return Seen(FAILS, tuple(found), mend)
    behind = f", {plural(len(left), 'other')} left behind on purpose" if left else ""
    if not wanted:
        return Seen(HOLDS, ("production has no plugins of its own",))
    return Seen(HOLDS, (f"staging has loaded all {plural(len(wanted - left), 'plugin')} of production{behind}",))
