"""Many devices in one process, cheap enough to stand beside what is measured. Connects them, waits, lets them go.

One in `READ_EVERY` reads and times what it gets, the others count (device.py). Connecting is limited by how many are
not live yet, never by a rate: who measures connects measures how fast the shard can take them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from bench import wire
from bench.device import CountingDevice, ReadingDevice, Said, Tally, Told, Wish
from bench.recording import DEVICES, THROUGHPUT, recording
from bench.scenario import CannotMeasure
from fanout.client.limits import ClientLimits
from fanout.contract.replica import Replica

READ_EVERY = 50
JOINING_MAX = 400
"""Devices that are on their way at once."""

_CONNECTING = 20
"""Of those so many connect at once: the loop of a swarm that listens to thousands takes its time for a turn."""

JOIN_S = 30.0
"""A swarm of which nobody becomes live for so long has failed."""

READ_INTERVAL_S = 1.0
"""How often devices that only count are read: long before the shard's socket buffers fill, and its pings time out."""

READ_SLICES = 50
"""They are read in so many parts, one after the other, so that none holds up those who time."""

SOCKETS_PER_SOURCE = 20_000
"""Connections from one 127.0.0.x: fewer than the kernel's ephemeral ports."""

LOOPBACK = "127.0.0.1"
_FILES_BESIDE = 200
_IP_BIND_ADDRESS_NO_PORT = 24  # ip(7); the socket module names it from Python 3.12 on


Device = TypeVar("Device", bound=asyncio.Protocol)


class Address(NamedTuple):
    """Where a shard listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Its stream."""
        return f"ws://{self.host}:{self.port}/v1/stream"


class Visit(NamedTuple):
    """One device's connection: where to, for what, and what it brings along."""

    address: Address
    topics: Sequence[str]
    reads: bool
    cursor: str | None = None
    replica: Replica | None = None


