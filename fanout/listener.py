"""The one port of a shard: a request's head is read, admitted and routed; then the connection belongs to its shell.

Routes: `/v1/stream` (WebSocket), `/v1/stream/sse`, `/live`, `/ready`, `/metrics`. Refusals before the upgrade are
HTTP problems (RFC 9457). The head is parsed by `websockets`' sans-I/O ServerProtocol, which is dropped afterwards.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from collections import Counter
from typing import NamedTuple, cast
from urllib.parse import SplitResult, parse_qs, urlsplit

from websockets.datastructures import MultipleValuesError
from websockets.http11 import Request
from websockets.server import ServerProtocol

from fanout import answers
from fanout.admission import Closed
from fanout.arrivals import Arrivals
from fanout.connection import DeviceConnection
from fanout.contract.addresses import Address, Networks, client_address
from fanout.contract.messages import Subscribe
from fanout.contract.tickets import Grant
from fanout.contract.topics import parse_topic
from fanout.gate import SPENT, UNKNOWN, Gate
from fanout.pulse import Pulse
from fanout.settings import FanoutSettings
from fanout.shard import Shard
from fanout.sse import SseConnection
from fanout.ws import WebSocketConnection
from feeds.contract.errors import Refused

STREAM_PATH = "/v1/stream"
SSE_PATH = "/v1/stream/sse"

_LOGGER = logging.getLogger("websockets.server.head")
_LOGGER.setLevel(logging.INFO)  # below that it tells requests, in which tickets stand
_RETRY_AFTER_S = (1, 5)
_CLOSED: dict[Closed, str] = {
    "late": "this shard is late: one device more would make it later",
    "owes_images": "this shard still has images to send to others",
}
_FIELDS_MAX = 16
_HEAD_END = b"\r\n\r\n"


class Front:
    """What all connections of a shard share: the shard, its pulse, who is connected, and who may be."""

    def __init__(self, settings: FanoutSettings, shard: Shard, pulse: Pulse, pages: dict[str, answers.Page]) -> None:
        self.settings = settings
        self.shard = shard
        self.pulse = pulse
        self.pages = pages
        self.gate: Gate | None = None
        self.connections: dict[DeviceConnection, Address | None] = {}
        self.deserted = asyncio.Event()
        self.deserted.set()
        self.refused: Counter[str] = Counter()
        self._by_address: Counter[Address] = Counter()
        self._exempt = Networks(settings.address_exempt)
        self._proxies = Networks(settings.trusted_proxies)
        self._loop = asyncio.get_running_loop()
        self.arrivals = Arrivals(self._loop)

    def counted_address(self, peer: object, request: Request) -> Address | None:
        """The client's address, None where it is not limited. `peer`: as the transport tells it."""
        forwarded_for = request.headers.get_all("X-Forwarded-For") if self._proxies else ()
        address = client_address(peer[0] if isinstance(peer, tuple) else "", forwarded_for, self._proxies)
        return None if address is None or address in self._exempt else address

    def refusal(self, address: Address | None) -> bytes | None:
        """Why a device may not connect now, as a whole response, or None."""
        retry_after_s = random.randint(*_RETRY_AFTER_S)
        if self.shard.sessions.draining:
            return self._refused("draining", 503, "this shard is going away", retry_after_s)
        if len(self.connections) >= self.settings.sockets:
            return self._refused("overloaded", 503, "this shard has no room", retry_after_s)
        closed = self.pulse.admission.closed(self.shard.placement.owed)
        if closed is not None:
            return self._refused(closed, 503, _CLOSED[closed], retry_after_s)
        if address is not None and self._by_address[address] >= self.settings.sockets_per_address:
            return self._refused("too_many_connections", 429, "too many connections of one address", retry_after_s)
        return None

    def joined(self, connection: DeviceConnection, address: Address | None) -> None:
        """A connection begins."""
        self.connections[connection] = address
        self.deserted.clear()
        if address is not None:
            self._by_address[address] += 1

    def left(self, connection: DeviceConnection) -> None:
        """A connection is over."""
        address = self.connections.pop(connection, None)
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
        if not self.connections:
            self.deserted.set()

    def cut_off_later(self, transport: asyncio.Transport) -> None:
        """A closed socket may flush and say goodbye for a while, then it is reset."""
        self._loop.call_later(self.settings.close_grace_s, transport.abort)

    def origin_allowed(self, origin: str | None) -> bool:
        """No Origin means no browser. Otherwise the list decides."""
        return origin is None or "*" in self.settings.origins or origin in self.settings.origins

    def _refused(self, code: str, status: int, detail: str, retry_after_s: int) -> bytes:
        self.refused[code] += 1
        return answers.problem(status, code, detail, headers={"Retry-After": str(retry_after_s)})


