"""One random run of money: clients that ask again and again, a network that loses, repeats and delays, workers that
die, a database and a Coordination that fail in every way they can. Everything follows from the seed.

`Once`, `Gate`, `Claims` and `Finals` are the product's own; the database is a model (vault.py), as what SQL decides is
proven over the real one.
"""

from __future__ import annotations

import asyncio
import random as shared_random
from collections import deque
from random import Random

from bench.simulation.money.auditor import Auditor, Name
from bench.simulation.money.vault import Order, Vault
from bench.simulation.money.workers import Decisions, LossyCoordination, Worker
from bench.simulation.violation import Violation
from bench.simulation.virtual_time import VirtualLoop, run_virtual
from feeds.adapters.coordination.memory import MemoryCoordination
from gateway.money.keys import fingerprint_of
from gateway.money.once import Ask
from gateway.money.refusals import MoneyRefused, Unknown

WORKERS = 3
OWNERS = ("ann", "bob")
CLIENTS = 8
TRIES = 6
QUIET_TRIES = 40
PATIENCE_S = 1.5
STARTING = 500
TRACE_LINES = 80


class World:
    """Workers, their ports, and clients."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.trace: deque[str] = deque(maxlen=TRACE_LINES)
        self._seed = seed
        self._answered: set[Name] = set()
        self._born = 0
        self._dead: list[Worker] = []
        """Kept: what they wait for may not be collected before the end."""
        self._quiet = False
        self._carrying: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []

    def run(self) -> None:
        """A busy time, then quiet. Raises Violation."""
        state = shared_random.getstate()
        shared_random.seed(self._seed)  # the product's own jitter
        try:
            run_virtual(self._live)
        finally:
            shared_random.setstate(state)

    async def _live(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.vault = Vault(self.random, loop.time)
        self.vault.balances.update(dict.fromkeys(OWNERS, 0))
        self._memory = MemoryCoordination(loop.time)
        self._coordination = LossyCoordination(self._memory, self.random)
        self.auditor = Auditor(self.vault)
        self._decisions = Decisions(self.random, refuses=0.05, later=0.03)
        self._workers = [self._worker() for _ in range(WORKERS)]
        orders = self._orders()
        troubles = loop.create_task(self._troubles())
        async with asyncio.TaskGroup() as clients:
            for order in orders:
                clients.create_task(self._client(order))
        troubles.cancel()
        await self._calm_down(orders)

    def _orders(self) -> list[Order]:
        """What clients want: money in, money out, and keys that are used twice for different things."""
        orders = []
        for number in range(CLIENTS):
            key = f"key-{number if self.random.random() < 0.8 else self.random.randrange(CLIENTS)}"
            amount = STARTING if number < len(OWNERS) else self.random.choice((100, -100, -300))
            owner = OWNERS[number % len(OWNERS)] if number < len(OWNERS) else self.random.choice(OWNERS)
            ask = Ask(owner=owner, key=key, fingerprint=fingerprint_of([key, amount]))
            orders.append(Order(ask, amount, declined=self.random.random() < 0.15))
        return orders

    def _worker(self) -> Worker:
        self._born += 1
        name, decisions = f"w{self._born}", self._decisions
        return Worker(name, self.vault, self._coordination, decisions=decisions, clock=self._loop.time)

    async def _troubles(self) -> None:
        """Now and then a worker dies, Coordination forgets or goes away, answers are no longer kept."""
        while True:
            await asyncio.sleep(self.random.uniform(0.1, 0.8))
            chance = self.random.random()
            if chance < 0.45:
                place = self.random.randrange(WORKERS)
                self.note(f"{self._workers[place].name} is killed")
                self._workers[place].kill()
                self._dead.append(self._workers[place])
                self._workers[place] = self._worker()
            elif chance < 0.6:
                self._memory.forget()
            elif chance < 0.75:
                self._memory.away = not self._memory.away
            elif chance < 0.85:
                self.vault.forget_answers()

    async def _client(self, order: Order) -> None:
        await asyncio.sleep(self.random.uniform(0, 2))
        for attempt in range(TRIES):
            if await self._try(order):
                if self.random.random() < 0.6:
                    return
                continue  # asked again although it was answered: the answer got lost in the client
            await asyncio.sleep(self.random.uniform(0.02, 0.3) * (attempt + 1))

    async def _try(self, order: Order) -> bool:
        """One request over the network; whether an answer came that ends it."""
        answer: asyncio.Future[bool] = self._loop.create_future()
        copies = 2 if self.random.random() < 0.15 else 1
        for _ in range(copies):
            if self._quiet or self.random.random() > 0.1:
                task = self._loop.create_task(self._carry(order, self.random.choice(self._workers), answer))
                self._carrying.add(task)
                task.add_done_callback(self._carried)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await answer
        except TimeoutError:
            return False

    async def _carry(self, order: Order, worker: Worker, answer: asyncio.Future[bool]) -> None:
        await self._network()
        if worker.is_dead():
            return
        asked = self.auditor.asked(order, worker.name, self._loop.time())
        self.note(f"{worker.name} < {order.ask.owner} {order.ask.key} {order.amount}")
        try:
            told = await worker.do(order)
        except MoneyRefused as refusal:
            final = not refusal.later
            if not worker.is_dead():
                self.note(f"{worker.name} > {order.ask.owner} {order.ask.key} refused {refusal.code}")
                self.auditor.refused(asked, refusal)
        except Unknown:
            self.note(f"{worker.name} > {order.ask.owner} {order.ask.key} unknown")
            self.auditor.answers["unknown"] += 1
            final = False
        else:
            final = True
            if not worker.is_dead():
                self.note(f"{worker.name} > {order.ask.owner} {order.ask.key} {told}")
                self.auditor.told(asked, told)
                self._answered.add(asked.name)
        lost = worker.is_dead() or (not self._quiet and self.random.random() < 0.1)
        await self._network()
        if not lost and not answer.done():
            answer.set_result(final)

    async def _network(self) -> None:
        late = not self._quiet and self.random.random() < 0.1
        await asyncio.sleep(self.random.uniform(0.3, 2) if late else self.random.uniform(0, 0.03))

    def _carried(self, task: asyncio.Task[None]) -> None:
        self._carrying.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append(error)

    async def _calm_down(self, orders: list[Order]) -> None:
        """Nothing fails any more: every key's fate is told, and is what it is."""
        self._quiet = True
        self.vault.faults = self._coordination.faults = 0.0
        self._memory.away = False
        self._decisions = Decisions(self.random, refuses=0.0, later=0.0)
        for worker in self._workers:
            worker.decide_by(self._decisions)
        await asyncio.sleep(10)
        for order in orders:
            for _ in range(QUIET_TRIES):
                if await self._try(order):
                    break
                await asyncio.sleep(0.5)
            else:
                raise Violation(f"{order.ask} was never answered")
        await asyncio.sleep(10)
        if self._failures:
            raise self._failures[0]
        self.auditor.end(self._answered)
        for worker in self._workers:
            if worker.gate.expected_s:
                raise Violation(f"{worker.name} has no slot left, and nobody is at work")

    def note(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self._loop.time():10.3f} {line}")