class Swarm:
    """Devices of one shard. What they see stands in `tally`. Those that lose it go on at `then`, where there is one.

    They come there as the reference client does: at random from half to the whole of its first wait, with the cursor.
    """

    def __init__(self, address: Address, *, conflate_ms: int, then: Address | None = None) -> None:
        self.tally = Tally()
        self._address = address
        self._then = then
        self._conflate_ms = conflate_ms
        self._request = wire.handshake(address.url)
        self._subscribes: dict[Sequence[str], bytes] = {}
        self._transports: list[asyncio.BaseTransport] = []
        self._counting: list[CountingDevice] = []
        self._rounds: asyncio.Task[None] | None = None
        self._left = False
        self._again: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        recording().gauge(DEVICES, "live", "1", lambda: self.tally.live)
        recording().rate(THROUGHPUT, "frames to devices", lambda: self.tally.frames)

    async def join(self, topics: Sequence[str]) -> None:
        """One device for each, all live when it returns. Raises CannotMeasure."""
        self._rounds = self._rounds or asyncio.create_task(self._read_in_rounds())
        for start in range(0, len(topics), _CONNECTING):
            await self._room(start + _CONNECTING - 1 - JOINING_MAX, deferred=True)
            coming = enumerate(topics[start : start + _CONNECTING], start)
            visits = [Visit(self._address, (topic,), reads=number % READ_EVERY == 0) for number, topic in coming]
            await asyncio.gather(*map(self._come, visits))
        await self._room(len(topics) - 1)

    async def read(self, topics: Sequence[str]) -> ReadingDevice:
        """One device more, which reads all of these topics; live when it is given. Raises CannotMeasure."""
        live = self.tally.live
        visit = Visit(self._address, topics, reads=True)
        device = await self._connect(self._address, partial(self._make_reading, visit))
        await self._room(live)
        return device

    def leave(self) -> None:
        """Everybody goes, without a word."""
        self._left = True
        if self._rounds is not None:
            self._rounds.cancel()
            self._rounds = None
        for task in self._again:
            task.cancel()
        self._counting.clear()
        for transport in self._transports:
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
        self._transports.clear()

    async def _read_in_rounds(self) -> None:
        while True:
            for part in range(READ_SLICES):
                for device in self._counting[part::READ_SLICES]:
                    device.read_waiting()
                await asyncio.sleep(READ_INTERVAL_S / READ_SLICES)

    async def _come(self, visit: Visit) -> None:
        """Raises CannotMeasure."""
        if visit.reads:
            await self._connect(visit.address, partial(self._make_reading, visit))
        else:
            await self._connect(visit.address, partial(self._make_counting, visit))

    def _make_reading(self, visit: Visit, own: socket.socket) -> ReadingDevice:
        wish, replica = Wish(visit.address.url, visit.topics, self._conflate_ms), visit.replica or Replica()
        told = self._told(visit._replace(replica=replica))
        return ReadingDevice(own, wish, self.tally, told, replica)

    def _make_counting(self, visit: Visit, own: socket.socket) -> CountingDevice:
        said = Said(self._request, self._subscribe(visit))
        device = CountingDevice(own, said, self.tally, self._told(visit))
        self._counting.append(device)
        return device

    def _subscribe(self, visit: Visit) -> bytes:
        """Made once for all who say the same."""
        if visit.cursor is not None:
            return wire.subscribe(visit.topics, self._conflate_ms, visit.cursor)
        said = self._subscribes.get(visit.topics)
        if said is None:
            said = self._subscribes[visit.topics] = wire.subscribe(visit.topics, self._conflate_ms)
        return said

    def _told(self, visit: Visit) -> Told:
        deferred = partial(self._later, visit)
        if self._then is None or visit.address == self._then:
            return Told(self._moved.set, deferred)
        return Told(self._moved.set, deferred, partial(self._go_on, visit, self._then))

    def _go_on(self, visit: Visit, then: Address, cursor: str | None) -> None:
        self.tally.lost_with_cursor += cursor is not None
        if visit.replica is not None:
            visit.replica.reconnected()
        first_s = ClientLimits().backoff_s
        self._later(visit._replace(address=then, cursor=cursor), random.uniform(first_s / 2, first_s))

    def _later(self, visit: Visit, seconds: float) -> None:
        """A device comes when it was told to, unless everybody has left. One that cannot is not live, which shows."""

        async def come() -> None:
            await asyncio.sleep(seconds)
            with contextlib.suppress(CannotMeasure):
                await self._come(visit)

        if self._left:
            return
        task = asyncio.create_task(come())
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    async def _room(self, live: int, *, deferred: bool = False) -> None:
        """Waits until more than so many are live, or `deferred`. Raises CannotMeasure when that stops to come about."""
        tally = self.tally
        while tally.live + deferred * len(self._again) <= live:
            if tally.closed:
                raise CannotMeasure(f"devices were sent away: {dict(tally.refused or tally.closed)}")
            self._moved.clear()
            try:
                async with asyncio.timeout(JOIN_S):
                    await self._moved.wait()
            except TimeoutError:
                raise CannotMeasure(f"only {tally.live} devices are live, and no more in {JOIN_S} s") from None

    async def _connect(self, address: Address, make: Callable[[socket.socket], Device]) -> Device:
        loop = asyncio.get_running_loop()
        own = source_socket(len(self._transports))
        try:
            await loop.sock_connect(own, tuple(address))
            transport, device = await loop.create_connection(lambda: make(own), sock=own)
        except OSError as error:
            own.close()
            raise CannotMeasure(f"connection number {len(self._transports) + 1}: {error}") from error
        self._transports.append(transport)
        return device


def source_socket(number: int, host: str = LOOPBACK) -> socket.socket:
    """A socket that will connect to this host: where that is this machine, from a loopback address with ports to
    spare."""
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    own.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    if host == LOOPBACK:
        own.bind((f"127.0.0.{1 + number // SOCKETS_PER_SOURCE % 250}", 0))
    return own


def allow_files(sockets: int) -> None:
    """Lets this process, and those it starts, open so many sockets each. Raises CannotMeasure."""
    needed = sockets + _FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise CannotMeasure(
            f"{sockets} sockets need {needed} open files, the hard limit is {hard}: raise it (ulimit -Hn) or take fewer"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
