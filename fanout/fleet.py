"""Draining a shard by name: the shard's side, and the side of the command that asks for it. Commands on the registry.

The shard answers an order at once and then with its progress until it is gone; the last answer says that it is done.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import orjson
import structlog

from fanout.contract.fleet import DrainProgress, ShardStatus, decode_order, decode_progress, encode
from feeds.contract.errors import Refused

log = structlog.get_logger(__name__)

PROGRESS_INTERVAL_S = 0.5
SILENCE_S = 5.0
"""A shard that says nothing for so long, while it drains or when asked to, is taken for dead."""

Answer = Callable[[bytes], Awaitable[None]]


class Drains:
    """Orders to drain, as a shard hears them. `ordered` is set by the first; `window_s` is what that one wished."""

    def __init__(self, devices: Callable[[], int], ordered: asyncio.Event) -> None:
        self.window_s: float | None = None
        self._devices = devices
        self._ordered = ordered
        self._askers: list[Answer] = []
        self._left = 0

    def hear(self, data: bytes, answer: Answer) -> None:
        """An order. One that cannot be understood is logged; a second one only hears of the progress."""
        try:
            order = decode_order(data)
        except Refused as refusal:
            log.warning("order_refused", why=str(refusal))
            return
        self._askers.append(answer)
        if not self._ordered.is_set():
            log.info("drain_ordered", window_s=order.window_s)
            self.window_s = order.window_s
            self._ordered.set()

    async def report(self) -> None:
        """Tells whoever asked how it goes, until cancelled, which is when whoever is left is closed."""
        try:
            while True:
                await self._tell(DrainProgress(self._devices()))
                await asyncio.sleep(PROGRESS_INTERVAL_S)
        finally:
            self._left = self._devices()

    async def done(self) -> None:
        """The last word, when nobody is connected any more."""
        await self._tell(DrainProgress(self._left, done=True))

    async def _tell(self, progress: DrainProgress) -> None:
        for answer in self._askers:
            await answer(encode(progress))


async def follow_drain(shard: str, answers: AsyncGenerator[bytes]) -> None:
    """Says on stdout how a drain goes, until the shard is done. Raises what `answers` raises."""
    left: int | None = None
    async for data in answers:
        progress = decode_progress(data)
        if progress.done:
            await answers.aclose()
            closed = f", {_devices(progress.devices)} closed with 4010 at the deadline" if progress.devices else ""
            _say(f"{shard} drained{closed}")
            return
        if progress.devices != left:
            left = progress.devices
            _say(f"{shard} drains, {_devices(left)} left")


def show_shards(shards: Sequence[ShardStatus], *, as_json: bool) -> None:
    """The registry on stdout."""
    if as_json:
        _say(orjson.dumps([orjson.loads(encode(shard)) for shard in shards]).decode())
        return
    head = ("shard", "state", "sockets", "lag_p99_ms", "headroom", "lanes", "url")
    rows = [head, *(_row(shard) for shard in shards)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _row(shard: ShardStatus) -> tuple[str, ...]:
    lanes = ",".join(map(str, shard.lanes)) or "-"
    return (
        *(shard.name, shard.state, str(shard.sockets), str(shard.lag_p99_ms)),
        *(f"{shard.headroom:.2f}", lanes, shard.url),
    )


def _devices(count: int) -> str:
    return f"{count} device{'' if count == 1 else 's'}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
