"""Several real ingestor processes of one feed, a shard and devices under load, and the faults they go through."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

from fanout.client import OddsStream
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.adapters.server import free_port
from tests.bus import eventually
from tests.journeys.converging import converged, held_by_log
from tests.journeys.leading import DeviceJudge, LogJudge
from tests.journeys.part import Part, started

LANES = 4
FEED = "sim"
SOURCES = [f"{FEED}-{lane}" for lane in range(LANES)]
TOPICS = ("football", "soccer", "basketball:main", "hockey:prop")
RATE = 2_000
INGESTORS = 3

CONVERGED_WITHIN_S = 20.0
"""Ten times S4's limit of DOMAIN.md section 5, which `bench` measures on a machine that does nothing else."""

TOLD_WITHIN_S = 35.0
"""Ten times S7's."""


class Ingestor(Part):
    """One process of the feed, with its metrics."""

    def __init__(self, nats_url: str) -> None:
        self._metrics_port = free_port()
        where = ("--nats", nats_url, "--metrics-port", str(self._metrics_port))
        super().__init__("feeds", "run", "--provider", "simulator", "--feed", FEED, "--rate", str(RATE), *where)

    def owns(self, owner: str | None) -> bool:
        """Whether a lead record is of this process."""
        return owner is not None and f"-{self.pid}-" in owner

    async def metric(self, name: str) -> float:
        """A sample, summed over its labels."""
        async with httpx.AsyncClient() as client:
            page = (await client.get(f"http://127.0.0.1:{self._metrics_port}/metrics")).text
        samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
        return sum(sample.value for sample in samples if sample.name == f"oddswire_feed_{name}")


class Stage:
    """What runs, and who watches it."""

    def __init__(self, ingestors: list[Ingestor], log: LogJudge, devices: list[DeviceJudge]) -> None:
        self.ingestors = ingestors
        self.log = log
        self.devices = devices
        self.led_s: list[float] = []
        self.took_s: list[float] = []
        self.told_s: list[float] = []

    async def leader(self) -> Ingestor:
        """Who leads and is live in every lane, once somebody is: on a busy machine a lease may end by itself."""
        await eventually(lambda: any(ingestor.owns(self.log.leader) for ingestor in self.ingestors), within_s=60)
        [found] = [ingestor for ingestor in self.ingestors if ingestor.owns(self.log.leader)]
        return found

    async def load(self, records: int) -> None:
        """Waits until so many more records were stored."""
        wanted = self.log.count + records
        await eventually(lambda: self.log.count >= wanted, within_s=60)

    async def taken_over(self, old: str | None) -> None:
        """Waits until another leads and is live in every lane, and every device is told that it is."""
        log, devices = self.log, self.devices
        await eventually(lambda: log.leader not in (None, old), within_s=60)
        await eventually(lambda: not any(device.stream.replica.not_live for device in devices), within_s=60)

    async def kill(self) -> None:
        """The leader is killed and started again."""
        victim = await self.leader()
        async with self._struck():
            await victim.end(signal.SIGKILL)
        await victim.start()

    async def freeze(self, thaw_after: Callable[[], Awaitable[None]] | None = None) -> None:
        """The leader is frozen, and goes on after another took over, with what it still had to write."""
        victim = await self.leader()
        async with self._struck():
            victim.send(signal.SIGSTOP)
            if thaw_after is not None:
                await thaw_after()
                victim.send(signal.SIGCONT)
        victim.send(signal.SIGCONT)
        await victim.says("standby")
        assert await victim.metric("writes_refused_total") >= 1
        assert await victim.metric("leading") == 0

    async def any_lane_lost(self) -> None:
        """Waits until the new leader has its first lead record."""
        owners = dict(self.log.owners)
        await eventually(lambda: self.log.owners != owners, within_s=60)

    @asynccontextmanager
    async def _struck(self) -> AsyncIterator[None]:
        """A fault in here makes another lead: S7 for every device, and how long that took."""
        old = self.log.leader
        told = [dict(device.told) for device in self.devices]
        silent = [set(device.stream.replica.not_live) for device in self.devices]
        began_s = time.monotonic()
        yield
        await eventually(lambda: self.log.leader not in (None, old), within_s=60)
        self.led_s.append(time.monotonic() - began_s)
        await self.taken_over(old)
        self.took_s.append(time.monotonic() - began_s)
        for device, before, known in zip(self.devices, told, silent, strict=True):
            news = [source for source in SOURCES if source not in known]
            assert all(device.told[source] > before.get(source, 0) for source in news), "S7: nobody was told"
            took_s = [device.told_s[source] - began_s for source in news]
            assert all(each <= TOLD_WITHIN_S for each in took_s), f"S7: told only after {max(took_s)} s"
            self.told_s += took_s

    def tell(self) -> None:
        """How long feeds had no leader, for people."""
        for what, times_s in (
            ("live on the log", self.led_s),
            ("live on every device", self.took_s),
            ("a device told that a source is silent", self.told_s),
        ):
            ranked = sorted(times_s)
            print(f"{what}, of {len(ranked)}: p50 {ranked[len(ranked) // 2]:.2f} s, max {ranked[-1]:.2f} s")

    async def quiet(self) -> None:
        """Everybody ends, and every device shows the log (S4)."""
        leader = await self.leader()
        for ingestor in [*(other for other in self.ingestors if other is not leader), leader]:
            await ingestor.end(signal.SIGTERM)
        streams = [device.stream for device in self.devices]
        began_s = time.monotonic()
        await eventually(
            lambda: all(converged(stream, self.log, stream.topics[0]) for stream in streams),
            within_s=CONVERGED_WITHIN_S,
        )
        print(f"devices hold the log {time.monotonic() - began_s:.2f} s after the last leader ended")
        assert all(held_by_log(self.log, topic)[0] for topic in TOPICS)
        assert sum(device.compared for device in self.devices) > 0


