"""What people agree on: 10 messages, 11 the window, 12 secrets of 3.x, 15 silences of the alerts."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from migration_cockpit.config import Schedule, Settings
from migration_cockpit.connections import Connections, KubeError
from migration_cockpit.connections.errors import one_line
from migration_cockpit.connections.threads import in_thread
from migration_cockpit.playbook import letters
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where
from migration_cockpit.session.journal import FILE, JournalError
from migration_cockpit.session.places import days_of
from migration_cockpit.session.recording import Recording
from migration_cockpit.session.recording.opening import find_journal
from migration_cockpit.session.words import hm

FRIDAY = 4
EVENING = 15
"""UTC hour from which a Friday is its evening: whoever begins then gives the team's weekend away."""
AFTER = timedelta(hours=2)
"""How long after the window alerts stay silent."""
ENDS = timedelta(days=1)
"""A silence that lasts longer than this after that was forgotten."""
SECONDS = 10.0


async def messages(where: Where) -> Seen:
    """Whether D-3 has sent the announcement as it reads now; where it has not, a person says that it is agreed on."""
    slack = where.settings.slack
    found = f"they go to {slack.channel}" if slack else "no channel is configured: they would stay in the journal"
    told = await in_thread(announced, where.sessions, where.settings)
    if told is None:
        mend = "`day D-3 --send` sends the announcement; or show `plan`'s messages to those who will get them, and sign"
        return Seen(UNKNOWN, (found, "D-3 has not announced it yet"), mend)
    at, how, now = told
    if not now:
        text = f"{how} on {at:%Y-%m-%d}, and the config says something else by now"
        return Seen(UNKNOWN, (text, found), "`day D-3 --send` announces what has changed; or sign")
    return Seen(HOLDS, (f"{how} on {at:%Y-%m-%d} at {hm(at)} UTC", found), at=at)


def announced(sessions: Path, settings: Settings) -> tuple[datetime, str, bool] | None:
    """When and how the announcement went out last by the journal of the days, and whether it read as it does now."""
    it = settings.deployment
    home = days_of(sessions, it.name, it.source_version, it.target_version)
    if not any(home.glob(f"{FILE}*")):
        return None
    try:
        with closing(Recording(find_journal(home))) as recording:
            state = recording.state(recording.end)
    except (JournalError, OSError):
        return None  # a journal that is damaged proves nothing
    sent = [
        (each.ended, each.operation)
        for each in state.operations.values()
        if each.step == letters.DAY
        and each.operation.startswith(letters.SENT)
        and each.ended
        and each.outcome == "done"
    ]
    copied, day = state.fact(letters.DAY, letters.COPIED) or {}, state.days.get(letters.DAY)
    told = [(at, "the announcement was sent to the channel", name == letters.operation(settings)) for at, name in sent]
    if copied and day is not None:
        at = datetime.fromisoformat(copied["at"]) if copied.get("at") else day.started
        same = copied.get("digest") == letters.digest(settings)
        told.append((at, f"{copied['by']} sent the announcement by hand", same))
    return max(told, key=lambda one: (one[2], one[0]), default=None)


async def window(where: Where) -> Seen:
    """Not begun on a Friday evening, not over, long enough. That it was approved a person says."""
    return judge_window(where.settings.schedule, where.now)


def judge_window(schedule: Schedule, now: datetime) -> Seen:
    """What the dates themselves say of a window."""
    begins, ends = schedule.announce, schedule.window_end
    found = f"{begins:%a %Y-%m-%d %H:%M} to {ends:%H:%M} UTC"
    if ends <= now:
        return Seen(FAILS, (f"{found}: it is over",), "plan another: schedule in the config")
    if begins.weekday() == FRIDAY and begins.hour >= EVENING:
        return Seen(FAILS, (f"{found}: a Friday evening",), "begin on a morning with people behind it")
    left = ends - schedule.success
    if left < timedelta(0):
        return Seen(FAILS, (f"{found}: it ends before the last step is planned",), "plan a longer one")
    return Seen(UNKNOWN, (found,), "have it approved, and sign with who approved it")


async def external_secrets(where: Where) -> Seen:
    """Every ExternalSecret of staging on 3.x is synced; or nobody uses any."""
    production = await _external(where.place.connections)
    if isinstance(production, list) and not production:
        return Seen(HOLDS, ("production uses no External Secrets",))
    if where.staging is None or where.settings.prepare.staging_context is None:
        count = len(production) if isinstance(production, list) else production
        return Seen(UNKNOWN, (f"production: {count}; staging is not known",), "set prepare.staging_context")
    staging = await _external(where.staging)
    if isinstance(staging, str):
        return Seen(UNKNOWN, (f"staging: {staging}",), "allow list on externalsecrets there")
    late = [each["metadata"]["name"] for each in staging if not _synced(each)]
    if late:
        return Seen(FAILS, (f"not synced on staging: {', '.join(late)}",), "kubectl describe externalsecret says why")
    return Seen(HOLDS if staging else UNKNOWN, (f"{len(staging)} are synced on staging",))


async def _external(connections: Connections) -> list[dict[str, Any]] | str:
    """The ExternalSecrets of a namespace; or why they cannot be read."""
    try:
        return await connections.kube.list("externalsecrets")
    except KubeError as error:
        return [] if error.missing else error.message or error.reason


def _synced(item: dict[str, Any]) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


async def silences(where: Where) -> Seen:
    """Alertmanager's silences cover the window and two hours more, and end."""
    url = where.settings.prepare.alertmanager
    if url is None:
        mend = "set prepare.alertmanager; or silence SLA alerts and the pager by hand, and sign"
        return Seen(UNKNOWN, ("no Alertmanager is named",), mend)
    import httpx

    try:
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            answer = await client.get(f"{url.rstrip('/')}/api/v2/silences")
            answer.raise_for_status()
            given = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return Seen(UNKNOWN, (f"{url}: {one_line(error)}",), "correct prepare.alertmanager")
    return judge_silences(given if isinstance(given, list) else [], where.settings.schedule)


def judge_silences(given: list[dict[str, Any]], schedule: Schedule) -> Seen:
    """Whether a silence covers the window and ends soon after it."""
    begins, ends = schedule.announce, schedule.window_end + AFTER
    mend = f"a silence from {begins:%Y-%m-%d %H:%M} to {ends:%H:%M} UTC"
    live = [each for each in given if (each.get("status") or {}).get("state") in {"active", "pending"}]
    covering = [each for each in live if _moment(each, "startsAt") <= begins and _moment(each, "endsAt") >= ends]
    if not covering:
        return Seen(FAILS, (f"none of {len(live)} silences covers the window and two hours more",), mend)
    soonest = min(_moment(each, "endsAt") for each in covering)
    if soonest > ends + ENDS:
        return Seen(FAILS, (f"the silence lasts until {soonest:%Y-%m-%d %H:%M}",), f"let it end: {mend}")
    what = next(each for each in covering if _moment(each, "endsAt") == soonest)
    matched = ", ".join(f"{each.get('name')}={each.get('value')}" for each in what.get("matchers") or ())
    return Seen(HOLDS, (f"{what.get('comment', 'a silence')} ({matched}) until {soonest:%Y-%m-%d %H:%M} UTC",))


def _moment(silence: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(str(silence[name]))
