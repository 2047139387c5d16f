"""Watching in a browser: who is let in, and that what comes is the screen."""

from __future__ import annotations

import asyncio
import gc
from asyncio.base_subprocess import BaseSubprocessTransport
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from migration_cockpit import serving
from migration_cockpit.serving import NotServed, is_loopback, make_server, token_for
from tests.pace import PATIENCE
from tests.report.sample import write_day

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound to it here
TOKEN = "a-token-of-some-length"


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    others = {id(each) for each in _children()}
    server = make_server(write_day(tmp_path), "127.0.0.1", 0, TOKEN)
    runner = web.AppRunner(await server._make_app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
    await _ended(others)


async def _ended(others: set[int]) -> None:
    """The viewers' processes are gone and their pipes closed while this loop still runs; not those of other tests."""
    viewers = [each for each in _children() if id(each) not in others]
    async with asyncio.timeout(PATIENCE):
        while any(each.get_returncode() is None for each in viewers):
            await asyncio.sleep(0.05)
    for each in viewers:
        each.close()
    await asyncio.sleep(0.05)


def _children() -> list[BaseSubprocessTransport]:
    return [each for each in gc.get_objects() if isinstance(each, BaseSubprocessTransport)]


async def test_without_the_token_nothing_is_seen(address: str) -> None:
    async with aiohttp.ClientSession() as browser:
        for path in ("/", "/ws", "/static/js/textual.js", "/?token=a-token-of-some-lengtX"):
            assert (await browser.get(address + path)).status == 401


async def test_another_sites_page_is_refused(address: str) -> None:
    async with aiohttp.ClientSession(cookies={serving.COOKIE: TOKEN}) as browser:
        assert (await browser.get(f"{address}/ws", headers={"Origin": "http://evil.example"})).status == 403


async def test_with_the_token_the_screen_comes_and_there_is_room_for_so_many(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "VIEWERS", 1)
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address, not of a name
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        page = await browser.get(f"{address}/?token={TOKEN}")
        assert page.status == 200
        assert "token" not in str(page.url)
        assert address.removeprefix("http") in await page.text()
        seen = b""
        async with asyncio.timeout(PATIENCE), browser.ws_connect(f"{address}/ws?width=160&height=48") as screen:
            second = await browser.get(f"{address}/ws")
            assert second.status == 503
            while b"WATCH" not in seen:
                message = await screen.receive()
                assert message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}
                seen += message.data if isinstance(message.data, bytes) else message.data.encode()


def test_beyond_loopback_there_is_always_a_token() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", EVERYWHERE, "example.org")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert token_for("127.0.0.1", None) == ""
    assert len(token_for(EVERYWHERE, None)) >= 24
    with pytest.raises(NotServed, match="at least 16"):
        token_for(EVERYWHERE, "secret")
