"""Settles used quota with the whole installation: each meter that has something, once a round, in one block.

    count quota/SUBJECT, windows of a UTC day        (feeds/contract/coordination.py)

Rates are taken ahead beside it (gateway/access/taking.py).

Where coordination is away, nobody is refused for it: meters go on by themselves and are settled when it is back. On
NATS counters live in the server's memory: a lone nats-server that restarts begins the day anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from time import time
from weakref import WeakValueDictionary

import structlog

from feeds.contract.coordination import AMOUNT_MAX, KEY_CHARS_MAX, Coordination, InDoubt, Unavailable
from gateway.access.meter import DAY_S, Meter
from gateway.access.principal import Principal
from gateway.access.taking import Takings

log = structlog.get_logger(__name__)

TOGETHER = 32
"""Questions under way at once."""

_SANE = re.compile(r"[A-Za-z0-9_=/-]+\Z")


class Meters:
    """Every meter of a worker, for as long as somebody holds it. `shared`: other workers see this coordination, too, so
    that a rate can be taken from it; `share` is this worker's part of a rate without."""

    def __init__(
        self,
        coordination: Coordination,
        *,
        share: float = 1.0,
        shared: bool = False,
        clock: Callable[[], float] = time,
    ) -> None:
        self.takings = Takings(coordination, lambda subject: key_of(subject, "rate"), clock=clock) if shared else None
        self._coordination = coordination
        self._share = share
        self._by_subject: WeakValueDictionary[str, Meter] = WeakValueDictionary()
        self._due: list[Meter] = []
        self.failures = 0

    def of(self, principal: Principal) -> Meter | None:
        """The subject's, one for all its credentials; None where its plan counts nothing."""
        if not principal.plan.metered:
            return None
        meter = self._by_subject.get(principal.subject)
        if meter is None:
            takes = None if self.takings is None else self.takings.due
            meter = Meter(principal.subject, principal.plan, self._due, share=self._share, takes=takes)
            self._by_subject[principal.subject] = meter
        return meter

    async def run(self, interval_s: float) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self.takings is not None:
                group.create_task(self.takings.run())
            while True:
                await self.settle()
                await asyncio.sleep(interval_s)

    async def settle(self) -> None:
        """One round."""
        due, self._due[:] = list(self._due), []
        failures = self.failures
        for first in range(0, len(due), TOGETHER):
            await asyncio.gather(*(self._settle(meter) for meter in due[first : first + TOGETHER]))
        if self.failures > failures:
            log.warning("quotas_unsettled", meters=self.failures - failures)

    async def _settle(self, meter: Meter) -> None:
        amount, day = meter.ask(), meter.day
        if not amount:
            return
        try:
            total = await self._coordination.count(
                key_of(meter.subject), window_s=DAY_S, amount=min(amount, AMOUNT_MAX)
            )
        except Unavailable as error:
            self.failures += 1
            meter.unsettled(in_doubt=isinstance(error, InDoubt))
        else:
            meter.settled(total, day)


def key_of(subject: str, of: str = "quota") -> str:
    """Where a subject's `of` is counted."""
    said = subject.replace(":", "/", 1)
    if _SANE.match(said) and len(said) <= KEY_CHARS_MAX - 8:
        return f"{of}/{said}"
    return f"{of}/hashed/{hashlib.sha256(subject.encode()).hexdigest()}"
