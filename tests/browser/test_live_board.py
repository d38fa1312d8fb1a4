"""A page with the module in a real Chromium: a real gateway, real shards, one of them killed, a real feed and log."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest

from feeds.adapters.server import NatsServer, free_port
from tests.browser.chromium import Chromium, Tab
from tests.bus import LANES, event
from tests.journeys.line import Line, priced, the_line
from tests.journeys.part import Part, started

pytestmark = pytest.mark.journey

SHOWN = """() => Object.fromEntries([...document.querySelectorAll("section")].map((card) =>
  [card.dataset.market, [card.dataset.open, card.querySelector(".price").lastChild.textContent]]))"""
STATE = "(state) => document.getElementById('state').textContent === state"


class Stage(NamedTuple):
    """Two shards, of which the page was told the first first."""

    line: Line
    tab: Tab
    shards: list[Part]

    async def shows(self, **markets: tuple[str, str]) -> None:
        """Waits until exactly these are shown: whether open, and the price."""
        expected = {market: list(shown) for market, shown in markets.items()}
        await self.tab.until(
            f"(expected) => JSON.stringify(Object.entries(({SHOWN})()).sort()) === JSON.stringify(expected)",
            sorted(expected.items()),
        )


@asynccontextmanager
async def the_page(browser: Chromium, nats: NatsServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """The demo page, open on E1."""
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    monkeypatch.setenv("ODDSWIRE_ACCESS_ANONYMOUS", "true")
    ports = free_port(), free_port(), free_port()
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(the_line(nats))
        parts = [("gateway", "serve"), ("fanout", "run", "--name", "s1"), ("fanout", "run", "--name", "s2")]
        running = [
            await stack.enter_async_context(started(*words, "--port", str(port), "--nats", nats.url))
            for words, port in zip(parts, ports, strict=True)
        ]
        streams = "&".join(f"stream=ws://127.0.0.1:{port}/v1/stream" for port in ports[1:])
        tab = await browser.tab(f"http://127.0.0.1:{ports[0]}/demo?event=E1&{streams}", viewport=PHONE)
        yield Stage(line, tab, running[1:])
        await tab.close()


PHONE = {"width": 390, "height": 844}


async def test_a_board_lives_through_all_that_happens_to_it(
    browser: Chromium, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with the_page(browser, nats_server, monkeypatch) as stage:
        line, tab = stage.line, stage.tab
        await tab.until(STATE, "live")
        await stage.shows(M1=("true", "\u2212110"))
        assert await tab.run("() => document.documentElement.scrollWidth <= innerWidth"), "a phone scrolls one way"

        line.put(priced("M1", "E1", 125), priced("M2", "E1", -150))
        await stage.shows(M1=("true", "+125"), M2=("true", "\u2212150"))

        line.put(priced("M1", "E1", 125, st="suspended", reason="possible_score"))
        await stage.shows(M1=("false", "+125"), M2=("true", "\u2212150"))

        assert tab.faults == []
        await stage.shards[0].end(signal.SIGKILL)
        line.put(priced("M1", "E1", 130))
        await stage.shows(M1=("true", "+130"), M2=("true", "\u2212150"))
        await tab.until(STATE, "live")

        assert line.provider.sink is not None
        line.provider.sink.health("recovering")
        await tab.until(STATE, "stale")
        await stage.shows(M1=("false", "+130"), M2=("false", "\u2212150"))
        line.put(event("E1"), priced("M1", "E1", 130), priced("M2", "E1", -150))  # what a feed tells when it is back
        line.provider.sink.health("live")
        await tab.until(STATE, "live")
        await stage.shows(M1=("true", "+130"), M2=("true", "\u2212150"))

        await tab.run(
            "() => { const odds = document.getElementById('format'); odds.value = 'd';"
            " odds.dispatchEvent(new Event('change')); }"
        )
        await stage.shows(M1=("true", "2.300"), M2=("true", "1.667"))
