"""The simulator as Betfair's Exchange Stream: TLS on loopback, for tests and demonstrations. The thin shell.

Owns sockets, the clock and who is connected. What is said stands in betfair_talk.py, what it is about in
betfair_board.py. Listens on loopback only, and lets in whoever brings any app key and any session.

Commands, one a line or by `command`: a fault of faults.py (`silence 5`, `replay 3600`, ...), `degraded SECONDS` (status
503), `cut` (ends every connection), `refuse CODE` (the next request is answered by that error).
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import structlog

from feeds.contract.errors import Refused
from feeds.contract.model import FeedState
from feeds.contract.results import MarketResult
from feeds.ports import State
from feeds.providers.clock import unix_ms
from feeds.providers.simulator.serving.betfair_board import BetfairBoard, Changed
from feeds.providers.simulator.serving.betfair_talk import Talk
from feeds.providers.simulator.serving.faults import FAULT_S_MAX, FaultyLine

HOST: Final = "127.0.0.1"
REQUEST_BYTES_MAX: Final = 64 * 1024
CONNECTIONS_MAX: Final = 100
UNSENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""A client that leaves more unread is cut off."""

BEAT_S: Final = 0.1
"""How often heartbeats are looked at."""

_FOREVER_MS: Final = 2**53

_log = structlog.get_logger(__name__)


class _Client:
    """One connection."""

    def __init__(self, talk: Talk, writer: asyncio.StreamWriter) -> None:
        self.talk = talk
        self._writer = writer

    def write(self, lines: list[bytes]) -> None:
        self._writer.writelines(lines)
        if self._writer.transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            self._writer.transport.abort()
        elif self.talk.ended:
            self._writer.close()

    def cut(self) -> None:
        self._writer.transport.abort()


class BetfairServer:
    """A FeedSink (feeds/ports.py) that streams what was put. `connected` and `resumed` count connections."""

    def __init__(self, *, tls: ssl.SSLContext, seed: int = 0, now_ms: Callable[[], int] = unix_ms) -> None:
        self.board = BetfairBoard()
        self.connected = 0
        self.resumed = 0
        self._tls = tls
        self._seed = seed
        self._now_ms = now_ms
        self._epoch = secrets.token_hex(6)
        self._numbers = count(1)
        self._clients: dict[int, _Client] = {}
        self._faults: dict[str, int] = {}
        self._degraded_until_ms = 0
        self._refusals: list[str] = []

    def put(self, states: Iterable[State]) -> None:
        """See FeedSink."""
        self._broadcast(self.board.apply(states, self._now_ms()))

    def results(self, results: Iterable[MarketResult]) -> None:
        """See FeedSink."""
        self._broadcast(self.board.settle(results, self._now_ms()))

    def health(self, state: FeedState) -> None:
        """See FeedSink. Not live is said as status 503, until it is."""
        self._degraded_until_ms = 0 if state == "live" else _FOREVER_MS

    def command(self, words: str) -> None:
        """What goes wrong now; see above. Raises Refused("bad_fault")."""
        now_ms = self._now_ms()
        kind, _, rest = words.strip().partition(" ")
        if kind == "cut":
            for client in self._clients.values():
                client.cut()
        elif kind == "refuse" and rest:
            self._refusals.append(rest)
        elif kind == "degraded":
            self._degraded_until_ms = now_ms + _milliseconds(rest)
        else:
            self._begin_fault(words, kind, now_ms)

    @property
    def faulty(self) -> bool:
        """Whether any fault goes on."""
        return any(self._now_ms() < until_ms for until_ms in self._faults.values())

    def forget_clks(self) -> None:
        """Whoever resumes now is refused, as after a restart of Betfair's."""
        self._epoch = secrets.token_hex(6)

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[int]:
        """Serves meanwhile on a loopback port, a free one where it is 0. Gives the port."""
        server = await asyncio.start_server(self._serve, HOST, port, ssl=self._tls, limit=REQUEST_BYTES_MAX)
        bound: int = server.sockets[0].getsockname()[1]
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._beat())
            try:
                yield bound
            finally:
                beating.cancel()
                server.close()
                for client in self._clients.values():
                    client.cut()
                await server.wait_closed()

    def _begin_fault(self, words: str, kind: str, now_ms: int) -> None:
        FaultyLine().command(words, now_ms)  # refuses what is no fault, whoever is connected
        if kind != "replay":
            self._faults[kind] = now_ms + _milliseconds(words.partition(" ")[2])
        for client in self._clients.values():
            client.write(client.talk.line.command(words, now_ms))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._numbers)
        client = _Client(Talk(self.board, self._line(number), epoch=self._epoch, connection_id=f"sim-{number}"), writer)
        if len(self._clients) >= CONNECTIONS_MAX:
            client.cut()
            return
        self._clients[number] = client
        self.connected += 1
        client.write([client.talk.greeting()])
        try:
            while line := await reader.readline():
                self._answer(client, line)
        except (OSError, ValueError) as error:
            _log.info("client_lost", connection=number, detail=f"{type(error).__name__} {error}"[:200])
        finally:
            del self._clients[number]
            client.cut()

    def _answer(self, client: _Client, line: bytes) -> None:
        fail = self._refusals.pop(0) if self._refusals else None
        self.resumed += b'"clk"' in line
        now_ms = self._now_ms()
        client.write(client.talk.request(line, now_ms, fail=fail, degraded=self._degraded(now_ms)))

    def _line(self, number: int) -> FaultyLine:
        """A new connection's line: what goes wrong goes wrong on it too."""
        now_ms = self._now_ms()
        line = FaultyLine(self._seed + number)
        for kind, until_ms in self._faults.items():
            if now_ms < until_ms:
                line.command(f"{kind} {(until_ms - now_ms) / 1000}", now_ms)
        return line

    def _degraded(self, now_ms: int) -> bool:
        return now_ms < self._degraded_until_ms

    def _broadcast(self, changes: list[Changed]) -> None:
        now_ms = self._now_ms()
        for client in self._streaming():
            client.write(client.talk.changes(changes, now_ms, degraded=self._degraded(now_ms)))

    def _streaming(self) -> list[_Client]:
        return [client for client in self._clients.values() if client.talk.subscribed and not client.talk.ended]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            now_ms = self._now_ms()
            for client in self._streaming():
                client.write(client.talk.heartbeat(now_ms, degraded=self._degraded(now_ms)))


def _milliseconds(text: str) -> int:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= FAULT_S_MAX:
        raise Refused("bad_fault", f"seconds, more than 0 and at most {FAULT_S_MAX:g}: {text[:40]!r}")
    return round(seconds * 1000)
