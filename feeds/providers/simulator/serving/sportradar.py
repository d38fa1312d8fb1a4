"""The simulator as Sportradar's Unified Odds Feed: messages on a real broker's exchange, its REST API on loopback.

Owns the line to the broker, alive messages, and what goes wrong on command. While nothing can be sent, what was to be
sent is lost, as it is with the real one; then alive says that it was, until a recovery is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import aio_pika
import structlog
from aio_pika.abc import AbstractExchange
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from feeds.contract.errors import Refused
from feeds.contract.model import FeedState
from feeds.contract.results import MarketResult
from feeds.ports import State
from feeds.providers.clock import unix_ms
from feeds.providers.simulator.serving.faults import FaultKind, FaultyLine
from feeds.providers.simulator.serving.uof_catalogue import PRODUCER_PATH, producers
from feeds.providers.simulator.serving.uof_source import UofMessage, UofSource
from feeds.providers.simulator.serving.uvicorn_server import serving

EXCHANGE: Final = "unifiedfeed"
PRODUCT: Final = 1
ALIVE_S: Final = 10.0
RECONNECT_S: Final = 0.5
QUEUED_MAX: Final = 100_000
"""Messages that wait for the broker; beyond it the line counts as cut."""

_CONNECT_TIMEOUT_S: Final = 5.0
_BROKEN: Final = (OSError, AMQPError, ChannelInvalidStateError)
_log = structlog.get_logger(__name__)


class UofServer:
    """A FeedSink (feeds/ports.py) that publishes what is put. `requests` are the ids of the recoveries asked for."""

    def __init__(self, amqp_url: str, *, seed: int = 0, alive_s: float = ALIVE_S, product: int = PRODUCT) -> None:
        self.source = UofSource(product)
        self.requests: list[int] = []
        self._url = amqp_url
        self._product = product
        self._alive_s = alive_s
        self._line = FaultyLine(seed)
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUED_MAX)
        self._connected = False
        self._subscribed = True

    def put(self, states: Iterable[State]) -> None:
        """See FeedSink."""
        self._send(self.source.put(states, unix_ms()))

    def results(self, results: Iterable[MarketResult]) -> None:
        """See FeedSink."""
        now_ms = unix_ms()
        first = self._line.active("rollback_first", now_ms)
        self._send(self.source.results(results, now_ms, rollback_first=first))

    def health(self, state: FeedState) -> None:
        """See FeedSink. The producer is as alive as its server."""

    def command(self, words: str) -> None:
        """A fault begins. Raises Refused("bad_fault")."""
        for message in self._line.command(words, unix_ms()):
            self._enqueue(message)

    def suffers(self, kind: FaultKind) -> bool:
        """Whether a fault is going on."""
        return self._line.active(kind, unix_ms())

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[int]:
        """Publishes, and serves the API; gives its port. Raises OSError."""
        async with serving(self._api(), port) as bound, asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._publish()), group.create_task(self._live())]
            yield bound
            for task in tasks:
                task.cancel()

    def _send(self, messages: Iterable[UofMessage]) -> None:
        now_ms = unix_ms()
        if not self._connected or self._line.active("silence", now_ms):
            self._subscribed = False
        for message in messages:
            for sent in self._line.send(message.routing_key.encode() + b"\n" + message.body, now_ms):
                self._enqueue(sent)

    def _enqueue(self, message: bytes) -> None:
        if not self._connected:
            self._subscribed = False
            return
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._subscribed = False

    async def _live(self) -> None:
        while True:
            self._send([self.source.alive(unix_ms(), subscribed=self._subscribed)])
            await asyncio.sleep(self._alive_s)

    async def _publish(self) -> None:
        while True:
            try:
                connection = await aio_pika.connect(self._url, timeout=_CONNECT_TIMEOUT_S)
                async with connection:
                    channel = await connection.channel(publisher_confirms=False)
                    exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
                    self._connected = True
                    await self._publish_on(exchange)
            except _BROKEN as error:
                _log.warning("broker_unavailable", detail=type(error).__name__)
            self._connected = False
            self._subscribed = False
            while not self._queue.empty():
                self._queue.get_nowait()
            await asyncio.sleep(RECONNECT_S)

    async def _publish_on(self, exchange: AbstractExchange) -> None:
        while True:
            key, _, body = (await self._queue.get()).partition(b"\n")
            routing_key = key.decode("ascii", "replace")[:200]
            await exchange.publish(aio_pika.Message(body), routing_key, mandatory=False)

    def _api(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/descriptions/producers.xml", self._producers),
                Route("/v1/descriptions/en/markets.xml", self._markets),
                Route("/v1/descriptions/en/variants.xml", self._variants),
                Route("/v1/sports/en/sport_events/{id}/fixture.xml", self._fixture),
                Route("/v1/sports/en/players/{id}/profile.xml", self._player),
                Route(f"/v1/{PRODUCER_PATH}/recovery/initiate_request", self._recover, methods=["POST"]),
            ]
        )

    async def _producers(self, _: Request) -> Response:
        return _xml(producers(self._product))

    async def _markets(self, _: Request) -> Response:
        return _xml(self.source.catalogue.descriptions())

    async def _variants(self, _: Request) -> Response:
        return _xml(b'<variant_descriptions response_code="OK"/>')

    async def _fixture(self, request: Request) -> Response:
        return _xml(self.source.catalogue.fixture(request.path_params["id"]))

    async def _player(self, request: Request) -> Response:
        return _xml(self.source.catalogue.player(request.path_params["id"]))

    async def _recover(self, request: Request) -> Response:
        try:
            request_id = _integer(request, "request_id")
            after_ms = _integer(request, "after") if "after" in request.query_params else None
        except Refused as refusal:
            return Response(str(refusal), status_code=400)
        if not self._connected:
            return Response("the broker cannot be reached", status_code=503)
        self.requests.append(request_id)
        self._subscribed = True
        self._send(self.source.recovery(request_id, after_ms, unix_ms()))
        return Response('<response response_code="ACCEPTED"/>', status_code=202, media_type="application/xml")


def _xml(body: bytes | None) -> Response:
    return Response(status_code=404) if body is None else Response(body, media_type="application/xml")


def _integer(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isdecimal():
        raise Refused("bad_value", f"{name} is no whole number: {text[:40]!r}")
    return int(text)
