"""Token buckets of every backend of Coordination: never more than they hold and are given, whoever takes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.adapters.coordination.aerospike_buckets import Taking, Takings
from feeds.adapters.coordination.aerospike_client import AerospikeClient
from feeds.adapters.coordination.buckets import refilled_s, taken
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.coordination.nats_streams import Stored
from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.coordination import AMOUNT_MAX, InDoubt, Unavailable
from feeds.contract.coordination_address import parse_coordination
from tests.bus import eventually
from tests.ports.backends import Backend
from tests.ports.test_coordination_nats import frozen

CLOCK_S = 0.002
"""Backends read their clocks in ms; the test's is another."""


class Taken(NamedTuple):
    asked_s: float
    answered_s: float
    tokens: int


async def test_of_32_who_take_at_once_no_stretch_of_time_gets_more(backend: Backend) -> None:
    per_s, burst, lasts_s = 400, 60, 0.3
    began_s = time.monotonic()
    takings: list[Taken] = []

    async def taker(number: int) -> None:
        coordination = backend.client()
        while (asked_s := time.monotonic()) < began_s + lasts_s:
            try:
                tokens = await coordination.take("rate/one", 1 + number % 5, per_s=per_s, burst=burst)
            except InDoubt:
                raise
            except Unavailable:  # too many at once
                continue
            assert 0 <= tokens <= 1 + number % 5
            takings.append(Taken(asked_s, time.monotonic(), tokens))
            await asyncio.sleep(0.001)  # in memory nobody else would have a turn

    await asyncio.gather(*(taker(number) for number in range(32)))
    got = [taking for taking in takings if taking.tokens]
    firsts = sorted(taking.asked_s for taking in got)[:: max(1, len(got) // 40)]
    lasts = [*sorted(taking.answered_s for taking in got)[:: max(1, len(got) // 40)], time.monotonic()]
    for first_s in firsts:
        for last_s in lasts:
            given_ = sum(t.tokens for t in got if t.asked_s >= first_s and t.answered_s <= last_s)
            assert given_ <= burst + max(0.0, last_s - first_s + CLOCK_S) * per_s
    assert sum(taking.tokens for taking in got) >= burst + per_s * lasts_s / 4, "and they do get it"


async def test_a_bucket_fills_again_and_no_further(backend: Backend) -> None:
    here, there = backend.client(), backend.client()
    began_s = time.monotonic()
    assert await here.take("fills", AMOUNT_MAX, per_s=40, burst=3) == 3
    assert await there.take("other", 2, per_s=40, burst=3) == 2
    got = 0
    async with asyncio.timeout(5):
        while not got:
            got = await there.take("fills", 1, per_s=40, burst=3)
            await asyncio.sleep(0.005)
    assert time.monotonic() - began_s >= 1 / 40 - CLOCK_S
    await asyncio.sleep(0.1)  # full by then, as time alone says
    assert await here.take("fills", AMOUNT_MAX, per_s=40, burst=3) == 3
    assert await here.take("fills", AMOUNT_MAX, per_s=1, burst=7) == 7, "another rate is another bucket"


@given(
    st.integers(1, 1_000),
    st.integers(1, 1_000),
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 1_500)), min_size=1, max_size=60),
)
def test_the_number_of_a_bucket_is_exact(per_s: int, burst: int, steps: list[tuple[int, int]]) -> None:
    full, now_ms, level = 0, 1_800_000_000_000, burst * 1_000
    for wait_ms, asked in steps:
        now_ms += wait_ms
        level = min(burst * 1_000, level + wait_ms * per_s)
        got, full = taken(full, now_ms, asked, per_s=per_s, burst=burst)
        assert got == min(asked, level // 1_000)
        level -= got * 1_000
        assert full - now_ms * per_s == burst * 1_000 - level
    assert taken(full, now_ms + refilled_s(per_s, burst) * 1_000, burst, per_s=per_s, burst=burst)[0] == burst


async def test_a_bucket_that_is_full_again_is_forgotten() -> None:
    now_s = 1_000.0
    coordination = MemoryCoordination(clock=lambda: now_s)
    assert await coordination.take("a", 5, per_s=2, burst=5) == 5
    now_s += 2.9
    assert await coordination.take("a", 9, per_s=2, burst=5) == 5
    now_s += 3
    await coordination.get("kind", "name")
    assert not coordination._held


@pytest.mark.proof
@pytest.mark.journey
async def test_on_nats_a_bucket_ends_when_it_is_full(tmp_path: Path) -> None:
    async with NatsServer(data_dir=tmp_path / "nats") as server, Connection(server.url, name="test") as connection:
        here = NatsCoordination(connection)
        assert await here.take("a", 10, per_s=10, burst=10) == 10
        assert await here._buckets.read("10.10.a") is not None
        async with asyncio.timeout(10):
            while await here._buckets.read("10.10.a") is not None:  # noqa: ASYNC110 a server's clock tells nobody
                await asyncio.sleep(0.05)


@pytest.mark.journey
async def test_on_nats_what_may_have_been_taken_is_in_doubt_and_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with NatsServer(data_dir=tmp_path / "nats") as server, Connection(server.url, name="test") as connection:
        here = NatsCoordination(connection, timeout_s=0.2)
        assert await here.take("a", 4, per_s=1, burst=1_000) == 4
        read = here._buckets.read

        async def read_and_freeze(key: str) -> Stored | None:
            stored = await read(key)
            await frozen(server)
            return stored

        with monkeypatch.context() as patch:
            patch.setattr(here._buckets, "read", read_and_freeze)
            with pytest.raises(InDoubt):
                await here.take("a", 900, per_s=1, burst=1_000)
        server.thaw()
        await eventually(lambda: connection.connected)
        assert await NatsCoordination(connection).take("a", 1_000, per_s=1, burst=1_000) in range(96, 110)


async def test_on_aerospike_takings_of_one_bucket_are_one_and_are_shared_in_order() -> None:
    takings = Takings(AerospikeClient(parse_coordination("aerospike://127.0.0.1:1"), lambda _: None))
    asked = [Taking(3, 10, 20), Taking(5, 10, 20), Taking(2, 10, 20)]
    assert takings.joins(asked[0], asked[1])
    assert not takings.joins(asked[0], Taking(3, 10, 21))
    assert takings.joined(asked) == Taking(10, 10, 20)
    assert list(takings.shares(asked, 10)) == [3, 5, 2]
    assert list(takings.shares(asked, 6)) == [3, 3, 0]
