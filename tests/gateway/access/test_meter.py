"""Rates and quotas: never more than was bought, but for the blocks that are written down."""

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.coordination import Coordination, InDoubt, check_key
from gateway.access.meter import DAY_S, Meter, block_of
from gateway.access.plans import PLANS, UNLIMITED
from gateway.access.principal import Plan, Principal
from gateway.access.settling import Meters, key_of

NOON_S = 20_000 * DAY_S + DAY_S / 2


def principal(plan: Plan, subject: str = "key:a") -> Principal:
    return Principal(subject=subject, account=None, scopes=frozenset(("odds",)), plan=plan)


@given(
    st.integers(1, 50),
    st.integers(1, 100),
    st.sampled_from([1.0, 0.5, 0.1]),
    st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=200),
)
def test_in_no_stretch_of_time_more_than_the_burst_and_the_rate(
    per_s: int, burst: int, share: float, waits_s: list[float]
) -> None:
    meter = Meter("a", Plan(name="p", per_s=per_s, burst=burst), [], share=share)
    now_s, passed = NOON_S, []
    for wait_s in waits_s:
        now_s += wait_s / per_s
        denied = meter.take(now_s)
        if denied is None:
            passed.append(now_s)
        else:
            assert denied.code == "rate_limited"
            assert denied.retry_after_s >= 1
            assert Meter.take(_copy(meter, per_s, burst, share, passed), now_s + denied.retry_after_s) is None
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            stretch_s = passed[last] - passed[first]
            assert last - first + 1 <= max(1, burst * share) + stretch_s * per_s * share + 1e-3


def _copy(meter: Meter, per_s: int, burst: int, share: float, passed: list[float]) -> Meter:
    same = Meter("a", meter.plan, [], share=share)
    for at_s in passed:
        assert same.take(at_s) is None
    return same


def test_a_clock_that_is_put_back_locks_nobody_out() -> None:
    meter = Meter("a", Plan(name="p", per_s=1, burst=2), [])
    assert [meter.take(NOON_S) is None for _ in range(3)] == [True, True, False]
    assert meter.take(NOON_S - 3_600) is None


@settings(max_examples=60)
@given(st.data())
def test_of_many_workers_the_day_is_overshot_by_their_blocks_at_most(data: st.DataObject) -> None:
    per_day, workers = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 4))
    plan = Plan(name="p", per_day=per_day)
    coordination = MemoryCoordination(clock=lambda: NOON_S)
    those = [Meters(coordination) for _ in range(workers)]
    meters = [one.of(principal(plan)) for one in those]
    steps = data.draw(
        st.lists(st.tuples(st.integers(0, workers - 1), st.booleans()), min_size=per_day, max_size=4 * per_day + 40)
    )
    passed = 0
    with asyncio.Runner() as runner:
        for number, settle in steps:
            meter = meters[number]
            assert meter is not None
            passed += meter.take(NOON_S) is None
            if settle:
                runner.run(those[number].settle())
        assert passed <= per_day + workers * block_of(plan)
        for one in those:
            runner.run(one.settle())
        counted = runner.run(coordination.count(key_of("key:a"), window_s=DAY_S)) - 1
    assert counted == passed, "what passed is counted once, in the end"


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.name)
def test_every_plan_lets_its_day_through_and_says_what_is_left(plan: Plan) -> None:
    if plan.name == UNLIMITED:
        assert Meters(MemoryCoordination()).of(principal(plan)) is None
        return
    assert plan.per_day is not None
    assert 1 <= block_of(plan) <= plan.per_day / 20
    meter = Meter("a", plan, [])
    assert meter.take(NOON_S) is None
    (policy_name, policy), (name, said) = meter.headers(NOON_S)
    assert (policy_name, name) == ("ratelimit-policy", "ratelimit")
    shape = r'"day";q=(\d+);w=86400, "burst";q=(\d+);w=\d+'
    found = re.fullmatch(shape, policy)
    assert found is not None
    assert (int(found[1]), int(found[2])) == (plan.per_day, plan.burst)
    left = re.fullmatch(r'"day";r=(\d+);t=43200, "burst";r=(\d+);t=1', said)
    assert left is not None
    assert (int(left[1]), int(left[2])) == (plan.per_day - 1, plan.burst - 1)


