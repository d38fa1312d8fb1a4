"""Apps by the thousand in one process: they come, are read, are cut off, go. What becomes of them stands here."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from bench.app import App, Link
from bench.latency import Latency
from bench.recording import DEVICES, THROUGHPUT, recording
from bench.scenario import CannotMeasure
from bench.swarm import Address, source_socket

JOINING_MAX = 100
READ_INTERVAL_S = 0.5
"""How often they are read: a change shows no later than that, and the shard's socket buffers hold far more."""

_READ_SLICES = 25
"""Each app stays in its slice: dealt anew, some would be passed over again and again while others leave."""
JOIN_S = 30.0
_LOOK_S = 0.05


class Apps:
    """Those of some shards, in turn. `seen` counts by what happened; `comes` is from due to live, `back` from loss."""

    def __init__(self, addresses: Sequence[Address], *, conflate_ms: int) -> None:
        self.seen: Counter[str] = Counter()
        self.comes = Latency()
        self.back_s: list[float] = []
        self._addresses = addresses
        self._conflate_ms = conflate_ms
        self._there: dict[App, int] = {}
        self._slices: list[dict[App, None]] = [{} for _ in range(_READ_SLICES)]
        self._was_live: set[App] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._number = 0
        self._rounds = asyncio.create_task(self._read_in_rounds(), name="reading apps")
        recording().gauge(DEVICES, "there", "1", lambda: len(self._there))
        recording().gauge(DEVICES, "live", "1", lambda: self.live)
        recording().rate(THROUGHPUT, "apps that became live", lambda: self.seen["became live"])

    def __iter__(self) -> Iterator[App]:
        return iter(self._there)

    def __len__(self) -> int:
        return len(self._there)

    @property
    def live(self) -> int:
        """How many are up to date."""
        return sum(app.live for app in self._there)

    def come(self, topic: str, due_s: float, address: Address | None = None) -> App:
        """One more, now."""
        self._number += 1
        where = address or self._addresses[self._number % len(self._addresses)]
        app = App(self, topic, where, conflate_ms=self._conflate_ms, due_s=due_s)
        self._there[app] = self._number % _READ_SLICES
        self._slices[self._there[app]][app] = None
        app.connect()
        return app

    async def join(self, topics: Sequence[str]) -> None:
        """One for each, all live when it returns. Raises CannotMeasure."""
        loop = asyncio.get_running_loop()
        for number, topic in enumerate(topics):
            await self.until_live(len(self._there) - JOINING_MAX)
            self.come(topic, loop.time())
            if number % JOINING_MAX == 0:
                await asyncio.sleep(0)
        await self.until_live(len(self._there))

    async def until_live(self, count: int, within_s: float = JOIN_S) -> None:
        """So many are. Raises CannotMeasure."""
        if count <= 0 or self.live >= count:
            return
        try:
            async with asyncio.timeout(within_s):
                while self.live < count:  # noqa: ASYNC110 reading in rounds is what makes them live
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise CannotMeasure(f"only {self.live} of {count} devices are live: {dict(self.seen)}") from None

    def go(self, app: App) -> None:
        """One less."""
        place = self._there.pop(app, None)
        if place is not None:
            del self._slices[place][app]
        self._was_live.discard(app)
        app.leave()

    def cut(self) -> None:
        """Every connection breaks at once, as when a network or whatever stands before the shards fails."""
        for app in self._there:
            for link in (app.primary, app.successor):
                if link is not None:
                    link.close()

    async def close(self) -> None:
        """Everybody goes."""
        self._rounds.cancel()
        for task in tuple(self._connecting):
            task.cancel()
        for app in tuple(self._there):
            self.go(app)
        await asyncio.gather(self._rounds, *self._connecting, return_exceptions=True)

    # What apps say (app.Crowd)

    def connect(self, app: App, address: Address) -> None:
        """Opens a connection."""
        task = asyncio.get_running_loop().create_task(self._connect(app, address))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def became_live(self, app: App) -> None:
        """For the first time, or again."""
        took_s = asyncio.get_running_loop().time() - app.due_s
        self.seen["became live"] += 1
        if app not in self._was_live:
            self._was_live.add(app)
            self.comes.record_us(int(took_s * 1e6))
        elif app.due_s > 0:
            self.back_s.append(took_s)

    def lost(self, app: App) -> None:
        """A live one is cut off."""
        del app
        self.seen["lost"] += 1

    def note(self, what: str) -> None:
        """Counts."""
        self.seen[what] += 1

    async def _connect(self, app: App, address: Address) -> None:
        if app.left:
            return
        loop = asyncio.get_running_loop()
        self._number += 1
        own = source_socket(self._number, address.host)
        try:
            await loop.sock_connect(own, tuple(address))
            link = Link(own, app, address)
            app.made(link)
            await loop.create_connection(lambda: link, sock=own)
        except OSError:
            own.close()
            app.cannot_connect()

    async def _read_in_rounds(self) -> None:
        while True:
            for part in self._slices:
                for app in tuple(part):
                    for link in (app.primary, app.successor):
                        if link is not None and link.live:
                            link.read_waiting()
                await asyncio.sleep(READ_INTERVAL_S / _READ_SLICES)
