"""Whether a device that was left alone for a moment shows what there is: no update is lost, whatever happened before.

What there is comes from the log itself where that is known, and it is frozen: the feed stands still, so every value of
every market can be compared. Of a target whose log is not known it comes from the gateway's boards, while updates go
on: each market must have moved at least to where a board had it some seconds before, and at the same position it must
be the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from bench.app import App
from bench.scenario import CannotMeasure, Tell
from bench.stack import Game, Stack, asked
from fanout.contract.codec import market_json
from fanout.contract.replica import Message
from feeds.adapters.nats.board import read_board
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.streams import Streams
from feeds.contract.errors import LogUnavailable
from feeds.contract.model import Market
from feeds.contract.records import decode_record
from feeds.contract.settings import BusSettings

QUIET_S = 2.0
"""After quiet, every device holds the log's last value within this (DOMAIN.md section 5, S4)."""

BOARDS_AT_ONCE = 8
TOLD_MAX = 10

Markets = Mapping[str, Message]


class Truth(NamedTuple):
    """Markets that there are, by topic and id. `exact`: nothing moves, and there are no others."""

    topics: Mapping[str, Markets]
    exact: bool


async def lost_updates(stack: Stack, games: Sequence[Game], apps: Iterable[App], tell: Tell) -> int:
    """Markets that a device shows otherwise than they are, over all devices. Raises CannotMeasure."""
    feed = stack.pid("feed")
    if not stack.nats_url or feed is None:
        truth = await _boards(stack, games)
        await asyncio.sleep(QUIET_S)
        return _count(apps, truth, tell)
    async with _frozen(feed):
        await asyncio.sleep(QUIET_S)
        return _count(apps, await _log(stack.nats_url), tell)


def _count(apps: Iterable[App], truth: Truth, tell: Tell) -> int:
    count = 0
    for app in apps:
        for difference in differences(app, truth):
            count += 1
            if count <= TOLD_MAX:
                tell(f"lost: {difference}")
    return count


def differences(app: App, truth: Truth) -> Iterator[str]:
    """What a device shows otherwise. A device that is not live shows nothing that could be believed."""
    if not app.live:
        yield f"{app.topic}: the device is not live"
        return
    there = truth.topics.get(app.topic, {})
    held, last = app.replica.markets, app.replica.last
    for market_id, market in there.items():
        shown = held.get(market_id)
        if last.get(market_id, 0) < market["s"]:
            yield f"{market_id}: at {last.get(market_id, 0)}, it is at {market['s']}"
        elif shown is not None and shown["s"] == market["s"] and shown != market:
            yield f"{market_id} at {market['s']}: {_first_difference(shown, market)}"
        elif truth.exact and shown is None:
            yield f"{market_id} at {market['s']} is not shown"
    if truth.exact:
        yield from (f"{market_id} is shown and is gone" for market_id in held.keys() - there.keys())


def _first_difference(shown: Message, market: Message) -> str:
    names = sorted(name for name in shown.keys() | market.keys() if shown.get(name) != market.get(name))
    return ", ".join(f"{name} {shown.get(name)} is {market.get(name)}" for name in names[:2])


@contextlib.asynccontextmanager
async def _frozen(pid: int) -> AsyncIterator[None]:
    """The feed says nothing meanwhile; it neither ends nor loses anything."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _log(nats_url: str) -> Truth:
    """Every lane's board. Raises CannotMeasure."""
    bus = BusSettings(nats_url=nats_url)
    topics: dict[str, dict[str, Message]] = {}
    try:
        async with Connection(bus.nats_url, name="bench") as connection:
            streams = Streams(connection, lanes=bus.lanes)
            for lane in range(bus.lanes):
                for record in (await read_board(connection, streams, lane)).records:
                    state = decode_record(record.subject, record.data)
                    if isinstance(state, Market) and not state.gone:
                        topics.setdefault(state.topic, {})[state.id] = orjson.loads(market_json(state, record.s))
    except LogUnavailable as error:
        raise CannotMeasure(f"the log cannot be read: {error}") from error
    return Truth(topics, exact=True)


async def _boards(stack: Stack, games: Sequence[Game]) -> Truth:
    """What the gateway shows. Raises CannotMeasure."""
    room = asyncio.Semaphore(BOARDS_AT_ONCE)

    async def board(game: Game) -> tuple[str, Markets]:
        async with room:
            board = (await asked(stack.url, f"/v1/events/{game.event}/markets", or_gone=True)).json()
        items = board.get("items", ())  # a game that has ended leaves the log
        return game.topic, {one["id"]: one for one in items if not one.get("gone")}

    return Truth(dict(await asyncio.gather(*map(board, games))), exact=False)
