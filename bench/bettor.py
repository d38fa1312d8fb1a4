"""A client that bets and does not give up: one HTTP request at a time over a connection that may break at any byte.

It retries as a good client does: the same key and body, after a pause with jitter, for as long as it is not told a
final answer. asyncio streams and no library: of a broken line it has to see exactly what came.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

PAUSE_S = 0.1
PAUSE_S_MAX = 4.0
UNDER_WAY_MAX = 1_000
"""Attempts at once of all clients together: they share one process, which must not become what is measured."""

_HEAD_BYTES_MAX = 16_384
HOST = "127.0.0.1"


class Broken(Exception):
    """There was no whole answer."""


class Heard(NamedTuple):
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Caller:
    """One connection to one address, opened when needed; a broken one is never used again."""

    def __init__(self, port: int, timeout_s: float, host: str = HOST) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Heard:
        """The answer. Raises Broken."""
        done = False
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._streams is None or self._streams[1].transport.is_closing():  # reset since the last answer
                    self._streams = await asyncio.open_connection(self._host, self._port, limit=_HEAD_BYTES_MAX)
                reader, writer = self._streams
                writer.write(request)
                heard = await _answer(reader)
                done = True
                return heard
        except (OSError, ValueError, LookupError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Broken(type(error).__name__) from error
        finally:
            if not done:
                self.close()

    def close(self) -> None:
        """Ends the connection at once."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _answer(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Heard(int(head[0].split(" ")[1]), headers, body)


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


class Patience:
    """Where to ask, how long for one answer, and until when in all (of the loop's clock). Whole connections are kept
    for whoever asks there next."""

    def __init__(self, ports: Sequence[int], timeout_s: float, until_s: float) -> None:
        self.until_s = until_s
        self._timeout_s = timeout_s
        self._idle: dict[int, list[Caller]] = {port: [] for port in ports}
        self._under_way = asyncio.Semaphore(UNDER_WAY_MAX)

    async def ask(self, asked: bytes, dice: random.Random) -> Heard:
        """One attempt. Raises Broken."""
        port = dice.choice(tuple(self._idle))
        async with self._under_way:
            idle = self._idle[port]
            caller = idle.pop() if idle else Caller(port, self._timeout_s)
            heard = await caller.ask(asked)
            idle.append(caller)
            return heard

    def close(self) -> None:
        """Ends what is kept."""
        for idle in self._idle.values():
            for caller in idle:
                caller.close()
            idle.clear()


FINAL = frozenset({200, 201})


async def until_final(asked: bytes, patience: Patience, seen: Counter[str], dice: random.Random) -> Heard | None:
    """The final answer; None where time ran out. `seen`: what every attempt met with."""
    attempt = 0
    while asyncio.get_running_loop().time() < patience.until_s:
        try:
            heard = await patience.ask(asked, dice)
        except Broken as error:
            seen[str(error)] += 1
        else:
            seen[str(heard.status)] += 1
            if heard.status in FINAL:
                return heard
        await asyncio.sleep(min(PAUSE_S * 2**attempt, PAUSE_S_MAX) * dice.uniform(0.5, 1.5))
        attempt += 1
    return None
