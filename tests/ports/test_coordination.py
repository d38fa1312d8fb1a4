"""One suite over every backend of the port Coordination: memory, a real nats-server, Aerospike where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from feeds.contract.coordination import (
    ABSENT,
    AMOUNT_MAX,
    SCAN_RECORDS_MAX,
    VALUE_BYTES_MAX,
    WINDOW_S_MAX,
    Claim,
    Conflict,
    Coordination,
    Unavailable,
)
from feeds.contract.errors import Refused
from tests.ports.backends import Backend

ANSWER_S = 5.0
"""A call to a backend that is away has ended within this."""

LATE_S = 2.0
"""What has ended may be seen for so much longer."""


@pytest.fixture
def here(backend: Backend) -> Coordination:
    return backend.client()


@pytest.fixture
def there(backend: Backend) -> Coordination:
    return backend.client()


async def ends(ttl_s: int, began_s: float, ended: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it has ended: not before its time, and not long after."""
    async with asyncio.timeout(ttl_s + LATE_S + 1):
        while not await ended():  # noqa: ASYNC110 a server's clock tells nobody
            await asyncio.sleep(0.02)
    assert time.monotonic() - began_s >= ttl_s - 0.01


async def test_the_first_claim_wins_and_everyone_learns_its_value(here: Coordination, there: Coordination) -> None:
    assert await here.answer("bet/1") is None
    assert await here.claim("bet/1", b"mine", ttl_s=60) == Claim(won=True, value=b"mine")
    assert await there.claim("bet/1", b"theirs", ttl_s=60) == Claim(won=False, value=b"mine")
    assert await here.claim("bet/1", b"mine", ttl_s=60) == Claim(won=False, value=b"mine")
    assert await there.answer("bet/1") == b"mine"
    assert await there.claim("bet/2", b"", ttl_s=60) == Claim(won=True, value=b"")
    assert await here.answer("bet/2") == b""


