"""The desk's live board in a real Chromium: a real gateway, two real shards, a log that is killed, a feed by hand."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import httpx
import pytest

from feeds.adapters.server import NatsServer, free_port
from feeds.contract.model import Market, MarketClass, Score, Selection, Side, Subject
from feeds.contract.prices import price_from_american
from tests.browser.chromium import Chromium
from tests.browser.desk_page import MINUS, DeskTab, desk_tab
from tests.bus import LANES, event, market
from tests.journeys.line import Line, priced, the_line
from tests.journeys.part import Part, started

pytestmark = pytest.mark.journey

SETTINGS = {
    "ODDSWIRE_LANES": str(LANES),
    "ODDSWIRE_ACCESS_ANONYMOUS": "true",
    "ODDSWIRE_FANOUT_DRAIN_WINDOW_S": "0.2",
    "ODDSWIRE_FANOUT_DRAIN_DEADLINE_S": "20",
    "ODDSWIRE_FANOUT_HB_MS": "500",
}
SHARD = "() => document.querySelector('.figures').textContent.match(/Shard(s\\d)/)?.[1] ?? null"


class Stage(NamedTuple):
    """The page, open on the board, with the shards by name."""

    line: Line
    desk: DeskTab
    shards: dict[str, Part]

    async def shard(self) -> str:
        """The name of the shard that the page says it hears."""
        await self.desk.tab.until(SHARD)
        name: str = await self.desk.tab.run(SHARD)
        return name


@asynccontextmanager
async def the_board(
    browser: Chromium, nats: NatsServer, monkeypatch: pytest.MonkeyPatch, path: str = ""
) -> AsyncIterator[Stage]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    ports = free_port(), free_port(), free_port()
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(the_line(nats))
        words = {
            "gateway": ("gateway", "serve"),
            "s1": ("fanout", "run", "--name", "s1"),
            "s2": ("fanout", "run", "--name", "s2"),
        }
        running = {
            name: await stack.enter_async_context(started(*argv, "--port", str(port), "--nats", nats.url))
            for (name, argv), port in zip(words.items(), ports, strict=True)
        }
        url = f"http://127.0.0.1:{ports[0]}"
        await both_shards_are_known(url)
        desk = await desk_tab(browser, f"{url}/desk/board{path}")
        yield Stage(line, desk, running)
        await desk.tab.close()


async def both_shards_are_known(url: str) -> None:
    """The page may stream from the shards that there are when it is opened."""
    async with httpx.AsyncClient(base_url=url) as client:
        while len((await client.get("/v1/stream/endpoint")).json().get("alternates", ())) < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_board_lives_through_all_that_happens_to_it(
    browser: Chromium, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with the_board(browser, nats_server, monkeypatch) as stage:
        line, desk = stage.line, stage.desk
        await desk.stream_is("live")
        await desk.shows("M1", "open", f"{MINUS}110")
        line.put(priced("M1", "E1", 125))
        await desk.flashed("M1", "up")
        await desk.shows("M1", "open", "+125")
        line.put(priced("M1", "E1", 125, st="suspended", reason="possible_score"))
        await desk.shows("M1", "suspended", "+125")
        opened = await desk.tab.run("() => performance.timeOrigin")

        before = await stage.shard()
        stage.shards[before].send(signal.SIGTERM)
        await desk.tab.until(f"(before) => ({SHARD})() !== before", before)
        line.put(priced("M1", "E1", -130))
        await desk.flashed("M1", "down")
        await desk.shows("M1", "open", f"{MINUS}130")
        assert "reconnecting" not in await desk.tab.run("() => streamStates"), "a drain is no loss"

        await line.nats.kill()
        await desk.stream_is("stale")
        await desk.shows("M1", "suspended", f"{MINUS}130")
        await desk.has(".notice[data-state=stale]")
        await desk.tab.until("() => document.querySelector('.row[data-event=E1] .badge').textContent === 'no feed'")
        line.put(priced("M1", "E1", 200))
        await line.nats.start()
        await desk.stream_is("live")
        await desk.shows("M1", "open", "+200")
        await desk.tab.until("() => document.querySelector('.notice') === null")
        assert await desk.tab.run("() => performance.timeOrigin") == opened, "the page was never loaded again"
        await desk.clean()


async def test_a_lost_shard_is_made_up_for(
    browser: Chromium, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with the_board(browser, nats_server, monkeypatch) as stage:
        line, desk = stage.line, stage.desk
        await desk.shows("M1", "open", f"{MINUS}110")
        before = await stage.shard()
        await stage.shards[before].end(signal.SIGKILL)
        await desk.tab.until(f"(before) => ({SHARD})() !== before", before)
        line.put(priced("M1", "E1", 140))
        await desk.shows("M1", "open", "+140")


def lined(market_id: str, text: str, cls: MarketClass = "main") -> Market:
    """A total."""
    sides: tuple[tuple[Side, int], ...] = (("over", -110), ("under", -105))
    selections = tuple(
        Selection(f"{market_id}{side}", f"{side} {text}", side=side, line=text, price=price_from_american(american))
        for side, american in sides
    )
    return market(market_id, "E2", cls=cls, type="total", group="G1", line=text, selections=selections, live=True)


async def test_an_event_by_the_keyboard(
    browser: Chromium, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with the_board(browser, nats_server, monkeypatch) as stage:
        line, desk = stage.line, stage.desk
        about = {"cls": "prop", "type": "rushing_yards", "subject": Subject("player", "PL1", "Rob Runner")}
        prop = priced("P1", "E2", 150, **about)
        game = event("E2", name="Bills @ Chiefs", home="Chiefs", away="Bills", score=Score(7, 3), clock="Q2 04:31")
        line.put(game, lined("T1", "47.5"), lined("T2", "44.5", "alternate"), lined("T3", "50.5", "alternate"), prop)
        await desk.shows("T1", "open", f"{MINUS}110", "T1over")

        await desk.press("/")
        await desk.type("chie")
        await desk.has(".hits a[href='/desk/board/football.nfl.E2']")
        await desk.press("Enter")
        await desk.has(".ladder")
        await desk.shows("P1", "open", "+150")
        ladder = "() => [...document.querySelectorAll('.ladder a.name')].map((name) => name.textContent.trim())"
        assert await desk.tab.run(ladder) == ["44.5", "47.5 main", "50.5"]
        assert await desk.tab.run("() => document.querySelector('.subject h3').textContent") == "Rob Runner"
        assert "7" in await desk.tab.run("() => document.querySelector('.score').textContent")

        await desk.press("ArrowDown")
        await desk.press("ArrowRight", "Enter")
        await desk.has(".inspector")
        await desk.press("f")
        await desk.shows("P1", "open", "2.500")
        await desk.press("f")
        await desk.shows("P1", "open", "3/2")
        await desk.press("l")
        await desk.has(".movement .chart canvas")
        await desk.press("b")
        await desk.has(".ladder")
        await desk.press("Escape")
        await desk.tab.until("() => location.pathname === '/desk/board/football.nfl'")

        line.put(priced("P1", "E2", 160, **about))
        line.put(event("E2", name="Bills @ Chiefs", home="Chiefs", away="Bills", score=Score(14, 3), clock="Q2 03:10"))
        await desk.tab.until("() => document.querySelector('.row[data-event=E2] .when').textContent.includes('03:10')")
        await desk.tab.until("() => document.querySelector('.row[data-event=E2] .who').textContent.includes('14')")