@asynccontextmanager
async def staged(nats_url: str, *, exact: bool = True) -> AsyncIterator[Stage]:
    """Three ingestors, a shard, and devices of every kind, all of it live; `nats_url` may name several servers."""
    port = free_port()
    log = LogJudge(lanes=LANES, exact=exact)
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(Connection(nats_url, name="judge"))
        reader = LogReader(connection, lanes=LANES, log_age_s=21_600, sink=log)
        reader.want(frozenset(range(LANES)))
        ingestors = [Ingestor(nats_url) for _ in range(INGESTORS)]
        for ingestor in ingestors:
            stack.push_async_callback(ingestor.end, signal.SIGKILL)
            await ingestor.start()
        await stack.enter_async_context(
            started("fanout", "run", "--name", "fanout-1", "--port", str(port), "--nats", nats_url)
        )
        url = f"ws://127.0.0.1:{port}/v1/stream"
        devices = [
            DeviceJudge(
                await stack.enter_async_context(
                    OddsStream([topic], urls=[url], conflate_ms=(0, 100, 250, 100)[n], sse=n == 3)
                ),
                log,
            )
            for n, topic in enumerate(TOPICS)
        ]
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(work) for work in (reader.run(), *(device.watch() for device in devices))]
            await eventually(lambda: all(device.stream.live for device in devices), within_s=60)
            stage = Stage(ingestors, log, devices)
            await stage.taken_over(None)
            yield stage
            for task in watching:
                task.cancel()


async def rounds(stage: Stage, faults: list[str], rng: random.Random) -> None:
    """One fault after another, each after some load."""
    for fault in faults:
        await stage.load(rng.randrange(200, 6_000))
        match fault:
            case "kill":
                await stage.kill()
            case "freeze":
                await stage.freeze()
            case "thaw":
                await stage.freeze(stage.any_lane_lost)
    stage.tell()
