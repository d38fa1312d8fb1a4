"""The reference client's SSE link against a scripted event stream: what the request says, and how a stream may end."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from fanout.client import OddsStream, StreamRefused
from fanout.client.sse import sse_url
from fanout.contract.messages import Subscribe
from fanout.contract.replica import Message
from tests.fanout.scripted import changes, live, market, subscribed
from tests.fanout.serving import QUICK, until

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


class Response:
    """One request and the response that the test writes to it."""

    def __init__(self, head: bytes, writer: StreamWriter) -> None:
        first, *fields = head.decode().split("\r\n")
        query = parse_qs(urlsplit(first.split(" ")[1]).query)
        self.topics = query["topics"][0].split(",")
        self.headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        self._writer = writer

    @property
    def cursor(self) -> str | None:
        return self.headers.get("last-event-id")

    async def writes(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def says(self, *messages: Message) -> None:
        for message in messages:
            await self.writes(b"event: %b\ndata: %b\n\n" % (message["t"].encode(), orjson.dumps(message)))

    def ends(self) -> None:
        self._writer.close()


class EventServer:
    def __init__(self) -> None:
        self.port = 0
        self._requests: asyncio.Queue[Response] = asyncio.Queue()
        self._writers: list[StreamWriter] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/stream"

    async def accepts(self, head: bytes = STREAM) -> Response:
        async with asyncio.timeout(10):
            response = await self._requests.get()
        await response.writes(head)
        return response

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._writers.append(writer)
        self._requests.put_nowait(Response(await reader.readuntil(b"\r\n\r\n"), writer))

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
async def events() -> AsyncIterator[EventServer]:
    scripted = EventServer()
    async with await asyncio.start_server(scripted.serve, "127.0.0.1", 0) as server:
        scripted.port = server.sockets[0].getsockname()[1]
        yield scripted
        await scripted.close()


def opening(events: EventServer, **changes: object) -> OddsStream:
    limits = QUICK._replace(**changes)  # type: ignore[arg-type]
    return OddsStream(["football"], urls=[events.url], sse=True, limits=limits)


async def goes_live(
    stream: OddsStream, response: Response, cursor: str, *parts: Message, answer: str = "image"
) -> None:
    said: Message = {"id": 0, "topics": response.topics}
    await response.says(subscribed(said, answer), changes(*parts), live(cursor))
    await until(stream, lambda message: message["t"] == "live")


async def test_a_gap_asks_by_another_request_with_the_cursor_then_without(events: EventServer) -> None:
    async with opening(events) as stream:
        response = await events.accepts()
        assert response.cursor is None
        await goes_live(stream, response, "c1", market())
        await response.says(changes({"id": "M1", "p": 14, "s": 15, "ts": 1}, cursor="c2"))
        await until(stream, lambda _: stream.replica.gap)

        response = await events.accepts()
        assert response.cursor == "c1"
        await goes_live(stream, response, "c3", market(s=15), answer="delta")
        assert stream.live
        await response.says(changes({"id": "M9", "p": 14, "s": 17, "ts": 1}, cursor="c4"))
        await until(stream, lambda _: stream.replica.gap)

        response = await events.accepts()
        assert response.cursor is None
        await goes_live(stream, response, "c5", market("M9", s=17))
        assert set(stream.replica.markets) == {"M9"}


async def test_the_end_of_a_response_resumes(events: EventServer) -> None:
    async with opening(events) as stream:
        response = await events.accepts()
        await goes_live(stream, response, "c1", market())
        response.ends()
        following = asyncio.ensure_future(anext(stream))
        assert (await events.accepts()).cursor == "c1"
        following.cancel()


async def test_a_ticket_that_is_spent_is_raised(events: EventServer) -> None:
    async with opening(events) as stream:
        following = asyncio.ensure_future(anext(stream))
        await events.accepts(b"HTTP/1.1 204 No Content\r\n\r\n")
        with pytest.raises(StreamRefused, match="ticket") as refused:
            await following
        assert refused.value.code == "http_204"


async def test_an_answer_that_is_no_stream_is_raised(events: EventServer) -> None:
    async with opening(events) as stream:
        following = asyncio.ensure_future(anext(stream))
        await events.accepts(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi")
        with pytest.raises(StreamRefused) as refused:
            await following
        assert refused.value.code == "not_a_stream"


async def test_a_line_without_end_ends_the_connection(events: EventServer) -> None:
    async with opening(events, message_bytes=1000) as stream:
        following = asyncio.ensure_future(anext(stream))
        response = await events.accepts()
        await response.writes(b"data: " + b"x" * 5000)
        assert (await events.accepts()).topics == ["football"]
        following.cancel()


def test_the_address_carries_what_is_subscribed_to() -> None:
    said = [Subscribe(1, ["football.nfl:main"], conflate_ms=250), Subscribe(2, ["soccer"], conflate_ms=250)]
    assert sse_url("ws://h:1/v1/stream") == "http://h:1/v1/stream/sse"
    assert sse_url("wss://h/v1/stream/?ticket=t", said) == (
        "https://h/v1/stream/sse?ticket=t&topics=football.nfl:main,soccer&conflate_ms=250"
    )
    assert sse_url("http://h/v1/stream/sse") == "http://h/v1/stream/sse"
