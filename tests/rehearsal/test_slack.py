"""The Slack sink answers as an incoming webhook does, and refuses what a fault tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from migration_cockpit.rehearsal import calls, faults, slack


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[slack.SlackSink]:
    server = slack.SlackSink(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def post(url: str, payload: object) -> tuple[int, str]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, json=payload)
    return answer.status_code, answer.text


async def test_a_message_is_taken_and_kept(sink: slack.SlackSink, tmp_path: Path) -> None:
    assert await post(sink.url, {"text": "Migration begins"}) == (200, "ok")
    assert await post(sink.url, {"blocks": [{"type": "section"}]}) == (200, "ok")
    assert slack.read(tmp_path)[0] == "Migration begins"
    assert len(slack.read(tmp_path)) == 2
    assert [call.call for call in calls.read(tmp_path)] == ["post", "post"]
    assert (tmp_path / slack.FILE_NAME).stat().st_mode & 0o077 == 0


async def test_what_is_no_message_is_refused(sink: slack.SlackSink, tmp_path: Path) -> None:
    assert await post(sink.url, {}) == (400, "no_text")
    assert await post(sink.url, ["x"]) == (400, "invalid_payload")
    assert await post(sink.url + "x", {"text": "hello"}) == (404, "no_service")
    assert slack.read(tmp_path) == []


async def test_a_webhook_that_is_down_refuses_everything(sink: slack.SlackSink, tmp_path: Path) -> None:
    faults.switch(tmp_path, "webhook-down", {})
    assert await post(sink.url, {"text": "Migration begins"}) == (404, "no_service")
    faults.switch(tmp_path, "webhook-down", {"status": 500})
    assert (await post(sink.url, {"text": "Migration begins"}))[0] == 500
    faults.switch(tmp_path, "webhook-down", None)
    assert await post(sink.url, {"text": "Migration begins"}) == (200, "ok")


async def test_only_the_message_of_success_can_be_refused(sink: slack.SlackSink, tmp_path: Path) -> None:
    faults.switch(tmp_path, "success-webhook-down", {})
    assert await post(sink.url, {"text": "Migration begins"}) == (200, "ok")
    assert await post(sink.url, {"text": "Migration complete: 2.11.2 to 3.2.2"}) == (404, "no_service")
    assert slack.read(tmp_path) == ["Migration begins"]


async def test_it_comes_back_on_the_same_port(sink: slack.SlackSink) -> None:
    url = sink.url
    await sink.stop()
    with pytest.raises(httpx.ConnectError):
        await post(url, {"text": "lost"})
    await sink.start()
    assert sink.url == url
    assert await post(url, {"text": "back"}) == (200, "ok")
