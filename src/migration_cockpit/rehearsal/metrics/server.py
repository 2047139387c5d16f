"""The whole of the metrics in one object that lives on the supervisor's event loop."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from typing import TYPE_CHECKING

from aiohttp import web

from migration_cockpit.rehearsal.metrics.grafana import Grafana
from migration_cockpit.rehearsal.metrics.history import invent
from migration_cockpit.rehearsal.metrics.prometheus import Prometheus
from migration_cockpit.rehearsal.metrics.statsd import WINDOW_SECONDS, Exporter, Listener
from migration_cockpit.rehearsal.metrics.tsdb import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from migration_cockpit.rehearsal.metrics.tsdb import Labels, Sample

UID = "prometheus"
FILE_NAME = "metrics.json"
TARGET = {
    "job": "kubernetes-service-endpoints",
    "namespace": "airflow",
    "service": "airflow-statsd",
    "instance": "127.0.0.1:9102",
}
"""The labels that a scrape of the chart's annotated statsd Service gives to every series."""


class MetricsServer:
    """statsd on UDP, Grafana with Prometheus behind it on TCP, all on 127.0.0.1.

    ``port`` is Grafana's and ``statsd_port`` the exporter's (0: free ones are found); ``scrape_seconds`` is how often
    Prometheus looks. ``summary_seconds`` is how far the quantiles of timers look back: with the exporter's ten minutes
    a rehearsal of seconds would see both Airflows in one median. Grafana takes ``token`` (made up when not given) as
    bearer token.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        statsd_port: int = 0,
        scrape_seconds: float = 1.0,
        summary_seconds: float = WINDOW_SECONDS,
        token: str | None = None,
        uid: str = UID,
    ) -> None:
        self.token = token or "glsa_" + secrets.token_urlsafe(24)
        self.uid = uid
        self.store = Store()
        self.exporter = Exporter(time.time, summary_seconds)
        self.grafana = Grafana(self.token, uid)
        self._prometheus = Prometheus(self.store, time.time)
        self._directory = directory
        self._port, self._inner_port, self._statsd_port = port, 0, statsd_port
        self._scrape_seconds = scrape_seconds
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._inner: web.AppRunner | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._listener: Listener | None = None
        self._scraping: asyncio.Task[None] | None = None
        self._attached = 0
        self._target = tuple(TARGET.items())

    # -- addresses

    @property
    def grafana_url(self) -> str:
        """Where Grafana is."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def prometheus_url(self) -> str:
        """Prometheus as seen through Grafana, for a Prometheus client with the bearer token."""
        return f"{self.grafana_url}/api/datasources/proxy/uid/{self.uid}"

    @property
    def statsd_address(self) -> tuple[str, int]:
        """Host and UDP port to which Airflow sends."""
        return "127.0.0.1", self._statsd_port

    # -- life

    async def start(self) -> None:
        """Listen on all three ports and begin to scrape."""
        loop = asyncio.get_running_loop()
        self._transport, self._listener = await loop.create_datagram_endpoint(
            lambda: Listener(self.exporter), local_addr=("127.0.0.1", self._statsd_port)
        )
        self._statsd_port = self._transport.get_extra_info("sockname")[1]
        self.grafana.backend = self._prometheus.answer
        self._runner = web.AppRunner(self.grafana.app(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self.resume()
        await self._start_inner()
        self._scraping = asyncio.create_task(self._scrape_for_ever())

    async def stop(self) -> None:
        """Stop scraping and listening."""
        if self._scraping is not None:
            self._scraping.cancel()
            await asyncio.gather(self._scraping, return_exceptions=True)
        for runner in (self._runner, self._inner):
            if runner is not None:
                await runner.cleanup()
        if self._transport is not None:
            self._transport.close()

    async def pause(self) -> None:
        """Let Grafana refuse connections; metrics are still taken and scraped."""
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def resume(self) -> None:
        """Let Grafana answer (again), on the same port."""
        if self._site is None and self._runner is not None:
            self._site = web.TCPSite(self._runner, "127.0.0.1", self._port)
            await self._site.start()
            self._port = self._runner.addresses[-1][1]

    def pause_prometheus(self) -> None:
        """Let Prometheus be down behind a Grafana that is up: proxied requests get 502."""
        self.grafana.backend = None

    def resume_prometheus(self) -> None:
        """Let Prometheus answer again."""
        self.grafana.backend = self._prometheus.answer

    # -- the exporter's pod

    async def _start_inner(self) -> None:
        """Serve what the program in the statsd pod asks for (see ``rehearsal/statsd_pod.py``)."""
        app = web.Application()
        app.router.add_get("/metrics", self._exposition)
        app.router.add_get("/attach", self._attach)
        self._inner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._inner.setup()
        await web.TCPSite(self._inner, "127.0.0.1", 0).start()
        self._inner_port = self._inner.addresses[0][1]
        note = {"exposition": f"http://127.0.0.1:{self._inner_port}"}
        (self._directory / FILE_NAME).write_text(json.dumps(note), encoding="utf-8")

    async def _exposition(self, _: web.Request) -> web.Response:
        return web.Response(text=self.exporter.exposition(), content_type="text/plain", charset="utf-8")

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        """Hold the line of a statsd pod: a new pod begins with nothing, and without a pod nothing is taken."""
        response = web.StreamResponse()
        await response.prepare(request)
        self.exporter.clear()
        self.store.end()
        self._attached += 1
        self._exporter_up(up=True)
        try:
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.5)
                await response.write(b"\n")
        except ConnectionError:
            pass
        finally:
            self._attached -= 1
            if self._attached == 0:
                self._exporter_up(up=False)
        return response

    def _exporter_up(self, *, up: bool) -> None:
        if self._listener is not None:
            self._listener.open = up
        if not up:
            self.exporter.clear()
            self.store.end()

    # -- scraping

    async def _scrape_for_ever(self) -> None:
        while True:
            self.scrape()
            await asyncio.sleep(self._scrape_seconds)

    def scrape(self) -> None:
        """Take a sample of everything now."""
        up = 1.0 if self._listener is None or self._listener.open else 0.0
        changed = [(self._labels("up"), up)]
        for metric in self.exporter.changed():
            changed += [(self._labels(name, labels), value) for name, labels, value in metric.samples()]
        self.store.scrape(time.time(), changed)

    def _labels(self, name: str, labels: Iterable[tuple[str, str]] = ()) -> Labels:
        return tuple(sorted((("__name__", name), *self._target, *labels)))

    # -- history

    def backfill(self, metric: str, labels: Mapping[str, str], points: Iterable[Sample]) -> None:
        """Add (Unix seconds, value) points from before the first scrape to a series, named as in Prometheus.

        A rehearsal's history: the world makes it from what its components really sent while it warmed up.
        """
        self.store.backfill(self._labels(metric, labels.items()), points)

    def extend_history(self, seconds: float, *, step: float = 5.0, seed: int = 1) -> int:
        """Continue what was measured so far backwards over ``seconds``; returns the number of series.

        Each step of history repeats a scrape interval that was really measured, drawn at random, so level and noise
        are the measured ones; counters run into the real ones with a reset, as after a restart of the exporter.
        Marked by the series ``rehearsal_history``, which is 1 wherever the history is made in this way.
        """
        drawn = random.Random(seed)  # noqa: S311 - noise, not a secret
        return invent(self.store, self.exporter.kind, seconds, step, drawn, self._labels("rehearsal_history"))
