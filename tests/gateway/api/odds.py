"""A gateway without a log: tests say what stands in the lanes, and ask the whole service over ASGI."""

from __future__ import annotations

from typing import Any

import httpx

from feeds.adapters.nats.connection import Connection
from feeds.contract.lane import Board, Stored
from feeds.contract.model import Event, FeedState, Market
from feeds.contract.records import Beat, Record, encode_record
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import beat_subject, event_subject, lane_of, market_subject
from gateway.access.ports import KeyStore
from gateway.access.settings import AccessSettings
from gateway.api.app import Layer
from gateway.api.around import Around
from gateway.api.main import Gateway
from gateway.api.settings import ApiSettings
from gateway.api.tracing import NoTraces, Tracing
from gateway.desk.settings import PageSettings
from gateway.store.pool import Database
from tests.gateway.rsgi import RsgiTransport

LANES = 2


class Odds:
    """The gateway, its lanes and a client. `now_ms` of its relay is the real clock."""

    def __init__(
        self,
        *,
        joined: bool = True,
        access: tuple[Layer, ...] = (),
        database: Database | None = None,
        tracing: Tracing | None = None,
        guarded: AccessSettings | None = None,
        store: KeyStore | None = None,
        page: PageSettings | None = None,
        **settings: Any,
    ) -> None:
        chosen = ApiSettings.model_validate({"port": 1, "access_log": "none", **settings})
        bus, connection = BusSettings(lanes=LANES), Connection("nats://127.0.0.1:1", name="test")
        around = Around(history=database, tracing=tracing or NoTraces(), page=page or PageSettings())
        self.gateway = Gateway(chosen, bus, connection, access=guarded, store=store, around=around)
        self.client = httpx.AsyncClient(
            transport=RsgiTransport(self.gateway.front(access)),
            base_url="http://gateway",
        )
        self._last = [0] * LANES
        self.gateway.relay.epoch("e1")
        if joined:
            for lane in range(LANES):
                self.gateway.relay.board(lane, Board(0, 1, []))

    def put(self, *states: Market | Event) -> None:
        """The next states of their lanes."""
        for state in states:
            lane = lane_of(state.event if isinstance(state, Market) else state.id, LANES)
            if isinstance(state, Market):
                self._record(lane, market_subject(lane, state.topic, state.id), state)
            else:
                self._record(lane, event_subject(lane, state.topic), state)

    def beat(self, feed: str, state: FeedState, lane: int, ts: int) -> None:
        """A feed says how it is."""
        self._record(lane, beat_subject(lane, feed), Beat(feed, state, ts))

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """The answer. Header names are written with underscores."""
        return await self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def body(self, path: str) -> Any:
        """The JSON of an answer that is 200."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _record(self, lane: int, subject: str, record: Record) -> None:
        self._last[lane] += 1
        self.gateway.relay.record(lane, Stored(subject, self._last[lane], encode_record(record)))
