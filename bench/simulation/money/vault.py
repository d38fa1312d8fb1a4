"""PostgreSQL as money sees it: a statement is a transaction, a key's row is written with all the rest, or nothing is.

Who looks a key up waits for what is under way for it, as money.settled_key does. A connection may end at any moment:
before the statement arrives, while it runs, or after it was committed and before its answer came.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from gateway.money.keys import KnownKey
from gateway.money.once import Ask
from gateway.money.tables import Outcome
from gateway.store.errors import DatabaseUnavailable, NotConnected

DONE, DECLINED = 201, 409
_UNDONE_STATES = ("57014", "53300", "55P03")
_DEADLOCK = "40P01"


class Order(NamedTuple):
    """What is to be moved for whom; `declined`: the answer is a refusal, which uses the key up all the same."""

    ask: Ask
    amount: int
    declined: bool

    @property
    def answer(self) -> bytes:
        """The body that is told of it."""
        return b"%s %d %s" % (self.ask.key.encode(), self.amount, b"declined" if self.declined else b"done")


class Row(NamedTuple):
    """What stands in the database of a key. `worker`: who wrote it."""

    known: KnownKey
    amount: int
    worker: str
    at_s: float


class Failed(Exception):
    """What a driver raises: an SQLSTATE, or none where the connection ended."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class Vault:
    """The database. `faults`: 0 to 1, how often something goes wrong. `clock` gives seconds."""

    def __init__(self, random: Random, clock: Callable[[], float]) -> None:
        self._random = random
        self._clock = clock
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._serving: set[asyncio.Task[Outcome]] = set()
        self.faults = 1.0
        self.rows: dict[tuple[str, str], Row] = {}
        self.balances: Counter[str] = Counter()
        self.deadlocks = 0

    async def execute(self, order: Order, worker: str) -> Outcome:
        """The one statement. Raises DatabaseUnavailable."""
        if self._happens(0.05):
            raise NotConnected("no connection")
        await self._pause()
        if self._happens(0.05):
            raise _unavailable(None)  # it never arrived
        serving = asyncio.get_running_loop().create_task(self._serve(order, worker))
        serving.add_done_callback(self._served)
        self._serving.add(serving)
        if not self._happens(0.12):
            return await asyncio.shield(serving)
        await asyncio.wait([serving], timeout=self._random.uniform(0, 0.1))
        raise _unavailable(None)  # the statement goes on

    async def key(self, owner: str, key: str) -> KnownKey | None:
        """What a key was used for. Raises DatabaseUnavailable."""
        await self._pause()
        if self._happens(0.08):
            raise _unavailable(None)
        async with self._locks[owner, key]:
            row = self.rows.get((owner, key))
        return None if row is None else row.known

    def forget_answers(self) -> None:
        """What was told is kept for days, not for ever: of some it is gone."""
        for name, row in self.rows.items():
            if self._random.random() < 0.3:
                self.rows[name] = row._replace(known=row.known._replace(answer=None))

    async def _serve(self, order: Order, worker: str) -> Outcome:
        ask = order.ask
        async with self._locks[ask.owner, ask.key]:
            await self._pause()
            if self._happens(0.06):
                self.deadlocks += 1
                raise _unavailable(_DEADLOCK)
            if self._happens(0.06):
                raise _unavailable(self._random.choice(_UNDONE_STATES))
            known = self.rows.get((ask.owner, ask.key))
            if known is not None:
                return Outcome("known", known.known)
            if self.balances[ask.owner] + order.amount < 0:
                return Outcome("insufficient_funds", None)
            return self._commit(order, worker)

    def _commit(self, order: Order, worker: str) -> Outcome:
        ask = order.ask
        status, amount = (DECLINED, 0) if order.declined else (DONE, order.amount)
        known = KnownKey("bet", ask.fingerprint, ask.key, status, order.answer)
        self.rows[ask.owner, ask.key] = Row(known, amount, worker, self._clock())
        self.balances[ask.owner] += amount
        return Outcome("refused" if order.declined else "done", known)

    def _served(self, task: asyncio.Task[Outcome]) -> None:
        self._serving.discard(task)
        if not task.cancelled():
            task.exception()  # who asked may be gone

    def _happens(self, share: float) -> bool:
        return self._random.random() < share * self.faults

    async def _pause(self) -> None:
        slow = self._random.random() < 0.05 * self.faults
        await asyncio.sleep(self._random.uniform(0.2, 1.5) if slow else self._random.uniform(0.001, 0.02))


def _unavailable(sqlstate: str | None) -> DatabaseUnavailable:
    error = DatabaseUnavailable("the database did not answer")
    error.__cause__ = Failed(sqlstate)
    return error
