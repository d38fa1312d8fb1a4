"""The door of a shard that is not public: a ticket is checked, then claimed, so that it opens one connection only.

It fails closed: where nobody can say whether a ticket is spent, it opens nothing. It never logs or keeps a ticket.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Callable

from fanout.contract.tickets import Grant, TicketKeys
from fanout.revocations import Revocations
from feeds.contract.coordination import Coordination, Unavailable
from feeds.contract.errors import Refused

CLOCKS_APART_S = 5
"""A claim outlives its ticket by this, as the clocks of shards may differ."""

SPENT = "ticket_spent"
UNKNOWN = "unavailable"

Answer = Callable[[Grant | Refused], None]


class Gate:
    """Checks tickets for one shard. `owner` names it in the claims."""

    def __init__(self, keys: TicketKeys, coordination: Coordination, revocations: Revocations, *, owner: str) -> None:
        self._keys = keys
        self._coordination = coordination
        self._revocations = revocations
        self._owner = owner.encode()
        self._entering: set[asyncio.Task[Grant | Refused]] = set()

    def ask(self, ticket: str, answer: Answer) -> None:
        """Later answers with what the ticket grants, or a refusal: "unauthenticated", SPENT or UNKNOWN."""
        entering = asyncio.get_running_loop().create_task(self._enter(ticket), name="ticket")
        self._entering.add(entering)
        entering.add_done_callback(functools.partial(self._entered, answer))

    async def _enter(self, text: str) -> Grant | Refused:
        now_s = time.time()
        try:
            ticket = self._keys.check(text, now_s)
            ttl_s = math.ceil(ticket.exp - now_s) + CLOCKS_APART_S
            if not self._revocations.known:
                return Refused(UNKNOWN, "whether the ticket was revoked cannot be told now")
            claim = await self._coordination.claim(f"ticket/{ticket.jti}", self._owner, ttl_s=ttl_s)
        except Refused as refusal:
            return refusal
        except Unavailable:
            return Refused(UNKNOWN, "whether the ticket is spent cannot be told now")
        if not claim.won:
            return Refused(SPENT, "the ticket has opened a connection before")
        grant = ticket.grant
        if self._revocations.revoked.ends_any(grant.names, grant.minted_s):
            return Refused("unauthenticated", "the ticket was revoked")
        return grant

    def _entered(self, answer: Answer, entering: asyncio.Task[Grant | Refused]) -> None:
        self._entering.discard(entering)
        if not entering.cancelled():
            answer(entering.result())
