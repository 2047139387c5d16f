"""A Slack that one can look at: an incoming webhook that keeps what it is sent in ``slack.jsonl``.

It answers as Slack's incoming webhooks do: ``ok`` for a message taken, ``no_service`` (404) for a webhook that does
not exist or was switched off, ``invalid_payload`` and ``no_text`` (400) for a body without a message, and a plain 500
when Slack itself is in trouble.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from aiohttp import web

from migration_cockpit.rehearsal import calls, faults

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "slack.jsonl"
HOOK = "/services/T0REHEARS/B0REHEARS/rehearsalrehearsalrehear"


class SlackSink:
    """The webhook on loopback; messages go to ``directory/slack.jsonl`` as {"t", "text", "payload"}.

    ``success_text`` is a piece of the message that announces the end of the migration: the fault
    ``success-webhook-down`` refuses only messages that contain it (its option ``contains`` overrides it).
    """

    def __init__(self, directory: Path, *, port: int = 0, success_text: str = "migration complete") -> None:
        self._directory = directory
        self._port = port
        self._success_text = success_text
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The webhook's address, to be configured where a real one would be."""
        return f"http://127.0.0.1:{self._port}{HOOK}"

    async def start(self) -> None:
        """Listen; the same port is taken again after a stop."""
        app = web.Application()
        app.router.add_post("/services/{team}/{hook}/{token}", self._post)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.text()
        calls.record(self._directory, "slack", "post", request.path.rsplit("/", 1)[0])
        text = _text_of(body)
        refusal = self._refusal(text or "")
        if refusal is not None:
            return refusal
        if request.path != HOOK:
            return web.Response(status=404, text="no_service")
        if text is None:
            return web.Response(status=400, text="invalid_payload")
        if not text:
            return web.Response(status=400, text="no_text")
        self._keep(text, body)
        return web.Response(text="ok")

    def _refusal(self, text: str) -> web.Response | None:
        options = faults.active(self._directory, "webhook-down")
        if options is None:
            options = faults.active(self._directory, "success-webhook-down")
            if options is None or str(options.get("contains", self._success_text)).lower() not in text.lower():
                return None
        if options.get("status") == 500:
            return web.Response(status=500, text="server_error")
        return web.Response(status=404, text="no_service")

    def _keep(self, text: str, body: str) -> None:
        line = json.dumps({"t": round(time.time(), 6), "text": text, "payload": json.loads(body)}) + "\n"
        descriptor = os.open(self._directory / FILE_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def read(directory: Path) -> list[str]:
    """Return the texts of every message that was taken, oldest first."""
    try:
        lines = (directory / FILE_NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line)["text"] for line in lines]


def _text_of(body: str) -> str | None:
    """The message's text, from ``text`` or else its blocks; None when the body is no message at all."""
    try:
        payload = json.loads(body)
    except ValueError:
        return None
    if not isinstance(payload, dict):
        return None
    if isinstance(payload.get("text"), str):
        return str(payload["text"])
    return json.dumps(payload["blocks"]) if payload.get("blocks") else ""
