"""What is turned away when there is too much, the least important first, by how long requests wait (DOMAIN.md 1.8).

A worker has one thread. Whatever it handles has waited at least since its loop last came round, so that time decides:
history goes first, then large boards that would have to be made, new stream connections, what is asked about bets; at
last every large board; small reads never, as a refusal costs what they do, nor replays of bets. What the database is
asked for is turned away, too, by how long a bet would wait for it: before any bet is. Questions about the past wait in
a bounded queue besides. Nothing here knows of HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from time import monotonic, time
from typing import Literal, NamedTuple

from feeds.contract.errors import Refused

TURN_S = 0.01
"""How often an idle loop comes round."""

_DEADLINE = re.compile(rb"[0-9]{13}\Z")


What = Literal["history", "boards", "streams", "status"]
"""What may be turned away, in this order."""


class Levels(NamedTuple):
    """The waits, in seconds, beyond which each is turned away."""

    history: float = 0.1
    boards: float = 0.2
    streams: float = 0.22
    status: float = 0.24


_ASK_THE_DATABASE = frozenset[What](("history", "status"))


def _no_wait() -> float:
    return 0.0


class Pressure:
    """The one signal of a worker that all go by who turn something away. `delay_s`: how long what is handled now has
    waited at least; no time, before it runs. `database_s`: how long a bet that came now would wait for the database.
    `shed`: what was turned away, how often."""

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        levels: Levels | None = None,
        database_s: Callable[[], float] = _no_wait,
    ) -> None:
        self.levels = levels or Levels()
        self.database_s = database_s
        self.shed: Counter[What] = Counter()
        self._clock = clock
        self._came_round_s = math.inf

    def sheds(self, what: What, times: float = 1) -> bool:
        """Whether one more of these is to be turned away, which is counted; `times`: beyond so many times its level."""
        wait_s = max(self.delay_s, self.database_s()) if what in _ASK_THE_DATABASE else self.delay_s
        if wait_s <= getattr(self.levels, what) * times:
            return False
        self.shed[what] += 1
        return True

    async def run(self) -> None:
        """Comes round, until cancelled."""
        while True:
            self.come_round()
            await asyncio.sleep(TURN_S)

    def come_round(self) -> None:
        """The loop begins anew with what has come meanwhile."""
        self._came_round_s = self._clock()

    @property
    def delay_s(self) -> float:
        """Seconds."""
        return max(self._clock() - self._came_round_s - TURN_S, 0.0)


class Queue:
    """So many places, and a bounded queue in front of them."""

    def __init__(self, *, places: int, waiting_max: int, wait_s: float) -> None:
        self.waiting_max = waiting_max
        self.wait_s = wait_s
        self.free = places
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether whoever comes now is turned away."""
        return not self.free and len(self._waiting) >= self.waiting_max

    @contextlib.asynccontextmanager
    async def place(self, left_s: float = math.inf) -> AsyncIterator[None]:
        """A place, for as long as this is entered. Raises Refused("overloaded") where the queue is full or longer than
        anybody waits, Refused("deadline_passed") where the `left_s` seconds are over before that."""
        await self._enter(left_s)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, left_s: float) -> None:
        if self.free:
            self.free -= 1
            return
        if self.is_full:
            raise Refused("overloaded", "")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait((turn,), timeout=min(self.wait_s, left_s))
        except asyncio.CancelledError:
            self._give_up(turn)
            raise
        if not turn.done():
            self._give_up(turn)
            raise Refused("deadline_passed" if left_s <= self.wait_s else "overloaded", "")

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if turn.done():
            self._leave()
        else:
            self._waiting.remove(turn)

    def _leave(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self.free += 1


def seconds_left(deadline: bytes | None) -> float:
    """Until an X-Request-Deadline, Unix ms. Raises Refused("bad_deadline" | "deadline_passed")."""
    if deadline is None:
        return math.inf
    if _DEADLINE.match(deadline) is None:
        raise Refused("bad_deadline", "x-request-deadline is Unix time in ms")
    left_s = int(deadline) / 1_000 - time()
    if left_s <= 0:
        raise Refused("deadline_passed", "")
    return left_s