async def test_2000_claims_from_32_tasks_have_one_winner_each(backend: Backend) -> None:
    keys = [f"key/{number}" for number in range(2_000)]
    won: dict[str, list[bytes]] = {key: [] for key in keys}
    lost: dict[str, set[bytes]] = {key: set() for key in keys}

    async def claimant(number: int) -> None:
        coordination, value = backend.client(), b"task %d" % number
        for key in keys[number // 2 :: 16]:  # two tasks after the same keys, in the same order
            claim = await coordination.claim(key, value, ttl_s=60)
            if claim.won:
                won[key].append(claim.value)
            else:
                lost[key].add(claim.value)

    await asyncio.gather(*(claimant(number) for number in range(32)))
    assert all(len(winners) == 1 for winners in won.values())
    assert all(lost[key] == set(won[key]) for key in keys)


async def test_one_key_claimed_by_all_at_once(backend: Backend) -> None:
    claims = await asyncio.gather(*(backend.client().claim("one", b"same", ttl_s=60) for _ in range(64)))
    assert [claim.won for claim in claims].count(True) == 1


async def test_a_claim_ends(here: Coordination, there: Coordination) -> None:
    began_s = time.monotonic()
    await here.claim("ticket", b"first", ttl_s=1)

    async def won() -> bool:
        return (await there.claim("ticket", b"second", ttl_s=60)).won

    await ends(1, began_s, won)
    assert await here.answer("ticket") == b"second"


async def test_a_lease_is_renewed_taken_over_and_refused_to_the_stale_owner(
    here: Coordination, there: Coordination
) -> None:
    epoch = await here.lease("feed/alpha", "here", ttl_s=1)
    assert epoch > 0
    with pytest.raises(Conflict, match="held by here"):
        await there.lease("feed/alpha", "there", ttl_s=60)
    began_s = time.monotonic()
    assert await here.lease("feed/alpha", "here", ttl_s=1) == epoch
    taken: list[int] = []

    async def taken_over() -> bool:
        with contextlib.suppress(Conflict):
            taken.append(await there.lease("feed/alpha", "there", ttl_s=60))
        return bool(taken)

    await ends(1, began_s, taken_over)
    assert taken[0] > epoch
    with pytest.raises(Conflict, match="held by there"):
        await here.lease("feed/alpha", "here", ttl_s=1)
    await here.release("feed/alpha", "here")
    assert await there.lease("feed/alpha", "there", ttl_s=60) == taken[0]


async def test_a_lease_renewed_outlives_its_first_time(here: Coordination, there: Coordination) -> None:
    epoch = await here.lease("long", "here", ttl_s=1)
    began_s = time.monotonic()
    while time.monotonic() - began_s < 1 + LATE_S:
        assert await here.lease("long", "here", ttl_s=1) == epoch
        with pytest.raises(Conflict):
            await there.lease("long", "there", ttl_s=1)
        await asyncio.sleep(0.1)


async def test_a_lease_released_is_free_with_a_higher_epoch(here: Coordination, there: Coordination) -> None:
    first = await here.lease("free", "here", ttl_s=60)
    await here.release("free", "here")
    await here.release("free", "here")
    second = await there.lease("free", "there", ttl_s=60)
    await there.release("free", "there")
    third = await here.lease("free", "here", ttl_s=60)
    assert first < second < third


async def test_a_lease_wanted_by_many_goes_to_one(backend: Backend) -> None:
    async def want(owner: str) -> str | None:
        try:
            await backend.client().lease("wanted", owner, ttl_s=60)
        except Conflict:
            return None
        return owner

    owners = await asyncio.gather(*(want(f"owner-{number}") for number in range(32)))
    assert sum(owner is not None for owner in owners) == 1


async def test_counters_count_every_call_under_contention(backend: Backend) -> None:
    async def counter() -> list[int]:
        coordination = backend.client()
        return [await coordination.count("ops/account-1", window_s=3_600) for _ in range(25)]

    given = Counter(count for counts in await asyncio.gather(*(counter() for _ in range(32))) for count in counts)
    assert given.total() == 800
    assert all(times <= given[count - 1] for count, times in given.items() if count > 1)
    assert given[1] <= 2, "more than once only where an hour turned"
    assert await backend.client().count("ops/account-2", window_s=3_600) == 1
    assert await backend.client().count("ops/account-2", window_s=3_599) == 1


async def test_a_count_takes_blocks(here: Coordination, there: Coordination) -> None:
    given = [await here.count("blocks", window_s=WINDOW_S_MAX, amount=AMOUNT_MAX)]
    given.append(await there.count("blocks", window_s=WINDOW_S_MAX, amount=7))
    given.append(await here.count("blocks", window_s=WINDOW_S_MAX))
    steps = [count - before for before, count in zip([0, *given], given, strict=False)]
    whole = [AMOUNT_MAX, 7, 1]
    assert steps == whole or 0 < given[2] < AMOUNT_MAX, "the day turned"


async def test_a_count_begins_anew_in_the_next_window(here: Coordination) -> None:
    began = [await here.count("fast", window_s=1) for _ in range(3)]
    assert max(began) >= 2

    async with asyncio.timeout(3):
        while await here.count("fast", window_s=1) != 1:  # noqa: ASYNC110 a server's clock tells nobody
            await asyncio.sleep(0.02)


async def test_records_have_versions(here: Coordination, there: Coordination) -> None:
    assert await here.get("shards", "a") is None
    first = await here.put("shards", "a", value=b"1", version=ABSENT)
    with pytest.raises(Conflict):
        await there.put("shards", "a", value=b"x", version=ABSENT)
    second = await there.put("shards", "a", value=b"2", version=first)
    assert second != first
    with pytest.raises(Conflict):
        await here.put("shards", "a", value=b"x", version=first)
    record = await here.get("shards", "a")
    assert record is not None
    assert record == ("a", b"2", second)
    third = await here.put("shards", "a", value=b"3")
    with pytest.raises(Conflict):
        await here.delete("shards", "a", version=second)
    await here.delete("shards", "a", version=third)
    assert await there.get("shards", "a") is None
    with pytest.raises(Conflict):
        await there.put("shards", "a", value=b"x", version=third)
    with pytest.raises(Conflict):
        await there.delete("shards", "a", version=third)
    await there.delete("shards", "a")
    assert await there.put("shards", "a", value=b"4", version=ABSENT) not in (first, second, third)


async def test_of_many_writers_that_expect_a_version_one_wins(backend: Backend) -> None:
    version = await backend.client().put("homes", "session", value=b"")

    async def write(number: int) -> bool:
        try:
            await backend.client().put("homes", "session", value=b"%d" % number, version=version)
        except Conflict:
            return False
        return True

    won = await asyncio.gather(*(write(number) for number in range(32)))
    assert won.count(True) == 1
    record = await backend.client().get("homes", "session")
    assert record is not None
    assert record.value == b"%d" % won.index(True)


async def test_a_scan_gives_a_kind_by_name(here: Coordination, there: Coordination) -> None:
    assert await here.scan("shards") == []
    names = [f"fanout-{number}" for number in range(12)]
    for name in reversed(names):
        await here.put("shards", name, value=name.encode(), ttl_s=60)
    await here.put("shards-of-others", "x", value=b"")
    await here.claim("shards", b"", ttl_s=60)
    found = await there.scan("shards")
    assert [(record.name, record.value) for record in found] == [(name, name.encode()) for name in sorted(names)]
    record = await here.get("shards", "fanout-3")
    assert record in found
    await here.delete("shards", "fanout-3")
    assert len(await there.scan("shards")) == 11


async def test_a_kind_that_is_too_large_cannot_be_scanned(here: Coordination) -> None:
    async def fill(first: int) -> None:
        for number in range(first, SCAN_RECORDS_MAX + 26, 32):
            await here.put("many", str(number), value=b"")

    await asyncio.gather(*(fill(first) for first in range(32)))
    with pytest.raises(Refused) as refused:
        await here.scan("many")
    assert refused.value.code == "kind_too_large"


async def test_a_record_ends_unless_it_is_renewed(here: Coordination, there: Coordination) -> None:
    await here.put("shards", "forever", value=b"")
    await here.put("shards", "short", value=b"", ttl_s=1)
    began_s = time.monotonic()
    await here.put("shards", "short", value=b"again", ttl_s=2)

    async def ended() -> bool:
        return [record.name for record in await there.scan("shards")] == ["forever"]

    await ends(2, began_s, ended)
    assert await there.get("shards", "short") is None
    await there.put("shards", "short", value=b"", version=ABSENT)


@pytest.mark.parametrize("key", ["", "a.b", "a b", "a*", ">", "ü", "x" * 129, "a\n"])
async def test_keys_beyond_the_limits_are_refused(here: Coordination, key: str) -> None:
    for call in (
        here.claim(key, b"", ttl_s=1),
        here.answer(key),
        here.lease(key, "me", ttl_s=1),
        here.lease("name", key, ttl_s=1),
        here.count(key, window_s=1),
        here.take(key, 1, per_s=1, burst=1),
        here.put(key, "name", value=b""),
        here.put("kind", key, value=b""),
        here.get("kind", key),
        here.scan(key),
        here.delete("kind", key),
    ):
        with pytest.raises(Refused) as refused:
            await call
        assert refused.value.code == "bad_key"


async def test_values_and_times_beyond_the_limits_are_refused(here: Coordination) -> None:
    assert (await here.claim("large", bytes(VALUE_BYTES_MAX), ttl_s=30 * 86_400)).won
    refusals: list[tuple[Awaitable[object], str]] = [
        (here.claim("x", bytes(VALUE_BYTES_MAX + 1), ttl_s=1), "bad_value"),
        (here.put("kind", "x", value=bytes(VALUE_BYTES_MAX + 1)), "bad_value"),
        (here.claim("x", b"", ttl_s=0), "bad_ttl"),
        (here.lease("x", "me", ttl_s=30 * 86_400 + 1), "bad_ttl"),
        (here.put("kind", "x", value=b"", ttl_s=-1), "bad_ttl"),
        (here.count("x", window_s=0), "bad_ttl"),
        (here.count("x", window_s=WINDOW_S_MAX + 1), "bad_ttl"),
        (here.count("x", window_s=1, amount=0), "bad_amount"),
        (here.count("x", window_s=1, amount=-1), "bad_amount"),
        (here.count("x", window_s=1, amount=AMOUNT_MAX + 1), "bad_amount"),
        (here.take("x", 0, per_s=1, burst=1), "bad_amount"),
        (here.take("x", 1, per_s=0, burst=1), "bad_amount"),
        (here.take("x", 1, per_s=1, burst=AMOUNT_MAX + 1), "bad_amount"),
    ]
    for call, code in refusals:
        with pytest.raises(Refused) as refused:
            await call
        assert refused.value.code == code


async def test_a_backend_that_is_away_is_a_typed_error_within_bounded_time(
    backend: Backend, here: Coordination
) -> None:
    await here.claim("held", b"", ttl_s=60)
    await backend.go_away()
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: here.claim("held", b"", ttl_s=60),
        lambda: here.answer("held"),
        lambda: here.lease("name", "me", ttl_s=60),
        lambda: here.release("name", "me"),
        lambda: here.count("key", window_s=60),
        lambda: here.take("key", 1, per_s=1, burst=1),
        lambda: here.put("kind", "name", value=b""),
        lambda: here.put("kind", "name", value=b"", version=ABSENT),
        lambda: here.get("kind", "name"),
        lambda: here.scan("kind"),
        lambda: here.delete("kind", "name"),
    ]
    for call in calls:
        async with asyncio.timeout(ANSWER_S):
            with pytest.raises(Unavailable):
                await call()
