"""How long a feed has no leader: two real ingestors, the leading one killed, the log watched.

Times are from SIGKILL, for each lane: to the new leader's lead record, to its first state, to its first beat `live`.
The killed process is started again, as a standby, once that is over.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from bench.latency import Latency
from bench.line import LOG_DIR, free_port, nats_program
from bench.options import add_events, add_rate, count_to
from bench.processes import Child, Program, cpu, running, usage
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.reader import LogReader
from feeds.contract.lane import Board, Stored
from feeds.contract.records import Beat, Lead, decode_record
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import kind_of

_INGESTORS = 2
_SETTLE_S = (0.5, 2.5)
"""Between a takeover and the next kill, at random: a lease is renewed at any moment of it."""

_ROUND_S = 60.0


class LaneTimes(NamedTuple):
    """When a lane's new leader wrote what, seconds of the monotonic clock; 0 for not yet."""

    lead_s: float = 0.0
    state_s: float = 0.0
    live_s: float = 0.0


class LeadWatch:
    """A LaneSink (feeds/contract/lane.py) that notes when each lane's last leader wrote what."""

    def __init__(self) -> None:
        self.owners: dict[int, str] = {}
        self.times: dict[int, LaneTimes] = {}
        self._moved = asyncio.Event()

    def board(self, lane: int, board: Board) -> None:
        """See LaneSink."""
        for record in board.records:
            self.record(lane, record)

    def record(self, lane: int, record: Stored) -> None:
        """See LaneSink."""
        kind = kind_of(record.subject)
        times = self.times.get(lane, LaneTimes())
        if kind == "lead":
            lead = decode_record(record.subject, record.data)
            if isinstance(lead, Lead) and lead.owner != self.owners.get(lane):
                self.owners[lane] = lead.owner
                self.times[lane] = LaneTimes(lead_s=time.monotonic())
        elif kind == "beat":
            beat = decode_record(record.subject, record.data)
            if isinstance(beat, Beat) and beat.state == "live" and not times.live_s:
                self.times[lane] = times._replace(live_s=time.monotonic())
                self._moved.set()
        elif kind in ("market", "event") and not times.state_s:
            self.times[lane] = times._replace(state_s=time.monotonic())

    def floor(self, lane: int, floor: int) -> None:
        """See LaneSink."""

    def epoch(self, epoch: str) -> None:
        """See LaneSink."""

    async def led_by_another(self, old: str | None, lanes: int) -> str:
        """Waits until another than `old` leads every lane and is live; gives its name. Raises CannotMeasure."""
        try:
            async with asyncio.timeout(_ROUND_S):
                while (owner := self._live_everywhere(lanes)) in (None, old):
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            raise CannotMeasure(f"nobody leads every lane within {_ROUND_S:g} s") from None
        assert owner is not None
        return owner

    def _live_everywhere(self, lanes: int) -> str | None:
        owners = set(self.owners.values())
        live = [times for times in self.times.values() if times.live_s]
        return owners.pop() if len(owners) == 1 and len(live) == len(self.owners) == lanes else None


class _Ingestor:
    """One process of the feed, which can be killed and started again."""

    def __init__(self, program: Program, cores: frozenset[int]) -> None:
        self._program = program
        self._cores = cores
        self._life = contextlib.AsyncExitStack()
        self.child: Child | None = None

    async def start(self) -> None:
        self.child = await self._life.enter_async_context(running(self._program, self._cores))

    def owns(self, owner: str) -> bool:
        return self.child is not None and f"-{self.child.pid}-" in owner

    def kill(self) -> None:
        assert self.child is not None
        os.killpg(self.child.pid, signal.SIGKILL)

    async def end(self) -> None:
        await self._life.aclose()
        self._life = contextlib.AsyncExitStack()


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """So many takeovers. Raises CannotMeasure."""
    async with _two_ingestors(options, tell) as (nats, ingestors, watch, lanes):
        times = {name: Latency() for name in ("lead", "first_state", "live")}
        since = cpu(nats.pid)
        owner = await watch.led_by_another(None, lanes)
        for number in range(options.rounds):
            await asyncio.sleep(random.uniform(*_SETTLE_S))
            [leader] = [ingestor for ingestor in ingestors if ingestor.owns(owner)]
            killed_s = time.monotonic()
            leader.kill()
            owner = await watch.led_by_another(owner, lanes)
            for lane in watch.times.values():
                for name, at_s in zip(times, lane):
                    times[name].record_us(round((at_s - killed_s) * 1e6))
            slowest_s = max(lane.live_s for lane in watch.times.values()) - killed_s
            tell(f"takeover {number + 1} of {options.rounds}: {slowest_s:.2f} s")
            await leader.end()
            await leader.start()
        figures: dict[str, Reading] = {}
        for name, latency in times.items():
            figures |= latency.figures(name)
        return Measured(figures, [usage("nats", nats.pid, since=since, cores=nats.cores)])


@contextlib.asynccontextmanager
async def _two_ingestors(
    options: argparse.Namespace, tell: Tell
) -> AsyncIterator[tuple[Child, list[_Ingestor], LeadWatch, int]]:
    cores = frozenset(os.sched_getaffinity(0))
    port = free_port()
    bus = BusSettings(nats_url=f"nats://127.0.0.1:{port}")
    async with contextlib.AsyncExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=options.log_dir or None))
        nats = await stack.enter_async_context(running(nats_program(port, Path(place)), cores))
        ingestors = []
        for number in range(1, _INGESTORS + 1):
            ingestor = _Ingestor(_feed_program(f"feed-{number}", bus.nats_url, options), cores)
            stack.push_async_callback(ingestor.end)
            await ingestor.start()
            ingestors.append(ingestor)
        connection = await stack.enter_async_context(Connection(bus.nats_url, name="bench"))
        watch = LeadWatch()
        reader = LogReader(connection, lanes=bus.lanes, log_age_s=bus.log_age_s, sink=watch)
        reader.want(frozenset(range(bus.lanes)))
        reading = asyncio.create_task(reader.run())
        tell(f"nats pid {nats.pid}, {_INGESTORS} ingestors of {options.events} events and {options.rate} updates/s")
        try:
            yield nats, ingestors, watch, bus.lanes
        finally:
            reading.cancel()
            await asyncio.wait([reading])


def _feed_program(name: str, nats_url: str, options: argparse.Namespace) -> Program:
    what = ("--provider", "simulator", "--events", str(options.events), "--rate", str(options.rate))
    return Program(name, ("-m", "feeds", "run", *what, "--nats", nats_url), r"^feed \S+ (ready|standby)$")


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--rounds", type=count_to(1_000), default=20, metavar="N", help="leaders killed (%(default)s)")
    add_events(parser, 60)
    add_rate(parser, 2_000)
    add("--log-dir", default=LOG_DIR, metavar="DIR", help="of NATS (default: in memory, where there is some)")


TAKEOVER = Scenario(
    "takeover",
    "a leading ingestor killed, until its standby leads and is live",
    (Limit("live_max_ms", 3_000.0, "every"),),
    _options,
    run,
)
