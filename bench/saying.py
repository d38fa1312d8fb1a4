"""Says results as a feed does: on NATS, durable, each the newest of its market."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Self

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.settling import ResultPublisher
from feeds.contract.records import encode_settlement
from feeds.contract.results import NONE, WHOLE, MarketResult, SelectionResult, Settlement, saying_id
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import settle_subject
from feeds.lane_log import Message

FEED = "bench"


class Sayer:
    """A feed that only says results."""

    def __init__(self, publisher: ResultPublisher) -> None:
        self._publisher = publisher
        self._ts = time.time_ns() // 1_000_000

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, nats_url: str) -> AsyncIterator[Self]:
        """Connected."""
        async with Connection(nats_url, name="saying") as connection:
            yield cls(ResultPublisher(connection, bus=BusSettings(nats_url=nats_url)))

    async def settled(self, market: str, winner: str) -> None:
        """One of the selections O1 and O2 has won. Returns when the log has it."""
        selections = tuple(SelectionResult(name, w=WHOLE if name == winner else NONE) for name in ("O1", "O2"))
        self._ts += 1
        result = MarketResult(market, "E1", "football.nfl.E1", "settled", self._ts, selections=selections)
        message = Message(settle_subject(0, "E1", market), encode_settlement(Settlement(FEED, 0, "", 0, result)))
        await self._publisher.publish(message, saying_id(FEED, result))
