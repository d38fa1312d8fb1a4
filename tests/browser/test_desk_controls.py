"""The trader's hand in a real Chromium: it reaches another browser and a device, a stale click changes nothing;
a price of ours ends by itself; a shard is drained from the page; a reader only looks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from feeds.adapters.server import NatsServer, free_port
from gateway.access.development import development_keys
from tests.browser.chromium import Chromium
from tests.browser.desk_page import MINUS, DeskTab, desk_tab
from tests.browser.test_desk_board import both_shards_are_known
from tests.bus import LANES, eventually
from tests.journeys.line import Device, Line, the_line
from tests.journeys.part import started

pytestmark = pytest.mark.journey

SETTINGS = {
    "ODDSWIRE_LANES": str(LANES),
    "ODDSWIRE_ACCESS_ENVIRONMENT": "development",
    "ODDSWIRE_ACCESS_ANONYMOUS": "true",
    "ODDSWIRE_FANOUT_DRAIN_WINDOW_S": "0.2",
    "ODDSWIRE_FANOUT_DRAIN_DEADLINE_S": "20",
}
EVENT = "football.nfl.E1"
SIGN_IN = """async (account) => (await fetch("/desk/sign-in/development", { method: "POST",
  headers: { "Content-Type": "application/json", "Desk-Request": "1" },
  body: JSON.stringify({ account, role: "trader" }) })).status"""
COMMAND = """async (command) => (await fetch("/v1/desk/commands", { method: "POST",
  headers: { "Content-Type": "application/json", "Desk-Request": "1" }, body: JSON.stringify(command) })).status"""
SAYS = "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)"


class Stage(NamedTuple):
    """The line, its gateway's address, addresses of the shards by name."""

    browser: Chromium
    line: Line
    url: str
    streams: dict[str, str]

    async def tab(self, path: str, account: str = "") -> DeskTab:
        """A browser of its own, where an account is signed in."""
        desk = await desk_tab(self.browser, f"{self.url}/desk/board")
        if account:
            assert await desk.tab.run(SIGN_IN, account) == 200
        await desk.tab.open(f"{self.url}/desk/{path}")
        return desk

    async def click(self, desk: DeskTab, selector: str) -> None:
        await self.browser.do(desk.tab.page.click(selector))

    async def fill(self, desk: DeskTab, selector: str, text: str) -> None:
        await self.browser.do(desk.tab.page.fill(selector, text))

    async def confirm(self, desk: DeskTab, reason: str) -> None:
        """Says why, and yes."""
        await self.fill(desk, "dialog[open] input[name=reason]", reason)
        await self.click(desk, "dialog[open] button[name=confirm]")


