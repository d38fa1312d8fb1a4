"""The leader of one feed in one lane: does what its LaneWriter says, beats, and keeps its lead record from ageing.

It must never have two writes in flight, and never go on after NotLeader.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable

import structlog

from feeds.contract.errors import LogUnavailable
from feeds.contract.freshness import BEAT_INTERVAL_MS
from feeds.contract.model import FeedState
from feeds.lane_log import LaneLog, LogMissing, Message, WriteRefused
from feeds.metrics import FeedMetrics
from feeds.writer import BATCH_STATES_MAX, LaneWriter, ReadLead, RemakeLog, Step, WriteLead, WriteStates

log = structlog.get_logger(__name__)

RETRY_S = (0.05, 1.0)
"""Wait after a failure: from, doubling, up to; half of it at random."""

GATHER_S_MAX = 0.02
"""After a write the next one waits as long as that one took, at most so long: states gather, the log syncs less often.

Measured with every write synced to a slow disk: an atomic batch of 2 takes as long as one of 20 (4 to 14 ms), and at
2,000 states/s the small ones filled a core of nats-server."""

LEAD_AGE_PART = 0.15
"""Part of the log's age after which the lead record is written anew: before others would refresh it, and so move it."""


class LaneLeader:
    """Writes one feed's states to one lane. `current` gives all that counts now, for a log that was lost.

    `run` returns after `stop`, once the beat `down` is stored; it raises NotLeader when another took over.
    """

    def __init__(
        self,
        writer: LaneWriter,
        lane_log: LaneLog,
        *,
        lane: int,
        log_age_s: float,
        current: Callable[[], Iterable[Message]],
        metrics: FeedMetrics,
    ) -> None:
        self.writer = writer
        self._log = lane_log
        self._lane = lane
        self._lead_age_s = log_age_s * LEAD_AGE_PART
        self._current = current
        self._wake = asyncio.Event()
        self._state: FeedState = "recovering"
        self._stopping = False
        self.led = asyncio.Event()
        self.live = asyncio.Event()
        self.heard_s = time.monotonic()
        """When the log last answered, by the monotonic clock."""
        label = str(lane)
        self._stored = metrics.states_stored.labels(label)
        self._batches = metrics.batches.labels(label)
        self._refused = metrics.refused.labels(label)
        self._unknown = metrics.unknown.labels(label)
        self._lost = metrics.logs_lost.labels(label)
        self._ack_seconds = metrics.ack_seconds.labels(label)
        metrics.waiting.labels(label).set_function(lambda: writer.waiting)
        metrics.conflated.labels(label).set_function(lambda: writer.conflated)

    @property
    def lead_s(self) -> int:
        """Position of the lead record; meaningful once `led` is set."""
        return self.writer.lead_s

    def put(self, message: Message, *, ends_event: bool = False) -> None:
        """A state to store."""
        self.writer.put(message, ends_event=ends_event)
        self._wake.set()

    def health(self, state: FeedState) -> None:
        """How the feed is, told with the next beat, which is now."""
        self._state = state
        self._beat()

    def stop(self) -> None:
        """Beat `down` and end."""
        self._stopping = True
        self.health("down")

    def _beat(self) -> None:
        self.writer.beat(self._state, _now_ms())
        self._wake.set()

    async def run(self) -> None:
        """Leads until stopped. Raises NotLeader."""
        async with asyncio.TaskGroup() as group:
            beats = group.create_task(self._beats())
            await self._write()
            beats.cancel()

    async def _beats(self) -> None:
        renewed = time.monotonic()
        while True:
            self._beat()
            if time.monotonic() - renewed > self._lead_age_s:
                renewed = time.monotonic()
                self.writer.renew_lead(_now_ms())
            await asyncio.sleep(BEAT_INTERVAL_MS / 1000)

    async def _write(self) -> None:
        wait_s, wait_s_max = RETRY_S
        while True:
            step = self.writer.step()
            if step is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                if await self._do(step) == "down" and self._stopping:
                    return
                wait_s = RETRY_S[0]
            except LogUnavailable as error:
                log.warning("write_unknown", lane=self._lane, step=type(step).__name__, error=str(error))
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(2 * wait_s, wait_s_max)

    async def _do(self, step: Step) -> FeedState | None:
        """One step. Gives the state of the beat it stored. Raises LogUnavailable after the writer was told."""
        told: FeedState | None = None
        try:
            told = await self._ask(step)
        except WriteRefused:
            self._refused.inc()
            self.writer.refused()
        except LogMissing:
            self.writer.missing()
            raise
        except LogUnavailable:
            self._unknown.inc()
            self.writer.unknown(_now_ms())
            raise
        self.heard_s = time.monotonic()
        return told

    async def _ask(self, step: Step) -> FeedState | None:
        match step:
            case WriteStates():
                return await self._write_states(step)
            case WriteLead():
                self.writer.lead_written(await self._log.write([step.message], step.fence))
            case ReadLead():
                self.writer.lead_read(await self._log.last(self.writer.lead_subject), _now_ms())
            case RemakeLog():
                self.writer.made(await self._log.remake(created=step.created, s=step.s))
        self._look()
        return None

    async def _write_states(self, step: WriteStates) -> FeedState | None:
        sent = time.perf_counter()
        s = await self._log.write(step.messages, step.fence)
        took_s = time.perf_counter() - sent
        self._ack_seconds.observe(took_s)
        self.writer.states_written(s)
        self._batches.inc()
        self._stored.inc(len(step.messages) - (step.beat_state is not None))
        if step.beat_state == "live":
            self.live.set()
        self._look()
        if self.writer.waiting < BATCH_STATES_MAX and not self._stopping:
            await asyncio.sleep(min(took_s, GATHER_S_MAX))
        return step.beat_state

    def _look(self) -> None:
        """After every step: whether the lane is led now, and whether its log was lost."""
        if self.writer.leading:
            self.led.set()
        if self.writer.lost:
            self._lost.inc()
            log.error("log_lost", lane=self._lane)
            self.writer.restore(self._current())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
