"""Five systems fail in six ways each while the screen is live: it says so, the others go on, and it recovers."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from migration_cockpit.app.app import CockpitApp
from migration_cockpit.cockpit.cockpit import Cockpit
from migration_cockpit.cockpit.desk import Desk
from migration_cockpit.config import load
from migration_cockpit.connections import hub, kube_streams
from migration_cockpit.rehearsal.cluster.tls import Identity
from migration_cockpit.sources import loop
from tests.flight import world as rehearsal
from tests.flight.outage import WAYS, Outage, Way
from tests.pace import PATIENCE

SYSTEMS = {
    "Slack": (),
    "Kubernetes": ("pods",),
    "Postgres": ("database", "tasks"),
    "AWS": ("storage",),
    "Grafana": ("metrics",),
}
"""The sources that each system feeds; Slack feeds none, it takes the messages."""
SOURCES = tuple(source for sources in SYSTEMS.values() for source in sources)


async def until(true: Callable[[], object], what: Callable[[], str]) -> None:
    """Wait for a condition; fails with `what` when it does not come about."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what()
        await asyncio.sleep(0.1)


class Screen:
    """A cockpit on its own screen, with a proxy before one of its systems."""

    def __init__(self, system: str, cockpit: Cockpit, app: CockpitApp, outage: Outage) -> None:
        self.system = system
        self.cockpit = cockpit
        self.outage = outage
        self._app = app

    def text(self) -> str:
        """All that stands on the screen now."""
        return "\n".join(strip.text for strip in self._app.screen._compositor.render_strips())

    def clock(self) -> str:
        """The time in the header: it stands still where nothing is painted any more."""
        found = re.search(r"\d\d:\d\d:\d\dZ", self.text())
        return found[0] if found else ""

    def told(self, source: str) -> bool:
        """Whether its pane says since when it is stale, and why."""
        known = self.cockpit.state.sources[source]
        since = known.read or known.failing_since
        assert since is not None
        found = re.search(rf"stale since {since:%H:%M:%S}: (.*?) *[─│╯]", self.text())
        return found is not None and known.why.startswith(found[1].split("…")[0].strip()[:20])

    def failing(self, source: str) -> bool:
        """Whether a source says now that it cannot read."""
        known = self.cockpit.state.sources.get(source)
        return known is not None and known.failing_since is not None

    def reads(self, source: str) -> bool:
        """Whether a source has read something and still does."""
        known = self.cockpit.state.sources.get(source)
        return known is not None and known.read is not None and known.failing_since is None

    async def fails_and_recovers(self, way: Way) -> None:
        """One outage from its beginning to the recovery."""
        await (self._message(way) if self.system == "Slack" else self._reading(way))

    async def _reading(self, way: Way) -> None:
        mine = SYSTEMS[self.system]
        others = [source for source in SOURCES if source not in mine]

        def said() -> str:
            return f"{self.system} {way}: {self.cockpit.state.sources}\n{self.text()}"

        await self.outage.become(way)
        if way == "is ten seconds late":
            # Some wait for longer than that and read all the same; the age of what they read is in the pane's frame.
            before = self._read_times(list(mine))
            await until(
                lambda: all(self.failing(one) or self._read_times([one])[one] > before[one] for one in mine), said
            )
        else:
            await until(lambda: all(self.failing(source) for source in mine), said)
        for source in mine:
            if self.failing(source):
                assert self.cockpit.state.sources[source].why, said()
        await until(lambda: all(not self.failing(one) or self.told(one) for one in mine), said)
        before, painted = self._read_times(others), self.clock()
        await until(lambda: all(read > before[one] for one, read in self._read_times(others).items()), said)
        await until(lambda: self.clock() != painted, said)
        assert not any(self.failing(source) for source in others), said()
        await self.outage.become("passes")
        await until(lambda: all(self.reads(source) for source in mine), said)
        await until(lambda: "stale since" not in self.text(), said)

    def _read_times(self, sources: Sequence[str]) -> dict[str, float]:
        return {one: read.timestamp() for one in sources if (read := self.cockpit.state.sources[one].read) is not None}

    async def _message(self, way: Way) -> None:
        name = f"about {way}"

        def said() -> str:
            return f"Slack {way}: {self.cockpit.state.messages[name]}\n{self.text()}"

        await self.outage.become(way)
        self.cockpit.flight.queue_message("", name, f"Slack {way}")
        late = way == "is ten seconds late"
        if not late:  # a late answer to a message is an answer, unless it comes after the time-out
            await until(lambda: self.cockpit.state.messages[name].tries, said)
            await until(lambda: "not sent, tried again" in self.text(), said)
        await self.outage.become("passes")
        await until(lambda: self.cockpit.state.messages[name].sent is not None, said)
        await until(lambda: "not sent, tried again" not in self.text(), said)


