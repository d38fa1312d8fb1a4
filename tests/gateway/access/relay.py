"""A TCP relay before a server, so that a test can take the server away from one client and give it back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

_TURNS = 10
"""Of the loop at the end, in which every connection ends."""


class Relay:
    """Between clients and one server. `port` stays its own."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        """Takes connections from now on."""
        self._server = await asyncio.start_server(self._carry_both, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Ends every connection and takes no more."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _carry_both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
            self._writers.add(far_writer)
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        finally:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
        self._writers.discard(writer)


@contextlib.asynccontextmanager
async def relaying(to_port: int) -> AsyncIterator[Relay]:
    """A relay that is open."""
    relay = Relay(to_port)
    await relay.open()
    try:
        yield relay
    finally:
        relay.close()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