class _Asked(NamedTuple):
    """A stream that was asked for. `address` None: not counted. `early`: what came behind the head."""

    request: Request
    url: SplitResult
    early: bytes
    transport: asyncio.Transport
    origin: str | None
    address: Address | None


class Head(asyncio.Protocol):
    """A connection until its request is known."""

    __slots__ = ("_buffer", "_deadline", "_front", "_parser", "_transport")

    def __init__(self, front: Front) -> None:
        self._front = front
        self._buffer = bytearray()
        self._parser = ServerProtocol(logger=_LOGGER)
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Someone is there."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its ancestry
        self._transport = transport
        transport.set_write_buffer_limits(high=0)  # one unsent byte, and a connection is full
        self._deadline = asyncio.get_running_loop().call_later(self._front.settings.handshake_s, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is no more."""
        del exc
        if self._deadline is not None:
            self._deadline.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes of the head, perhaps with a first frame behind it."""
        assert self._transport is not None
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if max(end, len(self._buffer) if end < 0 else 0) > self._front.settings.handshake_bytes:
            self._answer(answers.problem(431, "head_too_large", "the request head is too large"))
        elif end >= 0:
            head, early = bytes(self._buffer[: end + len(_HEAD_END)]), bytes(self._buffer[end + len(_HEAD_END) :])
            self._parse(head, early, self._transport)

    def _parse(self, head: bytes, early: bytes, transport: asyncio.Transport) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._parser.receive_data(head)
        request = next((event for event in self._parser.events_received() if isinstance(event, Request)), None)
        if request is None or not _is_readable(request):
            self._answer(answers.problem(400, "bad_request", "not an HTTP/1.1 request"))
        else:
            self._route(request, early, transport)

    def _answer(self, response: bytes) -> None:
        assert self._transport is not None
        self._transport.write(response)
        self._transport.close()

    def _route(self, request: Request, early: bytes, transport: asyncio.Transport) -> None:
        url = urlsplit(request.path)
        origin = request.headers.get("Origin")
        if request.method == "OPTIONS":
            self._answer(answers.preflight(self._cors(origin)))
        elif request.method != "GET":
            self._answer(answers.problem(405, "method_not_allowed", "only GET", headers={"Allow": "GET, OPTIONS"}))
        elif url.path in (STREAM_PATH, SSE_PATH):
            begin = functools.partial(self._begin_stream, request, early, transport, origin)
            transport.pause_reading()
            self._front.arrivals.add(begin)
        elif (page := self._front.pages.get(url.path)) is not None:
            self._answer(page())
        else:
            self._answer(answers.problem(404, "not_found", "nothing is here"))

    def _begin_stream(self, request: Request, early: bytes, transport: asyncio.Transport, origin: str | None) -> None:
        if transport.is_closing():
            return
        address = self._front.counted_address(transport.get_extra_info("peername"), request)
        asked = _Asked(request, urlsplit(request.path), early, transport, origin, address)
        if not self._admitted(address, origin):
            return
        if self._front.gate is None:
            self._enter(asked, None)
        else:
            self._front.gate.ask(_ticket(asked), functools.partial(self._enter_by_ticket, asked))

    def _enter_by_ticket(self, asked: _Asked, answer: Grant | Refused) -> None:
        if asked.transport.is_closing():
            return
        if not isinstance(answer, Refused):
            self._enter(asked, answer)
            return
        self._front.refused[answer.code] += 1
        if answer.code == UNKNOWN:
            self._answer(answers.problem(503, UNKNOWN, str(answer), headers={"Retry-After": str(_RETRY_AFTER_S[1])}))
        elif answer.code == SPENT and asked.url.path == SSE_PATH:
            self._answer(answers.no_more(self._cors(asked.origin)))
        else:
            self._answer(answers.problem(401, "unauthenticated", str(answer), headers=self._cors(asked.origin)))

    def _enter(self, asked: _Asked, grant: Grant | None) -> None:
        asked.transport.resume_reading()
        if asked.url.path == STREAM_PATH:
            self._upgrade(asked, grant)
        else:
            self._stream_events(asked, grant)

    def _admitted(self, address: Address | None, origin: str | None) -> bool:
        """Whether the device may connect. If not, it was answered."""
        if not self._front.origin_allowed(origin):
            self._front.refused["origin"] += 1
            self._answer(answers.problem(403, "origin_not_allowed", "this origin may not connect"))
            return False
        refusal = self._front.refusal(address)
        if refusal is not None:
            self._answer(refusal)
        return refusal is None

    def _upgrade(self, asked: _Asked, grant: Grant | None) -> None:
        response = self._parser.accept(asked.request)
        if response.status_code != answers.SWITCHING_PROTOCOLS:
            allow = {name: response.headers[name] for name in ("Upgrade", "Allow") if name in response.headers}
            self._answer(
                answers.problem(response.status_code, "not_a_websocket", "a WebSocket handshake is due", headers=allow)
            )
            return
        asked.transport.write(response.serialize())
        connection = WebSocketConnection(self._front, asked.transport, grant)
        self._hand_over(connection, asked)
        if asked.early:
            connection.data_received(asked.early)

    def _stream_events(self, asked: _Asked, grant: Grant | None) -> None:
        cors = self._cors(asked.origin)
        try:
            wish = sse_wish(asked.url.query, asked.request.headers.get("Last-Event-ID"), self._front.settings)
        except Refused as refusal:
            self._answer(answers.problem(400, refusal.code, str(refusal), headers=cors))
            return
        if grant is not None and not all(grant.allows(parse_topic(topic)) for topic in wish.topics):
            self._answer(answers.problem(403, "not_entitled", "the ticket does not cover these topics", headers=cors))
            return
        asked.transport.write(answers.event_stream(cors))
        self._hand_over(SseConnection(self._front, asked.transport, wish, grant), asked)

    def _hand_over(self, connection: DeviceConnection, asked: _Asked) -> None:
        """The connection belongs to its shell from here."""
        asked.transport.set_protocol(connection)
        self._front.joined(connection, asked.address)

    def _cors(self, origin: str | None) -> dict[str, str]:
        if origin is None or not self._front.origin_allowed(origin):
            return {}
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def _ticket(asked: _Asked) -> str:
    """`?ticket=`, or for SSE the bearer's; empty for none."""
    for field in asked.request.headers.get_all("Authorization") if asked.url.path == SSE_PATH else ():
        scheme, _, ticket = field.partition(" ")
        if scheme.lower() == "bearer":
            return ticket.strip()
    return parse_qs(asked.url.query).get("ticket", [""])[-1]


def _is_readable(request: Request) -> bool:
    """Whether its path is a URL, and none of the headers that mean one value is given twice."""
    try:
        urlsplit(request.path)
        for name in ("Origin", "Last-Event-ID"):
            request.headers.get(name)
    except (ValueError, MultipleValuesError):
        return False
    return True


def sse_wish(query: str, last_event_id: str | None, settings: FanoutSettings) -> Subscribe:
    """What an SSE request subscribes to; Last-Event-ID beats `cursor`. Raises Refused."""
    try:
        fields = {name: values[-1] for name, values in parse_qs(query, max_num_fields=_FIELDS_MAX).items()}
    except ValueError as error:
        raise Refused("bad_op", f"a request has at most {_FIELDS_MAX} fields") from error
    topics = [topic for topic in fields.get("topics", "").split(",") if topic]
    if not topics:
        raise Refused("bad_topic", "topics= names at least one topic")
    if len(set(topics)) > settings.topics:
        raise Refused("topic_limit", f"a connection has at most {settings.topics} topics")
    for topic in topics:
        parse_topic(topic)
    wish = fields.get("conflate_ms")
    if wish is not None and not (wish.isascii() and wish.isdigit() and len(wish) <= 9):
        raise Refused("bad_op", "conflate_ms is a number of milliseconds")
    return Subscribe(
        id=0,
        topics=topics,
        conflate_ms=None if wish is None else int(wish),
        cursor=last_event_id or fields.get("cursor"),
    )
