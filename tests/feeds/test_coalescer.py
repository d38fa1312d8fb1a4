"""The coalescer against a real executor of the semantics of coordination in memory: what each caller is told is what
would have been, had the operations been made one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.adapters.coordination.coalescer import Coalescer, Key, Limits
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.coordination.urgent import UrgentPool
from feeds.contract.coordination import InDoubt, Unavailable
from tests.bus import eventually


class Claims:
    """Claims of keys, made by coordination in memory: the value that won, and whether it is the caller's."""

    name = "claims"
    changes = True

    def __init__(self) -> None:
        self.held = MemoryCoordination()
        self.batches: list[list[Key]] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def joins(self, first: bytes, later: bytes) -> bool:  # noqa: ARG002 all of one key
        return True

    def joined(self, asked: Sequence[bytes]) -> bytes:
        return asked[0]

    def shares(self, asked: Sequence[bytes], answer: tuple[bool, bytes]) -> Iterable[tuple[bool, bytes]]:
        return [answer, *[(False, answer[1])] * (len(asked) - 1)]

    def execute(self, keys: list[Key], asked: list[bytes]) -> Sequence[tuple[bool, bytes] | Exception]:
        assert self.may_go.wait(30)
        self.batches.append(keys)
        return [self._one(key, value) for key, value in zip(keys, asked)]

    def _one(self, key: Key, value: bytes) -> tuple[bool, bytes] | Exception:
        try:
            return asyncio.run(self._claim(key, value))
        except Unavailable as error:
            return error

    async def _claim(self, key: Key, value: bytes) -> tuple[bool, bytes]:
        claim = await self.held.claim("/".join(key), value, ttl_s=60)
        return claim.won, claim.value


class Additions:
    """Amounts added to counts in memory, in order of asking; those that are odd are not added together with others."""

    name = "counts"
    changes = True

    def __init__(self) -> None:
        self.held = MemoryCoordination(clock=lambda: 1.0)
        self.operations = 0

    def joins(self, first: int, later: int) -> bool:
        return first % 2 == later % 2 == 0

    def joined(self, asked: Sequence[int]) -> int:
        return sum(asked)

    def shares(self, asked: Sequence[int], answer: int) -> Iterable[int]:
        before = answer - sum(asked)
        for amount in asked:
            before += amount
            yield before

    def execute(self, keys: list[Key], asked: list[int]) -> Sequence[int | Exception]:
        assert len(set(keys)) == len(keys)
        self.operations += len(keys)
        return [asyncio.run(self.held.count(key[0], window_s=60, amount=amount)) for key, amount in zip(keys, asked)]


