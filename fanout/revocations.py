"""What this shard knows of revoked tickets: told by the bus at once, and read again and again by whoever missed it.

It fails closed: until the revocations were read once, no ticket opens anything; when they could not be read for as long
as they are kept, one may have been missed, and whoever came by a ticket is sent to another shard, with a new ticket.
"""

from __future__ import annotations

import asyncio
import random
import time

import structlog

from fanout.contract.revocation import (
    KEPT_S,
    REVOKED,
    Revocation,
    Revoked,
    decode_revocation,
    encode_revocation,
)
from fanout.pulse import now_ms
from fanout.sessions import SLICE, Sessions
from feeds.contract.coordination import Coordination, Unavailable
from feeds.contract.errors import Refused

log = structlog.get_logger(__name__)

READ_INTERVAL_S = 2.0
"""Between two readings; a tenth of it is jitter."""


class Revocations:
    """Follows the revocations for one shard. `revoked` is what it knows; `known`: that is all there are."""

    def __init__(self, coordination: Coordination, sessions: Sessions) -> None:
        self.revoked = Revoked()
        self._coordination = coordination
        self._sessions = sessions
        self._read_s: float | None = None
        self._away = False

    @property
    def known(self) -> bool:
        """Whether none can have been missed."""
        return self._read_s is not None and time.monotonic() - self._read_s < KEPT_S

    def hear(self, data: bytes) -> None:
        """A revocation, as the bus brings it. One that cannot be understood is logged; reading finds it again."""
        try:
            self._take(decode_revocation(data))
        except Refused as refusal:
            log.warning("revocation_refused", why=str(refusal))

    async def run(self) -> None:
        """Reads them now and then, until cancelled."""
        while True:
            began_s = time.monotonic()
            try:
                for record in await self._coordination.scan(REVOKED):
                    self.hear(record.value)
                self._read_s = began_s
                self._tell(away=False)
            except (Unavailable, Refused) as error:
                self._tell(away=True, why=str(error))
                await self._distrust()
            self.revoked.forget_before(int(time.time()) - KEPT_S)
            await asyncio.sleep(READ_INTERVAL_S * random.uniform(0.9, 1.1))

    def _take(self, revocation: Revocation) -> None:
        if self.revoked.add(revocation):
            self._sessions.revoke(revocation.account, revocation.at_s, now_ms())

    def _tell(self, *, away: bool, why: str = "") -> None:
        if away and not self._away:
            log.warning("revocations_unread", why=why)
        elif self._away and not away:
            log.info("revocations_read")
        self._away = away

    async def _distrust(self) -> None:
        if self._read_s is None or self.known:
            return
        for rank, device in enumerate(self._sessions.ticketed(), start=1):
            self._sessions.send_away(device, now_ms())
            if rank % SLICE == 0:
                await asyncio.sleep(0)


async def revoke(coordination: Coordination, account: str) -> bytes:
    """Ends every ticket of an account that was minted up to now. Gives what every shard is to be told by the bus, which
    is the fast way; they read it within seconds anyway. Raises Refused("bad_revocation"), Unavailable."""
    data = encode_revocation(Revocation(account, int(time.time())))
    decode_revocation(data)
    await coordination.put(REVOKED, account, value=data, ttl_s=KEPT_S)
    return data
