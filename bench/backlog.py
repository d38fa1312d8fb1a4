"""A log that already holds many changes: written by fenced atomic batches, as a feed does, only faster."""

from __future__ import annotations

import time

from bench import steady
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.publisher import LanePublisher
from feeds.contract.records import encode_record
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import lane_of, lead_subject, market_subject
from feeds.lane_log import Fence, Message

_BATCH = 500
_FEED = "backlog"
_FIRST_MARKET = 5_000
"""Numbers from here on: the steady feed has those below."""


async def write_backlog(bus: BusSettings, *, changes: int, markets: int) -> None:
    """Writes about so many changes, spread evenly over markets. Raises LogUnavailable."""
    now_ms = time.time_ns() // 1_000_000
    async with Connection(bus.nats_url, name="backlog") as connection:
        logs = {lane: LanePublisher(connection, lane, bus=bus) for lane in range(bus.lanes)}
        waiting: dict[int, list[Message]] = {lane: [] for lane in logs}
        for number in range(changes):
            turn, place = divmod(number, markets)
            market = steady.market(_FIRST_MARKET + place, turn, lanes=bus.lanes, ts=now_ms + turn)
            lane = lane_of(market.event, bus.lanes)
            waiting[lane].append(Message(market_subject(lane, market.topic, market.id), encode_record(market)))
            if len(waiting[lane]) == _BATCH:
                await logs[lane].write(waiting[lane], Fence(lead_subject(lane, _FEED), 0))
                waiting[lane] = []
        for lane, messages in waiting.items():
            if messages:
                await logs[lane].write(messages, Fence(lead_subject(lane, _FEED), 0))
