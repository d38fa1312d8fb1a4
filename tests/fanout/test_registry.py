"""A shard in the registry, over coordination in memory: what it says, whom it knows, what it does without."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from fanout.contract.fleet import (
    SHARDS,
    DrainOrder,
    DrainProgress,
    ShardStatus,
    decode_order,
    decode_progress,
    decode_status,
    encode,
)
from fanout.contract.ring import RingShard
from fanout.peers import Peers
from fanout.registry import Registry, read_registry, status_of
from fanout.settings import FanoutSettings
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.errors import Refused
from tests.bus import eventually
from tests.fanout.memory_log import MemoryLog
from tests.fanout.serving import shard, url_of

NO_LANES: frozenset[int] = frozenset()
CONFIGURED = "ws://configured/v1/stream"


class Member:
    """A shard as the registry knows it, without a server behind it."""

    def __init__(self, coordination: MemoryCoordination, name: str) -> None:
        settings = FanoutSettings(name=name, registry_interval_s=0.02, registry_ttl_s=2)
        self.status = ShardStatus(
            name=name, url=f"ws://{name}", instance=name, state="serving", sockets=0, lag_p99_ms=0, headroom=1.0
        )
        self.peers = Peers([CONFIGURED])
        self.registry = Registry(coordination, settings, self.peers, lambda: self.status)

    def turns(self, **changes: object) -> None:
        """From here it is otherwise, and says so."""
        self.status = msgspec.structs.replace(self.status, **changes)
        self.registry.changed()

    @property
    def named(self) -> set[str | None]:
        """The streams it would name to its devices."""
        return {self.peers.url_for(f"session-{number}", NO_LANES) for number in range(100)}


@pytest.fixture
def coordination() -> MemoryCoordination:
    return MemoryCoordination()


@contextlib.asynccontextmanager
async def members(coordination: MemoryCoordination, *names: str) -> AsyncIterator[list[Member]]:
    made = [Member(coordination, name) for name in names]
    async with contextlib.AsyncExitStack() as stack:
        for member in made:
            await stack.enter_async_context(member.registry.joined())
        yield made


async def test_shards_learn_of_each_other_and_of_who_goes(coordination: MemoryCoordination) -> None:
    async with members(coordination, "a") as [a]:
        assert a.named == {CONFIGURED}
        async with members(coordination, "b", "c") as [b, c]:
            await eventually(lambda: a.named == {"ws://b", "ws://c"} and b.named == {"ws://a", "ws://c"})
            c.turns(state="draining")
            await eventually(lambda: a.named == {"ws://b"})
            assert [status.state for status in await read_registry(coordination)] == ["serving", "serving", "draining"]
        await eventually(lambda: a.named == {CONFIGURED})
        assert [status.name for status in await read_registry(coordination)] == ["a"]
    assert await read_registry(coordination) == []


async def test_without_coordination_the_last_known_count_for_their_time_then_the_configured(
    coordination: MemoryCoordination,
) -> None:
    async with members(coordination, "a", "b") as [a, _]:
        await eventually(lambda: a.named == {"ws://b"})
        coordination.away = True
        a.turns()
        assert a.named == {"ws://b"}
        await eventually(lambda: a.named == {CONFIGURED})
        coordination.away = False
        await eventually(lambda: a.named == {"ws://b"})


async def test_a_registry_that_forgot_is_told_anew(coordination: MemoryCoordination) -> None:
    async with members(coordination, "a", "b") as [a, b]:
        await eventually(lambda: a.named == {"ws://b"} and b.named == {"ws://a"})
        coordination.forget()
        assert (a.named, b.named) == ({"ws://b"}, {"ws://a"})
        await eventually(lambda: {"a", "b"} == {name for _, _, name in coordination._held})
        await eventually(lambda: a.named == {"ws://b"} and b.named == {"ws://a"})


async def test_a_slow_registry_holds_up_no_shard_and_is_read_when_it_answers(coordination: MemoryCoordination) -> None:
    coordination.slow_s = 0.2
    async with members(coordination, "a", "b") as [a, b]:
        assert a.named == b.named == {CONFIGURED}
        await eventually(lambda: a.named == {"ws://b"} and b.named == {"ws://a"})


async def test_a_shard_that_begins_again_takes_over_what_its_predecessor_left(coordination: MemoryCoordination) -> None:
    before = Member(coordination, "a").status
    await coordination.put(SHARDS, "a", value=encode(msgspec.structs.replace(before, instance="dead")), ttl_s=60)
    async with members(coordination, "a", "b") as [_, b]:
        await eventually(lambda: b.named == {"ws://a"})
        assert [status.instance for status in await read_registry(coordination)] == ["a", "b"]


async def test_an_entry_that_nobody_can_read_is_passed_over(coordination: MemoryCoordination) -> None:
    await coordination.put(SHARDS, "z", value=b'{"name":1}')
    async with members(coordination, "a", "b") as [a, _]:
        await eventually(lambda: a.named == {"ws://b"})


async def test_what_a_shard_says_of_itself() -> None:
    async with shard(MemoryLog(), name="one", sockets=4) as server:
        await eventually(server.is_ready)
        status = status_of(server, "me")
        assert (status.name, status.url, status.state, status.sockets) == ("one", url_of(server), "serving", 0)
        assert status.lanes == (0,)
        assert 0 < status.headroom <= 1
        await server.drain()
        status = status_of(server, "me")
        assert (status.state, status.headroom) == ("draining", 0.0)


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"host": "127.0.0.1"}, "ws://127.0.0.1:8100/v1/stream"),
        ({"host": "0.0.0.0"}, "ws://127.0.0.1:8100/v1/stream"),
        ({"host": "::"}, "ws://[::1]:8100/v1/stream"),
        ({"url": "wss://odds.example/s/1"}, "wss://odds.example/s/1"),
    ],
)
def test_where_a_shard_is_reached(settings: dict[str, str], url: str) -> None:
    assert FanoutSettings.model_validate(settings).stream_url(8100) == url


def test_peers_spread_sessions_and_prefer_who_reads_their_lanes() -> None:
    peers = Peers([])
    assert peers.url_for("session", NO_LANES) is None
    reads = RingShard("reads", "ws://reads", 1.0, frozenset({3}), serving=True, ends_ms=2)
    peers.known([reads, reads._replace(name="other", url="ws://other", lanes=NO_LANES)], 1)
    urls = [peers.url_for(f"session-{number}", frozenset({3})) for number in range(1_000)]
    assert urls.count("ws://reads") > 800
    assert urls.count("ws://other") > 50
    peers.known([reads], 2)
    assert peers.url_for("session", NO_LANES) is None


def test_configured_peers_share_the_sessions() -> None:
    peers = Peers(["ws://a", "ws://b"])
    urls = [peers.url_for(f"session-{number}", NO_LANES) for number in range(1_000)]
    assert 400 < urls.count("ws://a") < 600


def test_words_of_the_fleet_are_checked() -> None:
    assert decode_order(encode(DrainOrder("drain", 2.5))) == DrainOrder("drain", 2.5)
    assert decode_order(b'{"op":"drain"}') == DrainOrder("drain")
    assert decode_progress(encode(DrainProgress(3))) == DrainProgress(3)
    status = Member(MemoryCoordination(), "a").status
    assert decode_status(encode(status)) == status
    for data in (b"", b"{}", b'{"op":"stop"}', b'{"op":"drain","window_s":-1}', b'{"op":"drain","window_s":1e9}'):
        with pytest.raises(Refused):
            decode_order(data)
    with pytest.raises(Refused):
        decode_status(b"{}")
    with pytest.raises(Refused):
        decode_progress(b"{}")
