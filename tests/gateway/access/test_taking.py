"""A plan's rate is one for all workers; where they cannot agree, each goes on by its share."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.coordination import Coordination, InDoubt
from gateway.access.meter import DAY_S, SHUT_S, Denied, Meter, ahead_of
from gateway.access.principal import Plan, Principal
from gateway.access.settling import Meters
from gateway.access.taking import ROUND_S

NOON_S = 20_000 * DAY_S + DAY_S / 2
PLAN = Plan(name="p", per_s=100, burst=40)


class Clock:
    def __init__(self) -> None:
        self.now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


class Fleet:
    """Workers, which ask a coordination of theirs every round; a request each `each_s` at worker `number`."""

    def __init__(self, workers: int, coordination: Coordination, clock: Clock, *, share: float) -> None:
        self.clock = clock
        self.workers = [Meters(coordination, share=share, shared=True, clock=clock) for _ in range(workers)]
        self.meters = [self._meter(worker) for worker in self.workers]
        self.passed: list[float] = []

    def ask(self, number: int) -> Denied | None:
        denied = self.meters[number].take(self.clock.now_s)
        if denied is None:
            self.passed.append(self.clock.now_s)
        return denied

    async def round(self) -> None:
        for worker in self.workers:
            assert worker.takings is not None
            await worker.takings.round()

    async def loaded(self, numbers: range, *, lasts_s: float, each_s: float = 0.002) -> int:
        """Requests at those workers as fast as that; gives how many passed."""
        passed, steps = len(self.passed), round(lasts_s / each_s)
        for step in range(steps):
            for number in numbers:
                self.ask(number)
            self.clock.now_s += each_s
            if step % round(ROUND_S / each_s) == 0:
                await self.round()
        return len(self.passed) - passed

    def _meter(self, worker: Meters) -> Meter:
        meter = worker.of(Principal(subject="key:a", account=None, scopes=frozenset(("odds",)), plan=PLAN))
        assert meter is not None
        return meter


def most(workers: int, share: float, lasts_s: float) -> float:
    """As gateway/access/meter.py says."""
    each = ahead_of(PLAN) + share * (PLAN.burst + 100 * ROUND_S) + 2
    return PLAN.burst + 100 * lasts_s + workers * each


@pytest.mark.parametrize("share", [0.25, 1.0])
async def test_four_workers_give_the_rate_of_one(share: float) -> None:
    clock = Clock()
    fleet = Fleet(4, MemoryCoordination(clock=clock), clock, share=share)
    passed = await fleet.loaded(range(4), lasts_s=20)
    assert 2_000 <= passed <= most(4, share, 20)
    assert await fleet.loaded(range(4), lasts_s=10) == pytest.approx(1_000, abs=4 * ahead_of(PLAN) + 5)


async def test_one_of_four_that_has_all_the_requests_gives_the_whole_rate() -> None:
    clock = Clock()
    fleet = Fleet(4, MemoryCoordination(clock=clock), clock, share=0.25)
    await fleet.loaded(range(1), lasts_s=1)
    assert await fleet.loaded(range(1), lasts_s=10) == pytest.approx(1_000, abs=2 * ahead_of(PLAN))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([0.25, 1.0]),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60), st.integers(1, 900)), min_size=1, max_size=60),
)
def test_in_no_stretch_of_time_more_than_is_written_down(share: float, steps: list[tuple[int, int, int]]) -> None:
    async def run() -> None:
        clock = Clock()
        fleet = Fleet(4, MemoryCoordination(clock=clock), clock, share=share)
        for number, requests, wait_ms in steps:
            for _ in range(requests):
                fleet.ask(number)
            for _ in range(0, wait_ms, 100):
                await fleet.round()
                clock.now_s += ROUND_S
        passed = fleet.passed
        for first in range(0, len(passed), 7):
            for last in range(first, len(passed)):
                assert last - first + 1 <= most(4, share, passed[last] - passed[first])

    asyncio.run(run())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 400)), min_size=1, max_size=40))
def test_a_worker_alone_is_as_exact_as_its_own_bucket(steps: list[tuple[int, int]]) -> None:
    async def run() -> None:
        clock = Clock()
        fleet, alone = Fleet(1, MemoryCoordination(clock=clock), clock, share=1), Meter("a", PLAN, [])
        for requests, wait_ms in steps:
            for _ in range(requests):
                assert fleet.ask(0) == alone.take(clock.now_s)
                assert fleet.meters[0].headers(clock.now_s) == alone.headers(clock.now_s)
            await fleet.round()
            clock.now_s += wait_ms / 1_000

    asyncio.run(run())


async def test_while_it_is_away_each_worker_has_its_share_and_afterwards_nobody_is_punished() -> None:
    clock, coordination = Clock(), MemoryCoordination(clock=Clock())
    fleet = Fleet(4, coordination, clock, share=0.25)
    coordination.away = True
    assert await fleet.loaded(range(4), lasts_s=20) == pytest.approx(2_040, abs=8)
    assert all(worker.takings is not None and worker.takings.failures for worker in fleet.workers)
    assert all(meter.wants() <= ahead_of(PLAN) + 12 for meter in fleet.meters)
    assert await fleet.loaded(range(1), lasts_s=20) == pytest.approx(500, abs=12)


async def test_what_may_have_been_taken_is_not_held_and_the_share_goes_on() -> None:
    class Doubtful(MemoryCoordination):
        async def take(self, key: str, tokens: int, *, per_s: int, burst: int) -> int:
            await super().take(key, tokens, per_s=per_s, burst=burst)
            raise InDoubt

    clock = Clock()
    fleet = Fleet(2, Doubtful(clock=clock), clock, share=0.5)
    assert await fleet.loaded(range(2), lasts_s=10) == pytest.approx(1_040, abs=4)


async def test_a_slow_one_holds_up_no_request() -> None:
    class Slow(MemoryCoordination):
        async def take(self, key: str, tokens: int, *, per_s: int, burst: int) -> int:
            await let.wait()
            return await super().take(key, tokens, per_s=per_s, burst=burst)

    let, clock = asyncio.Event(), Clock()
    fleet = Fleet(1, Slow(clock=clock), clock, share=1)
    assert fleet.ask(0) is None
    taking = asyncio.create_task(fleet.round())
    await asyncio.sleep(0)
    assert [fleet.ask(0) for _ in range(PLAN.burst - 1)] == [None] * (PLAN.burst - 1)
    assert fleet.ask(0) == ("rate_limited", 1)
    let.set()
    await taking
    await fleet.round()
    assert fleet.meters[0].wants() == ahead_of(PLAN), "what passed meanwhile was taken, too"


async def test_who_owes_more_than_there_was_is_shut_until_it_is_taken_or_nobody_answers() -> None:
    clock = Clock()
    fleet = Fleet(2, MemoryCoordination(clock=clock), clock, share=1)
    for number in (0, 1):
        assert [fleet.ask(number) for _ in range(PLAN.burst)] == [None] * PLAN.burst
    await fleet.round()
    clock.now_s += 0.1
    assert fleet.ask(0) is None
    assert fleet.ask(1) == ("rate_limited", 1)
    assert fleet.meters[1].headers(clock.now_s)[1][1].startswith('"burst";r=0;')
    clock.now_s += SHUT_S
    assert fleet.ask(1) is None


async def test_one_that_forgot_fills_the_bucket_once() -> None:
    clock = Clock()
    coordination = MemoryCoordination(clock=clock)
    fleet = Fleet(2, coordination, clock, share=0.5)
    passed = await fleet.loaded(range(2), lasts_s=5)
    coordination.forget()
    passed += await fleet.loaded(range(2), lasts_s=5)
    assert passed <= most(2, 0.5, 10) + PLAN.burst


async def test_without_others_to_agree_with_nothing_is_taken() -> None:
    meters = Meters(MemoryCoordination(), share=0.5)
    assert meters.takings is None
    meter = meters.of(Principal(subject="key:a", account=None, scopes=frozenset(), plan=PLAN))
    assert meter is not None
    assert [meter.take(NOON_S) is None for _ in range(21)] == [True] * 20 + [False]


@pytest.mark.proof
@pytest.mark.journey
async def test_two_workers_on_a_real_server_agree_and_go_on_when_it_is_killed(tmp_path: Path) -> None:
    async with (
        NatsServer(data_dir=tmp_path / "nats") as server,
        Connection(server.url, name="a") as here,
        Connection(server.url, name="b") as there,
    ):
        workers = [Meters(NatsCoordination(one, timeout_s=0.5), share=1.0, shared=True) for one in (here, there)]
        principal = Principal(subject="key:a", account=None, scopes=frozenset(("odds",)), plan=PLAN)
        meters = [meter for worker in workers if (meter := worker.of(principal)) is not None]

        async def passed(lasts_s: float) -> int:
            count, began_s = 0, time.time()
            while (now_s := time.time()) < began_s + lasts_s:
                count += sum(meter.take(now_s) is None for meter in meters)
                await asyncio.sleep(0.001)
            return count

        running = [asyncio.create_task(worker.run(1.0)) for worker in workers]
        assert 140 * 0.9 <= await passed(1.0) <= most(2, 1.0, 1.0) + 10
        assert 200 * 0.8 <= await passed(2.0) <= 200 + 2 * (ahead_of(PLAN) + 15)
        await server.kill()
        await passed(2.0)
        assert await passed(1.0) >= 200 * 0.8, "each by its share, which is the whole here"
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
