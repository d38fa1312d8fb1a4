"""The ring: who gets which key, what moves when shards come and go, and how even it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.contract.fleet import headroom
from fanout.contract.ring import LANES_READ_FACTOR, Ring, RingShard

NOW_MS = 1_000
NO_LANES: frozenset[int] = frozenset()
KEYS = [f"fanout-1-{number:x}" for number in range(20_000)]

names = st.lists(st.from_regex(r"[a-z0-9-]{1,16}", fullmatch=True), min_size=1, max_size=12, unique=True)
keys = st.lists(st.text(max_size=24), min_size=1, max_size=50, unique=True)


def shard(name: str, *, headroom: float = 1.0, **changes: Any) -> RingShard:
    made = RingShard(name, f"ws://{name}/v1/stream", headroom, NO_LANES, serving=True, ends_ms=NOW_MS + 1)
    return made._replace(**changes)


def ring(shards: Sequence[RingShard]) -> Ring:
    return Ring(shards, NOW_MS)


def shares(shards: Sequence[RingShard], lanes: frozenset[int] = NO_LANES) -> Counter[str]:
    made = ring(shards)
    return Counter(chosen.name for key in KEYS if (chosen := made.choose(key, lanes)) is not None)


def fleet(count: int) -> list[RingShard]:
    return [shard(f"fanout-{number}") for number in range(count)]


@given(names, keys, st.randoms())
def test_the_order_of_shards_does_not_matter(names: list[str], keys: list[str], randomness: object) -> None:
    shards = [shard(name) for name in names]
    shuffled = shards.copy()
    randomness.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [ring(shards).choose(key) for key in keys] == [ring(shuffled).choose(key) for key in keys]


@given(names, keys, st.data())
def test_a_shard_that_leaves_moves_its_own_keys_alone(names: list[str], keys: list[str], data: st.DataObject) -> None:
    shards = [shard(name, headroom=data.draw(st.floats(0, 1))) for name in names]
    leaving = data.draw(st.sampled_from(shards))
    with_it, without = ring(shards), ring([other for other in shards if other is not leaving])
    for key in keys:
        before, after = with_it.choose(key), without.choose(key)
        assert before in (after, leaving)
        assert with_it.rank(key)[0] == before
        assert [other for other in with_it.rank(key) if other is not leaving] == without.rank(key)


@given(names, keys, st.data())
def test_a_shard_that_gains_headroom_only_gains_keys(names: list[str], keys: list[str], data: st.DataObject) -> None:
    shards = [shard(name, headroom=0.5) for name in names]
    gaining = data.draw(st.sampled_from(shards))
    gained = [other._replace(headroom=0.9) if other is gaining else other for other in shards]
    for key in keys:
        before, after = ring(shards).choose(key), ring(gained).choose(key)
        assert before is not None
        assert after is not None
        assert after.name in (before.name, gaining.name)


@pytest.mark.parametrize("count", [2, 6, 20])
def test_keys_spread_evenly(count: int) -> None:
    shared = shares(fleet(count))
    assert len(shared) == count
    assert max(shared.values()) <= 1.15 * len(KEYS) / count


def test_from_6_to_20_and_back_moves_little_more_than_it_must() -> None:
    six, twenty = ring(fleet(6)), ring(fleet(20))
    moved = sum(six.choose(key) != twenty.choose(key) for key in KEYS)
    assert moved <= 1.05 * len(KEYS) * 14 / 20


def test_keys_follow_headroom() -> None:
    shared = shares([shard("a", headroom=0.6), shard("b", headroom=0.3), shard("c", headroom=0.1)])
    for name, part in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
        assert shared[name] / len(KEYS) == pytest.approx(part, abs=0.02)


def test_a_shard_that_reads_the_lanes_is_preferred_while_it_has_headroom() -> None:
    lanes = frozenset({1, 2})
    others = [shard("partly", lanes=frozenset({1})), shard("none")]
    preferred = shares([shard("reads", lanes=frozenset({1, 2, 3})), *others], lanes)
    assert preferred["reads"] / len(KEYS) == pytest.approx(LANES_READ_FACTOR / (LANES_READ_FACTOR + 2), abs=0.02)
    full = shares([shard("reads", lanes=lanes, headroom=0.0), *others], lanes)
    assert full["reads"] / len(KEYS) < 0.1
    indifferent = shares([shard("reads", lanes=lanes), *others])
    assert indifferent["reads"] / len(KEYS) == pytest.approx(1 / 3, abs=0.02)


def test_draining_and_expired_shards_are_no_part_of_it() -> None:
    serving = shard("serving", headroom=0.0)
    made = ring([shard("draining", serving=False), shard("expired", ends_ms=NOW_MS), serving])
    assert made.shards == (serving,)
    assert made.choose("any") == serving
    assert ring([]).choose("any") is None
    assert ring([]).rank("any") == []


@pytest.mark.parametrize(
    ("sockets", "lag_p99_ms", "left"), [(0, 0, 1.0), (250, 0, 0.75), (250, 75, 0.5), (2_000, 0, 0.0), (0, 900, 0.0)]
)
def test_headroom_is_what_the_tighter_of_sockets_and_lag_leaves(sockets: int, lag_p99_ms: int, left: float) -> None:
    assert headroom(sockets=sockets, sockets_max=1_000, lag_p99_ms=lag_p99_ms) == left
