"""Coordination as the fast path in front of PostgreSQL: who works on a key, and what became of it.

Never the truth. When it is away, slow, or has forgotten, everything here says "I do not know", at once for a while, and
PostgreSQL decides. A claim cannot be given back: a worker knows its own, and one of another is waited for only briefly.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from feeds.contract.coordination import Coordination, Unavailable
from feeds.contract.errors import Refused
from gateway.money.finals import Final, unpacked

CLAIM_TTL_S = 15
ANSWER_TTL_S = 72 * 3_600
TIMEOUT_S = 0.15
"""For one question."""

MISSES_MAX = 4
"""Questions in a row without an answer in time, after which nothing is asked for PAUSE_S: a busy moment, ours or the
server's, is no outage, and sends nobody else to PostgreSQL."""

PAUSE_S = 1.0

Claimed = Literal["won", "another's", "unknown"]
T = TypeVar("T")


class Claims:
    """Of one worker. `worker` names it, uniquely; `clock` gives seconds."""

    def __init__(self, coordination: Coordination | None, worker: str, clock: Callable[[], float]) -> None:
        self._coordination = coordination
        self._worker = worker.encode()
        self._clock = clock
        self._away_until_s = 0.0
        self._misses = 0
        self.unanswered = 0

    async def final(self, owner: str, key: str) -> Final | None:
        """The stored answer, if it is known here."""
        if self._coordination is None:
            return None
        found = await self._ask(lambda port: port.answer(_name("final", owner, key)))
        return None if found is None else unpacked(found)

    async def claim(self, owner: str, key: str) -> Claimed:
        """Whether this worker may go on, or another is at it. Whom nobody answers goes on, too."""
        made = await self._ask(lambda port: port.claim(_name("claim", owner, key), self._worker, ttl_s=CLAIM_TTL_S))
        if made is None:
            return "unknown"
        return "won" if made.won or made.value == self._worker else "another's"

    async def claimed(self, owner: str, key: str) -> bool:
        """Whether anybody said lately that it works on the key."""
        return await self._ask(lambda port: port.answer(_name("claim", owner, key))) is not None

    async def keep(self, owner: str, key: str, final: Final) -> bool:
        """Stores an answer; the first one stored stands. Gives whether that is over, as one is stored or never can
        be."""
        if self._coordination is None:
            return True
        try:
            name = _name("final", owner, key)
            return await self._asked(lambda port: port.claim(name, final.packed(), ttl_s=ANSWER_TTL_S)) is not None
        except Refused:
            self.unanswered += 1
            return True  # larger than it keeps

    async def _ask(self, question: Callable[[Coordination], Awaitable[T]]) -> T | None:
        """The answer; None where there is none, or no way to ask."""
        try:
            return await self._asked(question)
        except Refused:
            self.unanswered += 1
            return None

    async def _asked(self, question: Callable[[Coordination], Awaitable[T]]) -> T | None:
        """Raises Refused."""
        port = self._coordination
        if port is None or self._clock() < self._away_until_s:
            return None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await question(port)
        except (Unavailable, TimeoutError) as error:
            self._missed(at_once=isinstance(error, Unavailable))
            return None
        self._misses = 0
        return answer

    def _missed(self, *, at_once: bool) -> None:
        self.unanswered += 1
        self._misses += 1
        if at_once or self._misses >= MISSES_MAX:
            self._misses = 0
            self._away_until_s = self._clock() + PAUSE_S


def _name(kind: str, owner: str, key: str) -> str:
    """Both together may be longer than a name of Coordination."""
    digest = hashlib.blake2b(f"{owner}\0{key}".encode(), digest_size=20).hexdigest()
    return f"bets/{kind}/{digest}"
