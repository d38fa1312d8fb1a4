"""What tests over real sockets share: states, shards over a log in memory, waiting for a condition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from fanout.client import ClientLimits, OddsStream
from fanout.contract.replica import Message
from fanout.server import Server
from fanout.settings import FanoutSettings
from feeds.contract.coordination import Coordination
from feeds.contract.model import Event, Market, Score, Selection
from feeds.contract.prices import price_from_american
from tests.fanout.memory_log import MemoryLog

QUICK = ClientLimits(open_s=5.0, silence_s=5.0, backoff_s=0.02, backoff_max_s=0.1)


def event(event_id: str = "E1", **changes: object) -> Event:
    """A game of the NFL."""
    made = Event(
        id=event_id,
        topic=f"football.nfl.{event_id}",
        name="Bills @ Chiefs",
        home="Chiefs",
        away="Bills",
        start="2026-09-21T20:00:00Z",
        state="live",
        score=Score(7, 3),
        clock="Q2 04:31",
        ts=1,
    )
    return msgspec.structs.replace(made, **changes)


def spread(
    market_id: str = "M1", *, home: int = -110, away: int = -110, event_id: str = "E1", **changes: object
) -> Market:
    """The spread of a game at two American prices."""
    made = Market(
        id=market_id,
        event=event_id,
        topic=f"football.nfl.{event_id}",
        cls="main",
        type="spread",
        period="game",
        line="-3.5",
        src="alpha-0",
        ts=1,
        st="open",
        live=True,
        selections=(
            Selection(f"{market_id}h", "Chiefs -3.5", price=price_from_american(home), side="home", line="-3.5"),
            Selection(f"{market_id}a", "Bills +3.5", price=price_from_american(away), side="away", line="3.5"),
        ),
    )
    return msgspec.structs.replace(made, **changes)


@asynccontextmanager
async def shard(
    log: MemoryLog, *, port: int = 0, coordination: Coordination | None = None, **changes: object
) -> AsyncIterator[Server]:
    """A shard that serves a log on a free port."""
    settings = FanoutSettings.model_validate(
        {"port": port, "hb_ms": 200, "close_grace_s": 0.2, "drain_window_s": 0, "drain_deadline_s": 5, **changes}
    )
    server = Server(
        settings, lanes=log.lanes, connected=lambda: True, make_reader=log.reader, coordination=coordination
    )
    async with server.serve():
        yield server


def url_of(server: Server) -> str:
    """Its stream address."""
    return f"ws://127.0.0.1:{server.port}/v1/stream"


async def until(stream: OddsStream, condition: Callable[[Message], bool], *, within_s: float = 60.0) -> Message:
    """Reads messages until one meets the condition, and gives it."""
    async with asyncio.timeout(within_s):
        async for message in stream:
            if condition(message):
                return message
    raise AssertionError("the stream ended")


async def live(stream: OddsStream) -> Message:
    """Reads until catch-up is through."""
    return await until(stream, lambda message: message["t"] == "live")


def price(stream: OddsStream, market_id: str = "M1") -> int | None:
    """The first selection's American price in the replica."""
    market = stream.replica.markets.get(market_id)
    return None if market is None else market["x"][0]["a"]


async def priced(stream: OddsStream, american: int) -> Message:
    """Reads until the first selection is at this price."""
    return await until(stream, lambda _: price(stream) == american)
