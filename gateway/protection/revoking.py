"""Who is excluded loses every ticket: connections of the account end, and none of its tickets opens another.

What is still to be done stands in the database, written with the exclusion itself: whoever looks first does it, and one
that dies leaves it for another. Twice is once. While the bus or the coordination is away it is tried again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from feeds.contract.coordination import Unavailable
from gateway.protection.tables import ProtectionTables
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

LOOK_S = 1.0
"""Between two looks, for what another process excluded, or could not do."""

BATCH = 100

Revoke = Callable[[str], Awaitable[None]]
"""Takes back the tickets of an account. Raises Unavailable."""


class Revoking:
    """Of one worker. `now` is the wall clock."""

    def __init__(self, tables: ProtectionTables, revoke: Revoke, now: Callable[[], datetime]) -> None:
        self._tables = tables
        self._revoke = revoke
        self._now = now
        self._asked = asyncio.Event()

    def soon(self) -> None:
        """There is something to do."""
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled."""
        told = False
        while True:
            try:
                done = await self.look()
                told = False
            except (DatabaseUnavailable, Unavailable) as error:
                if not told:
                    log.warning("tickets_not_taken_back", error=str(error))
                told, done = True, 0
            if done < BATCH:
                await self._pause()

    async def look(self) -> int:
        """Does what is to be done now; gives how much. Raises DatabaseUnavailable, Unavailable."""
        owners = await self._tables.to_revoke(limit=BATCH)
        for owner in dict.fromkeys(owners):
            await self._revoke(owner)
            await self._tables.revoked(owner, self._now())
            log.info("tickets_taken_back", account=owner)
        return len(owners)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._asked.wait()
        except TimeoutError:
            pass
        self._asked.clear()
