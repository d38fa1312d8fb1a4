"""Takes tokens of plans' rates for this worker: for each meter that has none left, at most once a round, a block ahead.

    take rate/SUBJECT, the plan's per_s and burst        (feeds/contract/coordination.py)

No request waits for it. Where coordination is slow, away or in doubt, each worker goes on by its share of the rate; it
is asked again after a moment, and not for every meter in turn. One that has forgotten has full buckets again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import time

import structlog

from feeds.contract.coordination import AMOUNT_MAX, Coordination, Unavailable
from gateway.access.meter import Meter

log = structlog.get_logger(__name__)

ROUND_S = 0.1
"""A meter takes this often, at most."""

AWAY_S = 1.0
"""Nothing is taken for so long after coordination did not say."""

TOGETHER = 32
"""Questions under way at once."""


class Takings:
    """Of every meter of a worker: those that want tokens put themselves into `due`."""

    def __init__(
        self, coordination: Coordination, key_of: Callable[[str], str], *, clock: Callable[[], float] = time
    ) -> None:
        self.due: list[Meter] = []
        self.failures = 0
        self._coordination = coordination
        self._key_of = key_of
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            said = await self.round()
            await asyncio.sleep(ROUND_S if said else AWAY_S)

    async def round(self) -> bool:
        """Takes for all that are due; gives whether coordination said. After one failure the rest is not asked."""
        due, self.due[:] = list(self.due), []
        failures = self.failures
        for first in range(0, len(due), TOGETHER):
            if self.failures > failures:
                for meter in due[first:]:
                    meter.got_none()
                break
            await asyncio.gather(*(self._take(meter) for meter in due[first : first + TOGETHER]))
        if self.failures > failures:
            log.warning("rates_untaken", meters=self.failures - failures)
        return self.failures == failures

    async def _take(self, meter: Meter) -> None:
        plan, wanted = meter.plan, min(meter.wants(), AMOUNT_MAX)
        assert plan.per_s is not None
        try:
            got = await self._coordination.take(self._key_of(meter.subject), wanted, per_s=plan.per_s, burst=plan.burst)
        except Unavailable:
            self.failures += 1
            meter.got_none()
        else:
            meter.got(got, self._clock())
