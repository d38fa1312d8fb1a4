"""A link by WebSocket (RFC 6455), on `websockets`."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from fanout.client.errors import LinkLost, StreamRefused
from fanout.client.link import Link, Wish, reason_of, refusal
from fanout.contract.closing import FINAL_CODES
from fanout.contract.messages import ClientIn

_CLOSE_S = 1.0
"""Time for the closing handshake; what comes meanwhile is of no use."""


class WebSocketLink(Link):
    """Without compression, which the server declines, and without pings: heartbeats show that the server is there."""

    speaks = True
    _connection: ClientConnection | None = None

    async def open(self, wish: Wish) -> None:
        """See Link."""
        try:
            self._connection = await connect(
                self._ticketed_url(),
                compression=None,
                open_timeout=self.limits.open_s,
                close_timeout=_CLOSE_S,
                ping_interval=None,
                max_size=self.limits.message_bytes,
                max_queue=self.limits.queue,
            )
        except InvalidStatus as error:
            response = error.response
            retry_after = response.headers.get("Retry-After")
            raise refusal(response.status_code, retry_after, bytes(response.body or b"")) from error
        except InvalidURI as error:
            raise StreamRefused("bad_url", f"not the address of a stream: {self.url}") from error
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise LinkLost(reason_of(error)) from error
        for subscribe in wish():
            await self.say(subscribe)

    def _ticketed_url(self) -> str:
        """Browsers can say a ticket nowhere else, so that is where it stands (PROTOCOL.md section 2)."""
        if self.ticket is None:
            return self.url
        parts = urlsplit(self.url)
        query = urlencode([*parse_qsl(parts.query), ("ticket", self.ticket)])
        return urlunsplit(parts._replace(query=query))

    async def next_message(self) -> bytes:
        """See Link."""
        assert self._connection is not None
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as closed:
            raise _closed(closed) from closed

    async def say(self, op: ClientIn) -> None:
        """See Link."""
        if self._connection is None:
            return
        try:
            await self._connection.send(msgspec.json.encode(op), text=True)
        except ConnectionClosed:
            return  # whoever receives hears why

    async def close(self) -> None:
        """See Link."""
        if self._connection is not None:
            await self._connection.close()


def _closed(closed: ConnectionClosed) -> LinkLost | StreamRefused:
    frame = closed.rcvd
    if frame is None:
        return LinkLost("connection lost" if closed.sent is None else f"closed by us, {closed.sent.code}")
    reason = f"closed with {frame.code}" + (f", {frame.reason}" if frame.reason else "")
    return StreamRefused(f"close_{frame.code}", reason) if frame.code in FINAL_CODES else LinkLost(reason)