@asynccontextmanager
async def screen(system: str, world: Path, directory: Path) -> AsyncIterator[Screen]:
    """A cockpit of the world on a screen, whose way to one system leads through a proxy."""
    place = directory / system
    place.mkdir()
    for name in ("config.toml", "kubeconfig", "values-3x.yaml"):
        shutil.copy(world / name, place)
    shutil.copytree(world / "secrets", place / "secrets")
    (place / "helm").symlink_to(world / "helm")
    # What does not change is told again soon, so that a round does not wait for it.
    config = place / "config.toml"
    told = re.sub(r"^heartbeat = 10$", "heartbeat = 2", config.read_text(encoding="utf-8"), flags=re.MULTILINE)
    config.write_text(told, encoding="utf-8")
    outage = await divert(system, place)
    cockpit = Cockpit(load(config), place / "session", operator=system)
    app = CockpitApp(cockpit, Desk(cockpit))
    try:
        async with app.run_test(size=(160, 48)):
            shown = Screen(system, cockpit, app, outage)
            await until(lambda: all(shown.reads(source) for source in SOURCES), shown.text)
            yield shown
    finally:
        await outage.stop()


async def divert(system: str, place: Path) -> Outage:
    """Start a proxy before a system and lead the config at `place` through it."""
    config, kubeconfig = place / "config.toml", place / "kubeconfig"
    secret = {"Postgres": place / "secrets" / "dsn", "Slack": place / "secrets" / "slack-webhook"}.get(system, config)
    text = secret.read_text(encoding="utf-8")
    if system == "Kubernetes":
        given = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, identity = given["clusters"][0]["cluster"], Identity()
        outage = Outage(urlsplit(cluster["server"]).port or 0, tls=identity.context())
        await outage.start()
        cluster.pop("certificate-authority-data", None)
        (place / "ca.pem").write_text(identity.ca, encoding="utf-8")
        cluster |= {"server": f"https://127.0.0.1:{outage.port}", "certificate-authority": str(place / "ca.pem")}
        kubeconfig.write_text(yaml.safe_dump(given), encoding="utf-8")
        return outage
    key = {"AWS": r"endpoint_url = .*?", "Grafana": r"\[grafana\]\nurl = .*?"}.get(system, "")
    port = re.search(key + r"(?:127\.0\.0\.1|localhost):(\d+)", text)
    assert port is not None, f"{system}: no address in {secret.name}"
    number = port[1]
    outage = Outage(int(number), postgres=system == "Postgres")
    await outage.start()
    head, _, tail = text.partition(f":{number}")
    secret.write_text(f"{head}:{outage.port}{tail}", encoding="utf-8")
    return outage


LATE: Way = "is ten seconds late"
SHORTER = {(loop, "READ_SECONDS"): 4.0, (kube_streams, "WATCH_SECONDS"): 4, (hub, "SLACK_SECONDS"): 4.0}
"""Deadlines for the outages that only deadlines end: they are waited for in the same way. What is late meets the real
ones."""


async def test_each_system_fails_in_each_way_and_the_screen_says_so_goes_on_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met_late = asyncio.Barrier(len(SYSTEMS))

    async def outages(system: str) -> list[str]:
        async with screen(system, world, tmp_path) as shown:
            await shown.fails_and_recovers(LATE)
            await met_late.wait()
            for (module, name), seconds in SHORTER.items():
                monkeypatch.setattr(module, name, seconds)
            for way in WAYS:
                if way != LATE:
                    await shown.fails_and_recovers(way)
        return [f"{system} {way}" for way in WAYS]

    with rehearsal.world(tmp_path / "world") as world:
        for name, value in rehearsal.environment(world).items():
            monkeypatch.setenv(name, value)
        async with asyncio.TaskGroup() as together:  # one that fails ends the others' waiting
            flown = [together.create_task(outages(system)) for system in SYSTEMS]
    assert len({one for each in flown for one in each.result()}) == 30