async def test_a_quota_ends_with_the_day_and_begins_with_the_next() -> None:
    meters = Meters(MemoryCoordination(clock=lambda: NOON_S))
    meter = meters.of(principal(Plan(name="p", per_day=2)))
    assert meter is not None
    assert meter.take(NOON_S) is None
    denied = meter.take(NOON_S)
    assert denied == ("rate_limited", 1), "a block is full, and not settled yet"
    await meters.settle()
    assert meter.take(NOON_S) is None
    assert meter.take(NOON_S) == ("quota_exceeded", DAY_S // 2)
    assert meter.headers(NOON_S)[1][1] == '"day";r=0;t=43200'
    assert meter.take(NOON_S + DAY_S / 2) is None


async def test_one_subject_has_one_meter_however_many_credentials() -> None:
    meters = Meters(MemoryCoordination())
    plan = Plan(name="p", per_day=10)
    first, second = meters.of(principal(plan)), meters.of(principal(plan))
    assert first is second
    assert meters.of(principal(plan, "key:b")) is not first


async def test_while_coordination_is_away_a_worker_goes_on_by_its_own_count_and_settles_later() -> None:
    coordination = MemoryCoordination(clock=lambda: NOON_S)
    meters = Meters(coordination)
    meter = meters.of(principal(Plan(name="p", per_day=40)))
    assert meter is not None
    coordination.away = True
    passed = 0
    for _ in range(100):
        passed += meter.take(NOON_S) is None
        await meters.settle()
    assert passed == 40
    assert meters.failures > 0
    coordination.away = False
    await meters.settle()
    assert await coordination.count(key_of("key:a"), window_s=DAY_S) == 41


async def test_a_slow_coordination_holds_up_no_request_and_is_told_later() -> None:
    class Slow(MemoryCoordination):
        async def count(self, key: str, *, window_s: int, amount: int = 1) -> int:
            await let.wait()
            return await super().count(key, window_s=window_s, amount=amount)

    let = asyncio.Event()
    coordination = Slow(clock=lambda: NOON_S)
    meters = Meters(coordination)
    meter = meters.of(principal(Plan(name="p", per_day=10_000)))
    assert meter is not None
    assert [meter.take(NOON_S + each) for each in range(3)] == [None] * 3
    settling = asyncio.create_task(meters.settle())
    await asyncio.sleep(0)
    assert [meter.take(NOON_S + each) for each in range(3)] == [None] * 3
    let.set()
    await settling
    await meters.settle()
    assert await coordination.count(key_of("key:a"), window_s=DAY_S) == 7


async def test_a_coordination_that_forgot_begins_the_day_anew_once() -> None:
    coordination = MemoryCoordination(clock=lambda: NOON_S)
    meters = Meters(coordination)
    meter = meters.of(principal(Plan(name="p", per_day=40)))
    assert meter is not None
    passed = 0
    for number in range(100):
        passed += meter.take(NOON_S) is None
        await meters.settle()
        if number == 20:
            coordination._held.clear()
    assert 40 <= passed <= 80


async def test_what_may_have_been_counted_is_not_counted_again() -> None:
    class Doubtful(MemoryCoordination):
        async def count(self, key: str, *, window_s: int, amount: int = 1) -> int:
            await super().count(key, window_s=window_s, amount=amount)
            raise InDoubt

    doubtful: Coordination = Doubtful(clock=lambda: NOON_S)
    meters = Meters(doubtful)
    meter = meters.of(principal(Plan(name="p", per_day=100)))
    assert meter is not None
    assert [meter.take(NOON_S) for _ in range(5)] == [None] * 5
    await meters.settle()
    await meters.settle()
    assert meter.used == 5
    with pytest.raises(InDoubt):
        await doubtful.count(key_of("key:a"), window_s=DAY_S)
    assert await MemoryCoordination.count(doubtful, key_of("key:a"), window_s=DAY_S) == 7  # type: ignore[arg-type]


@given(st.text(max_size=300))
def test_every_subject_has_a_key_that_coordination_takes(subject: str) -> None:
    check_key(key_of(subject))
    check_key(key_of(f"sub:{subject}"))
