"""A gateway worker as far as money goes: the product's own Once, Claims, Finals and Gate, over ports that may fail.

A worker that was killed does nothing more: whatever it waits for never comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from bench.simulation.money.vault import Order, Vault
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.coordination import Claim, InDoubt, Unavailable
from gateway.money.claims import Claims
from gateway.money.finals import Finals
from gateway.money.gate import Gate
from gateway.money.keys import KnownKey
from gateway.money.once import Limits, Once, Told
from gateway.money.refusals import MoneyRefused
from gateway.money.tables import Outcome

FINALS_BYTES = 3_000
"""Few fit, so that they are let go of."""
SLOTS = 2
QUEUE_S_MAX = 0.3
LIMITS = Limits(answer_s=0.8, resolve_s=5.0, running_max=3)


class LossyCoordination:
    """Coordination behind a network: it may be late, away, in doubt, or have forgotten."""

    def __init__(self, held: MemoryCoordination, random: Random) -> None:
        self._held = held
        self._random = random
        self.faults = 1.0

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """See Coordination."""
        await self._way()
        made = await self._held.claim(key, value, ttl_s=ttl_s)
        if self._random.random() < 0.05 * self.faults:
            raise InDoubt
        return made

    async def answer(self, key: str) -> bytes | None:
        """See Coordination."""
        await self._way()
        return await self._held.answer(key)

    async def _way(self) -> None:
        chance = self._random.random() / max(self.faults, 1e-9)
        if chance < 0.05:
            raise Unavailable
        await asyncio.sleep(self._random.uniform(0.1, 0.4) if chance < 0.12 else self._random.uniform(0, 0.01))


class _Ports:
    """The database and Coordination as one process sees them, for as long as it lives."""

    def __init__(self, name: str, vault: Vault, coordination: LossyCoordination) -> None:
        self.name = name
        self.dead = False
        self._vault = vault
        self._coordination = coordination

    async def execute(self, order: Order) -> Outcome:
        """See Vault."""
        await self._living()
        outcome = await self._vault.execute(order, self.name)
        await self._living()
        return outcome

    async def key(self, owner: str, key: str) -> KnownKey | None:
        """See Vault."""
        await self._living()
        known = await self._vault.key(owner, key)
        await self._living()
        return known

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """See Coordination."""
        await self._living()
        return await self._coordination.claim(key, value, ttl_s=ttl_s)

    async def answer(self, key: str) -> bytes | None:
        """See Coordination."""
        await self._living()
        return await self._coordination.answer(key)

    async def _living(self) -> None:
        if self.dead:
            await asyncio.get_running_loop().create_future()


class Decisions(NamedTuple):
    """How the odds and the rest of what needs no database decide: seen anew at every attempt."""

    random: Random
    refuses: float
    later: float


class _Work:
    """An order, prepared and executed by one worker."""

    def __init__(self, order: Order, ports: _Ports, decisions: Decisions) -> None:
        self._order = order
        self._ports = ports
        self._decisions = decisions

    async def prepare(self) -> Order:
        """May refuse, for good or for now."""
        chance = self._decisions.random.random()
        if chance < self._decisions.refuses:
            raise MoneyRefused("odds_changed")
        if chance < self._decisions.refuses + self._decisions.later:
            raise MoneyRefused("odds_unavailable", retry_after_s=1)
        return self._order

    async def execute(self, prepared: Order) -> Outcome:
        """The statement."""
        return await self._ports.execute(prepared)

    async def rebuilt(self, known: KnownKey) -> bytes:
        """What can still be told."""
        return b"rebuilt " + known.subject.encode()


class Worker:
    """One process."""

    def __init__(
        self,
        name: str,
        vault: Vault,
        coordination: LossyCoordination,
        *,
        decisions: Decisions,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self._decisions = decisions
        self._ports = _Ports(name, vault, coordination)
        port: Any = self._ports  # of Coordination it has what money asks
        self.gate = Gate(SLOTS, QUEUE_S_MAX, clock)
        self.once = Once(self._ports, Claims(port, name, clock), Finals(FINALS_BYTES), self.gate, LIMITS)

    def is_dead(self) -> bool:
        """Whether it was killed."""
        return self._ports.dead

    def kill(self) -> None:
        """It does nothing more, and answers nobody."""
        self._ports.dead = True

    def decide_by(self, decisions: Decisions) -> None:
        """From now on."""
        self._decisions = decisions

    async def do(self, order: Order) -> Told:
        """See Once.do."""
        return await self.once.do(order.ask, _Work(order, self._ports, self._decisions))
