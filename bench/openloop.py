"""HTTP load that does not wait for answers: requests begin when they are due, whatever became of those before.

A request's clock runs from when it was due. One that finds every connection busy, where no more may be opened, is lost;
so is one that is not answered within the patience of whoever asks: its connection is closed, as a client would.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from bench.latency import Recent
from bench.recording import THROUGHPUT, recording

CONNECTIONS_MAX = 512
PATIENCE_S = 2.0
GOOD_S = 1.0
"""An answer that comes later is worth nothing."""

LOST = 0
"""Status of what was never answered."""

WINDOW_S = 0.5
NORMAL_SHARE = 0.99

_OK = 200
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


class Outcome(NamedTuple):
    """What became of one request: when it was due, after how long it was answered, and how."""

    due_s: float
    took_s: float
    status: int

    @property
    def good(self) -> bool:
        """Answered as it should be, in time."""
        return self.status == _OK and self.took_s <= GOOD_S


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time. `answered` is done with the status, or LOST."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None
        self._head = b""
        self._status = LOST
        self._left = -1

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """Sends a request."""
        assert self.transport is not None
        self.answered = asyncio.get_running_loop().create_future()
        self._head, self._left = b"", -1
        self.transport.write(request)
        return self.answered

    @property
    def usable(self) -> bool:
        """Whether it can be asked."""
        return self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A part of an answer, of which the head alone is read."""
        if self._left < 0:
            self._head += data
            end = self._head.find(_HEAD_END)
            if end < 0:
                return
            head = self._head[: end + 4]
            length = _LENGTH.search(head)
            self._status = int(head[9:12])
            self._left = (int(length[1]) if length else 0) - (len(self._head) - len(head))
        else:
            self._left -= len(data)
        if self._left <= 0:
            self._tell(self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, and with it what was asked."""
        del exc
        self._tell(LOST)

    def _tell(self, status: int) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(status)


class Asker:
    """Asks one server for some paths in turn."""

    def __init__(self, host: str, port: int, paths: Sequence[str], headers: str = "") -> None:
        self._where = (host, port)
        self._requests: Iterator[bytes] = itertools.cycle(
            [f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode() for path in paths]
        )
        self._idle: list[Connection] = []
        self._open = 0
        self.outcomes: list[Outcome] = []
        self._took = Recent()
        recording().latency("reads", self._took.recent_ms)
        recording().rate(THROUGHPUT, "reads", lambda: len(self.outcomes))

    async def closed(self, connections: int, seconds: float) -> float:
        """So many that ask again at once; gives good answers a second."""
        until_s = _now_s() + seconds
        mark = len(self.outcomes)

        async def one() -> None:
            while (now_s := _now_s()) < until_s:
                await self.ask(now_s)

        await asyncio.gather(*(one() for _ in range(connections)))
        return sum(outcome.good for outcome in self.outcomes[mark:]) / seconds

    async def open(self, per_s: float, seconds: float) -> list[Outcome]:
        """Requests at random moments, so many a second on average; gives what became of them, as they were due."""
        mark, began_s = len(self.outcomes), _now_s()
        asking: set[asyncio.Task[None]] = set()
        due_s = began_s
        while due_s < began_s + seconds:
            await asyncio.sleep(max(due_s - _now_s(), 0))
            while due_s <= _now_s():
                task = asyncio.ensure_future(self.ask(due_s))
                asking.add(task)
                task.add_done_callback(asking.discard)
                due_s += random.expovariate(per_s)
        if asking:
            await asyncio.wait(asking)
        return sorted(self.outcomes[mark:])

    def close(self) -> None:
        """Ends all connections."""
        for connection in self._idle:
            if connection.transport is not None:
                connection.transport.abort()

    async def ask(self, due_s: float) -> None:
        """One request, that was due then; what became of it is one more outcome."""
        status = LOST
        connection = await self._connection()
        if connection is not None:
            answered = connection.ask(next(self._requests))
            await asyncio.wait((answered,), timeout=max(due_s + PATIENCE_S - _now_s(), 0))
            if answered.done():
                status = answered.result()
            elif connection.transport is not None:
                connection.transport.abort()
            self._back(connection)
        took_s = _now_s() - due_s
        self.outcomes.append(Outcome(due_s, took_s, status))
        self._took.record_us(int(took_s * 1e6))

    async def _connection(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            self._open -= 1
        if self._open >= CONNECTIONS_MAX:
            return None
        self._open += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                _, connection = await asyncio.get_running_loop().create_connection(Connection, *self._where)
        except (OSError, TimeoutError):
            self._open -= 1
            return None
        return connection

    def _back(self, connection: Connection) -> None:
        if connection.usable:
            self._idle.append(connection)
        else:
            self._open -= 1


def recovered_s(outcomes: Sequence[Outcome], ended_s: float) -> float | None:
    """Seconds after `ended_s` from which on all was normal: in every window nearly all answers good. None: never."""
    windows: dict[int, list[bool]] = {}
    for outcome in outcomes:
        windows.setdefault(int((outcome.due_s - ended_s) / WINDOW_S), []).append(outcome.good)
    last_bad = max(
        (number for number, good in windows.items() if sum(good) < NORMAL_SHARE * len(good)),
        default=-1,
    )
    return None if last_bad >= max(windows, default=0) else (last_bad + 1) * WINDOW_S


def _now_s() -> float:
    return asyncio.get_running_loop().time()