@pytest.fixture
async def stage(
    browser: Chromium, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Stage]:
    for name, value in {**SETTINGS, "ODDSWIRE_ACCESS_DEVELOPMENT_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    development_keys(tmp_path)
    ports = {"s1": free_port(), "s2": free_port()}
    gateway = free_port()
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(the_line(nats_server))
        for name, port in ports.items():
            shard = ("fanout", "run", "--name", name, "--port", str(port), "--nats", nats_server.url)
            await stack.enter_async_context(started(*shard))
        await stack.enter_async_context(started("gateway", "serve", "--port", str(gateway), "--nats", nats_server.url))
        url = f"http://127.0.0.1:{gateway}"
        await both_shards_are_known(url)
        streams = {name: f"ws://127.0.0.1:{port}/v1/stream" for name, port in ports.items()}
        yield Stage(browser, line, url, streams)


def shown(device: Device) -> tuple[Any, int | None]:
    return device.shows("M1").get("st"), device.american("M1")


async def test_a_hand_in_one_browser_shows_in_another_and_on_a_device(stage: Stage) -> None:
    device = await stage.line.device_at(stage.streams["s1"])
    await device.subscribe(EVENT)
    jo, ann = await stage.tab(f"controls/{EVENT}", "jo"), await stage.tab(f"controls/{EVENT}", "ann")
    board = await stage.tab("board")
    await board.shows("M1", "open", f"{MINUS}110")
    for desk in (jo, ann):
        await desk.tab.until(SAYS, [".act .next", "version 0"])
        await stage.click(desk, "button[name=review]")
    await stage.confirm(jo, "Feed in doubt")
    await board.shows("M1", "suspended", f"{MINUS}110")
    await eventually(lambda: shown(device) == ("suspended", -110))
    await jo.tab.until(SAYS, [".laid", "Feed in doubt"])

    await stage.confirm(ann, "I was slower")
    await ann.tab.until(SAYS, ["dialog[open] .failed", "Somebody was faster"])
    await ann.tab.until(SAYS, [".trail", "Feed in doubt"])
    assert not await ann.tab.run(SAYS, [".trail", "I was slower"])

    await stage.click(jo, ".done button")
    await stage.click(jo, "dialog[open] button[name=confirm]")
    await board.shows("M1", "open", f"{MINUS}110")
    await eventually(lambda: shown(device) == ("open", -110))
    await jo.tab.until(SAYS, [".trail", "Taken back"])

    price = {"id": "our-price-1", "scope": f"{EVENT}.M1", "action": "override", "reason": "a look", "version": 2}
    assert await jo.tab.run(COMMAND, price | {"selection": "O1", "price": "-200", "for_s": 3}) == 200
    await board.shows("M1", "open", f"{MINUS}200")
    await jo.tab.until(SAYS, [".laid", "left"])
    await board.shows("M1", "open", f"{MINUS}110")
    await eventually(lambda: shown(device) == ("open", -110))
    for desk in (jo, ann, board):
        assert await desk.tab.run("() => blocked") == []
        await desk.tab.close()


async def test_a_shard_is_drained_from_the_page_which_lives_on(stage: Stage) -> None:
    device = await stage.line.device_at(stage.streams["s1"])
    await device.subscribe(EVENT)
    jo = await stage.tab("operations", "jo")
    await jo.has(".heat canvas")
    await jo.tab.until(SAYS, [".shards tbody", "s1"])
    opened = await jo.tab.run("() => performance.timeOrigin")
    await jo.tab.run(
        "() => [...document.querySelectorAll('.shards tr')].find((row) => row.textContent.startsWith('s1'))"
        ".querySelector('button').click()"
    )
    await stage.confirm(jo, "Its host goes away")
    await eventually(lambda: bool(device.told("drain")))
    assert device.told("drain")[0]["url"] == stage.streams["s2"]
    await device.close()
    await jo.tab.until("() => !document.querySelector('.shards tbody').textContent.includes('s1')")
    await jo.stream_is("live")
    assert await jo.tab.run("() => performance.timeOrigin") == opened
    await jo.clean()
    await jo.tab.close()


async def test_a_reader_looks_and_is_offered_nothing(stage: Stage) -> None:
    eve = await stage.tab("board")
    body = '{"account":"eve","role":"reader"}'
    assert await eve.tab.run(SIGN_IN.replace('JSON.stringify({ account, role: "trader" })', f"'{body}'"), "eve") == 200
    await eve.tab.open(f"{stage.url}/desk/controls/{EVENT}")
    await eve.has(".act fieldset[disabled]")
    await eve.tab.open(f"{stage.url}/desk/operations")
    await eve.tab.until(SAYS, [".shards tbody", "s1"])
    assert await eve.tab.run("() => document.querySelector('.shards button') === null")
    await eve.tab.open(f"{stage.url}/desk/location?lat=39.9259&lon=-75.0196")
    await eve.has(".verdict[data-accepted=true]")
    await eve.has(".map .disc")
    assert await eve.tab.run("() => document.querySelectorAll('.rules tbody tr').length > 2")
    await eve.clean()
    await eve.tab.close()