@pytest.fixture
def pool() -> Iterable[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Step(NamedTuple):
    """So much is asked to be added to a key, after so many turns of the loop; the caller may go at once."""

    key: str
    amount: int
    turns: int
    gone: bool


STEPS = st.lists(
    st.builds(Step, st.sampled_from("abc"), st.integers(1, 4), st.integers(0, 2), st.booleans() | st.just(value=False)),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, batch=st.integers(1, 4), in_flight=st.integers(1, 3))
def test_counts_are_what_they_would_be_one_after_the_other(steps: list[Step], batch: int, in_flight: int) -> None:
    async def run(pool: ThreadPoolExecutor) -> None:
        kind = Additions()
        coalescer = Coalescer(kind, pool, Limits(batch=batch, in_flight=in_flight, deadline_s=60.0))
        asked: list[tuple[Step, asyncio.Future[int]]] = []
        for step in steps:
            for _ in range(step.turns):
                await asyncio.sleep(0)
            answer = coalescer.ask((step.key,), step.amount)
            if step.gone:
                answer.cancel()  # in the turn in which it was asked: it is never made
            else:
                asked.append((step, answer))
        given = await asyncio.gather(*(answer for _, answer in asked))
        counts = dict.fromkeys("abc", 0)
        for (step, _), count in zip(asked, given):
            counts[step.key] += step.amount
            assert count == counts[step.key]
        for key, count in counts.items():
            assert await kind.held.count(key, window_s=60, amount=1_000) == count + 1_000

    with ThreadPoolExecutor(2) as pool:
        asyncio.run(run(pool))


async def test_one_turn_is_one_batch_and_a_key_one_operation(pool: ThreadPoolExecutor) -> None:
    kind = Claims()
    coalescer = Coalescer(kind, pool)
    keys = [("a",), ("b",), ("a",), ("c",), ("a",)]
    answers = await asyncio.gather(*(coalescer.ask(key, b"%d" % rank) for rank, key in enumerate(keys)))
    assert kind.batches == [[("a",), ("b",), ("c",)]]
    assert answers == [(True, b"0"), (True, b"1"), (False, b"0"), (True, b"3"), (False, b"0")]


async def test_a_key_is_never_in_two_batches_at_once(pool: ThreadPoolExecutor) -> None:
    kind = Claims()
    kind.may_go.clear()
    coalescer = Coalescer(kind, pool, Limits(in_flight=2))
    first = coalescer.ask(("a",), b"1")
    await asyncio.sleep(0)
    later = [coalescer.ask(("a",), b"2"), coalescer.ask(("b",), b"3"), coalescer.ask(("a",), b"4")]
    await asyncio.sleep(0)
    kind.may_go.set()
    assert await asyncio.gather(first, *later) == [(True, b"1"), (False, b"1"), (True, b"3"), (False, b"1")]
    assert sorted(kind.batches) == [[("a",)], [("a",)], [("b",)]]


async def test_beyond_its_limit_it_refuses_and_goes_on_once_there_is_room(pool: ThreadPoolExecutor) -> None:
    kind = Claims()
    kind.may_go.clear()
    coalescer = Coalescer(kind, pool, Limits(waiting=2, in_flight=1))
    under_way = coalescer.ask(("a",), b"")
    await asyncio.sleep(0)
    waiting = [coalescer.ask((key,), b"") for key in "bc"]
    with pytest.raises(Unavailable, match="2 operations wait already") as refused:
        coalescer.ask(("d",), b"")
    assert not isinstance(refused.value, InDoubt)
    kind.may_go.set()
    assert await asyncio.gather(under_way, *waiting) == [(True, b"")] * 3
    assert await coalescer.ask(("d",), b"") == (True, b"")


async def test_at_its_deadline_what_was_not_handed_over_never_happens_and_what_was_is_in_doubt(
    pool: ThreadPoolExecutor,
) -> None:
    kind = Claims()
    kind.may_go.clear()
    coalescer = Coalescer(kind, pool, Limits(in_flight=1, deadline_s=0.05))
    handed = coalescer.ask(("handed",), b"mine")
    await asyncio.sleep(0)
    waiting = coalescer.ask(("waiting",), b"mine")
    with pytest.raises(InDoubt):
        await handed
    with pytest.raises(Unavailable) as unavailable:
        await waiting
    assert not isinstance(unavailable.value, InDoubt)
    kind.may_go.set()
    await eventually(lambda: kind.batches == [[("handed",)]])
    assert await kind.held.answer("handed") == b"mine"
    assert await kind.held.answer("waiting") is None
    assert await coalescer.ask(("handed",), b"again") == (False, b"mine")


async def test_who_is_cancelled_before_its_turn_has_asked_nothing_and_after_it_spoils_nothing(
    pool: ThreadPoolExecutor,
) -> None:
    kind = Claims()
    kind.may_go.clear()
    coalescer = Coalescer(kind, pool, Limits(in_flight=1))
    handed = coalescer.ask(("a",), b"first")
    await asyncio.sleep(0)
    gone, stays = coalescer.ask(("b",), b"gone"), coalescer.ask(("b",), b"stays")
    handed.cancel()
    gone.cancel()
    kind.may_go.set()
    assert await stays == (True, b"stays")
    assert await kind.held.answer("a") == b"first"


async def test_an_error_is_told_to_those_it_concerns(pool: ThreadPoolExecutor) -> None:
    kind = Claims()
    coalescer = Coalescer(kind, pool)
    kind.held.away = True
    answers = await asyncio.gather(*(coalescer.ask((key,), b"") for key in "aab"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    kind.held.away = False
    assert await coalescer.ask(("a",), b"") == (True, b"")


async def test_a_fault_of_a_kind_ends_nobody_but_those_who_asked(pool: ThreadPoolExecutor) -> None:
    kind = Claims()
    coalescer = Coalescer(kind, pool)
    with pytest.raises(ValueError, match="a key is"):
        await coalescer.ask(("not a key",), b"")
    assert await coalescer.ask(("a",), b"") == (True, b"")


async def test_closing_tells_everyone_what_may_have_happened(pool: ThreadPoolExecutor) -> None:
    kind = Claims()
    kind.may_go.clear()
    coalescer = Coalescer(kind, pool, Limits(in_flight=1))
    handed = coalescer.ask(("a",), b"")
    await asyncio.sleep(0)
    waiting = coalescer.ask(("b",), b"")
    coalescer.close()
    answers = await asyncio.gather(handed, waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [InDoubt, Unavailable]
    with pytest.raises(Unavailable, match="closed"):
        coalescer.ask(("c",), b"")
    kind.may_go.set()
    await eventually(lambda: kind.batches == [[("a",)]])


@pytest.fixture
async def urgent() -> AsyncIterator[Callable[..., UrgentPool]]:
    made: list[UrgentPool] = []

    def make(**limits: float) -> UrgentPool:
        made.append(UrgentPool("test", **limits))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for pool in made:
        await asyncio.to_thread(pool.close)


async def test_an_urgent_call_at_its_deadline_is_in_doubt_only_if_it_changes_something_and_was_begun(
    urgent: Callable[..., UrgentPool],
) -> None:
    pool = urgent(threads=1, deadline_s=0.05)
    may_go, calls = threading.Event(), []

    def call() -> int:
        calls.append(may_go.wait(30))
        return len(calls)

    first, second = pool.call(call, changes=True), pool.call(call, changes=True)
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [InDoubt, Unavailable]
    with pytest.raises(Unavailable) as unread:
        await pool.call(call, changes=False)
    assert not isinstance(unread.value, InDoubt)
    may_go.set()
    await eventually(lambda: calls == [True])
    assert await pool.call(lambda: 7, changes=True) == 7


async def test_urgent_calls_beyond_the_limit_are_refused(urgent: Callable[..., UrgentPool]) -> None:
    pool, may_go = urgent(threads=1, waiting=2), threading.Event()
    calls = [asyncio.ensure_future(pool.call(lambda: may_go.wait(30), changes=True)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="2 calls wait already"):
        await pool.call(lambda: True, changes=True)
    may_go.set()
    assert await asyncio.gather(*calls) == [True, True]
    await asyncio.to_thread(pool.close)
    with pytest.raises(Unavailable, match="closed"):
        await pool.call(lambda: True, changes=True)
