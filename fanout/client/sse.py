"""A link by server-sent events (HTML Living Standard), on `httpx` and `httpx-sse`. The request says everything.

One request has one cursor: it stands there only if every topic was held up to it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
from httpx_sse import ServerSentEvent, SSEError, aconnect_sse

from fanout.client.errors import LinkLost, StreamRefused
from fanout.client.limits import ClientLimits
from fanout.client.link import Link, Wish, reason_of, refusal
from fanout.contract.messages import ClientIn, Subscribe

_SSE_SUFFIX = "/sse"
_SCHEMES = {"ws": "http", "wss": "https"}
_HTTP_OK, _HTTP_NO_CONTENT = 200, 204
_PROBLEM_BYTES_MAX = 65_536


class SseLink(Link):
    """An event stream that ends with its response."""

    speaks = False
    _events: AsyncIterator[ServerSentEvent]

    def __init__(self, url: str, limits: ClientLimits) -> None:
        super().__init__(url, limits)
        self._stack = contextlib.AsyncExitStack()

    async def open(self, wish: Wish) -> None:
        """See Link."""
        try:
            client = await self._stack.enter_async_context(httpx.AsyncClient(timeout=None))  # noqa: S113 ours below
            subscribes = wish()
            async with asyncio.timeout(self.limits.open_s):
                source = await self._stack.enter_async_context(
                    aconnect_sse(client, "GET", sse_url(self.url, subscribes), headers=self._headers(subscribes))
                )
                await _check(source.response)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise StreamRefused("bad_url", str(error)) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise LinkLost(_reason(error)) from error
        source.response.stream = _Bounded(source.response.stream, self.limits.message_bytes)
        self._events = await self._stack.enter_async_context(contextlib.aclosing(source.aiter_sse()))

    def _headers(self, subscribes: Sequence[Subscribe]) -> dict[str, str]:
        headers = _last_event_id(subscribes)
        if self.ticket is not None:
            headers["Authorization"] = f"Bearer {self.ticket}"
        return headers

    async def next_message(self) -> bytes:
        """See Link."""
        try:
            async for event in self._events:
                if event.data:
                    return event.data.encode()
        except SSEError as error:
            raise StreamRefused("not_a_stream", str(error)) from error
        except httpx.HTTPError as error:
            raise LinkLost(_reason(error)) from error
        raise LinkLost("the stream ended")

    async def say(self, op: ClientIn) -> None:
        """Nothing can be said."""
        raise AssertionError(op)

    async def close(self) -> None:
        """See Link."""
        await self._stack.aclose()


class _Bounded(httpx.AsyncByteStream):
    """A body whose lines have at most so many bytes: the event parser itself has no limit."""

    def __init__(self, stream: object, bytes_max: int) -> None:
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream = stream
        self._bytes_max = bytes_max

    async def __aiter__(self) -> AsyncIterator[bytes]:
        line_bytes = 0
        async for chunk in self._stream:
            end = chunk.rfind(b"\n")
            line_bytes = line_bytes + len(chunk) if end < 0 else len(chunk) - end - 1
            if line_bytes > self._bytes_max:
                raise LinkLost(f"a message of more than {self._bytes_max} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def sse_url(url: str, subscribes: Sequence[Subscribe] = ()) -> str:
    """The SSE address beside a WebSocket one (an address of SSE stays as it is), with what to subscribe to."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if not path.endswith(_SSE_SUFFIX):
        path += _SSE_SUFFIX
    fields = parse_qsl(parts.query)
    topics = dict.fromkeys(topic for subscribe in subscribes for topic in subscribe.topics)
    if topics:
        fields.append(("topics", ",".join(topics)))
    tier = next((said.conflate_ms for said in subscribes if said.conflate_ms is not None), None)
    if tier is not None:
        fields.append(("conflate_ms", str(tier)))
    return urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, path, urlencode(fields, safe=",:"), ""))


def _last_event_id(subscribes: Sequence[Subscribe]) -> dict[str, str]:
    """One cursor for all topics, or none."""
    cursors = {subscribe.cursor for subscribe in subscribes}
    cursor = cursors.pop() if len(cursors) == 1 else None
    return {} if cursor is None else {"Last-Event-ID": cursor}


async def _check(response: httpx.Response) -> None:
    if response.status_code == _HTTP_OK:
        return
    if response.status_code == _HTTP_NO_CONTENT:
        raise StreamRefused("http_204", "the server has nothing to stream: a ticket opens one connection")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _PROBLEM_BYTES_MAX:
            break
    raise refusal(response.status_code, response.headers.get("Retry-After"), bytes(body))


def _reason(error: Exception) -> str:
    """httpx hides what the system said behind its own exceptions."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "no answer"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return reason_of(cause)
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__
