"""What a session writes down of its config when it opens, and whether a config is one that it can go on with."""

from __future__ import annotations

import msgspec

from migration_cockpit import __version__
from migration_cockpit.config import STEP_IDS, Grafana, Settings
from migration_cockpit.session import events as ev
from migration_cockpit.session.state import State


def opening(settings: Settings, session: str) -> ev.SessionOpened:
    """The first event of a session of this name."""
    deployment, kubernetes = settings.deployment, settings.kubernetes
    planned = {step: settings.schedule.planned(step) for step in STEP_IDS}
    return ev.SessionOpened(
        session=session,
        deployment=deployment.name,
        production=deployment.production,
        source_version=deployment.source_version,
        target_version=deployment.target_version,
        context=kubernetes.context,
        namespace=kubernetes.namespace,
        release=kubernetes.release,
        config=settings.digest(),
        program=__version__,
        planned=planned | {"window_end": settings.schedule.window_end},
        rehearsal=deployment.rehearsal,
    )


def other_place(state: State, settings: Settings) -> str:
    """Why a session cannot be flown with these settings: it is of another deployment, cluster or release."""
    opened, kubernetes = state.session, settings.kubernetes
    if opened is None:
        return ""
    pairs = {
        "deployment": (opened.deployment, settings.deployment.name),
        "context": (opened.context, kubernetes.context),
        "namespace": (opened.namespace, kubernetes.namespace),
        "release": (opened.release, kubernetes.release),
        "source version": (opened.source_version, settings.deployment.source_version),
        "target version": (opened.target_version, settings.deployment.target_version),
    }
    differ = [f"{name} {was}, the config names {now}" for name, (was, now) in pairs.items() if was != now]
    return f"this session is of {'; '.join(differ)}" if differ else ""


def rules_of(settings: Settings) -> ev.RulesSet:
    """What of the config the screen draws by."""
    from migration_cockpit.advice import rates

    percent = settings.grafana.regression_percent if settings.grafana else _usual_percent()
    known = rates.of(settings)
    return ev.RulesSet(
        limits=msgspec.structs.asdict(settings.limits),
        cadence=msgspec.structs.asdict(settings.cadence),
        regression_percent=percent,
        rates=msgspec.Raw(msgspec.json.encode(known)) if known.own else None,
    )


def _usual_percent() -> float:
    """The default of the config's key, where there is no [grafana] in it."""
    return next(float(each.default) for each in msgspec.structs.fields(Grafana) if each.name == "regression_percent")
