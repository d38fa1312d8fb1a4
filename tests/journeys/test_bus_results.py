"""Results on a real nats-server: each after the state it rests on, once, in order, whatever happens meanwhile."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.streams import Streams
from feeds.adapters.server import NatsServer
from feeds.contract.errors import NotLeader
from feeds.contract.model import Event, Market
from feeds.contract.records import decode_settlement
from feeds.contract.results import WHOLE, MarketResult, ResultKind, SelectionResult, Settlement
from feeds.contract.subjects import SETTLE_STREAM, SETTLE_SUBJECTS, lane_of
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from tests.bus import LANES, HandFed, Mirror, bus, event, eventually, feeding, market, reading

pytestmark = pytest.mark.journey

LANE = lane_of("E1", LANES)
KNOWN: list[Market | Event] = [event("E1"), market("M1", "E1"), market("M2", "E1")]


def ended(market_id: str = "M1", ts: int = 2) -> Market:
    return market(market_id, "E1", ts=ts, st="settled", gone=True)


def said(ts: int, market_id: str = "M1", kind: ResultKind = "settled") -> MarketResult:
    selections = (SelectionResult("O1", w=WHOLE),) if kind == "settled" else ()
    return MarketResult(market_id, "E1", "football.nfl.E1", kind, ts, selections=selections)


async def settlements(server: NatsServer, count: int) -> list[Settlement]:
    """Everything on SETTLE, once it holds so much."""
    async with Connection(server.url, name="settlements") as connection:
        return await _settlements(connection, count)


async def _settlements(connection: Connection, count: int) -> list[Settlement]:
    jetstream = connection.jetstream()
    async with asyncio.timeout(20):
        while await _stored(connection) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    found: list[Settlement] = []
    subscription = await jetstream.subscribe(SETTLE_SUBJECTS, ordered_consumer=True, config=ConsumerConfig())
    for _ in range(await _stored(connection)):
        message = await subscription.next_msg(timeout=5)
        found.append(decode_settlement(message.subject, message.data))
    await subscription.unsubscribe()
    return found


async def _stored(connection: Connection) -> int:
    try:
        return (await connection.jetstream().stream_info(SETTLE_STREAM)).state.messages
    except NotFoundError:
        return 0


def position(mirror: Mirror, market_id: str) -> int:
    return next(record.s for subject, record in mirror.last[LANE].items() if subject.endswith("." + market_id))


async def test_a_result_names_the_state_it_rests_on_and_twice_is_once(
    nats_server: NatsServer, connection: Connection
) -> None:
    provider = HandFed(KNOWN)
    async with feeding(connection, provider), reading(connection) as (_, mirror):
        assert provider.sink is not None
        provider.put(ended())
        provider.sink.results([said(2), said(2)])
        provider.sink.results([said(3, kind="rollback"), said(4), said(2)])
        found = await settlements(nats_server, 3)
        await eventually(lambda: isinstance(state := mirror.state("M1"), Market) and state.gone)
        created = (await Streams(connection, lanes=LANES).info(LANE)).created
        where = ("alpha", LANE, created, position(mirror, "M1"))
        assert [settlement.result for settlement in found] == [said(2), said(3, kind="rollback"), said(4)]
        assert {(each.feed, each.lane, each.epoch, each.s) for each in found} == {where}
    assert len(await settlements(nats_server, 3)) == 3  # the end of the feed waited for the repetition, too


async def test_results_outlive_a_crash_of_the_server_between_state_and_result(
    nats_server: NatsServer, connection: Connection
) -> None:
    provider = HandFed(KNOWN)
    async with (
        feeding(connection, provider),
        Connection(nats_server.url, name="reader") as other,
        reading(other) as (_, mirror),
    ):
        assert provider.sink is not None
        provider.put(ended("M1"))
        await eventually(lambda: isinstance(state := mirror.state("M1"), Market) and state.gone)
        await nats_server.kill()
        provider.put(ended("M2"))
        provider.sink.results([said(2), said(2, "M2"), said(3, kind="rollback"), said(4)])
        await nats_server.start()
        found = await settlements(nats_server, 4)
        assert [each.result.ts for each in found if each.result.market == "M1"] == [2, 3, 4]
        await eventually(lambda: all(each.s == position(mirror, each.result.market) for each in found))


async def test_a_log_that_was_lost_with_the_state_is_named_by_no_position(
    nats_server: NatsServer, connection: Connection
) -> None:
    provider = HandFed(KNOWN)
    async with feeding(connection, provider), Connection(nats_server.url, name="reader") as other:
        assert provider.sink is not None
        async with reading(other) as (_, mirror):
            provider.put(ended())
            await eventually(lambda: isinstance(state := mirror.state("M1"), Market) and state.gone)
        await nats_server.kill()
        provider.sink.results([said(2)])
        await nats_server.wipe()
        (found,) = await settlements(nats_server, 1)
        await eventually(lambda: other.connected)
        created = (await Streams(other, lanes=LANES).info(LANE)).created
        assert (found.epoch, found.s, found.result) == (created, 0, said(2))


async def test_who_was_taken_over_while_frozen_publishes_nothing_more(
    nats_server: NatsServer, connection: Connection
) -> None:
    """The old leader hears of nothing until the new one leads; its results wait in it all the time."""
    old = HandFed(KNOWN)
    ready = asyncio.Event()
    async with Connection(nats_server.url, name="old") as old_connection:
        running = asyncio.create_task(Feed(old, old_connection, bus=bus(), metrics=FeedMetrics()).run(ready.set))
        await ready.wait()
        async with feeding(connection, HandFed(KNOWN)) as feed:
            assert old.sink is not None
            old.sink.results([said(2)])
            with pytest.raises(ExceptionGroup) as stood_down:
                await running
            assert stood_down.group_contains(NotLeader)
            feed.pipeline.results([said(9, "M2")])
            (found,) = await settlements(nats_server, 1)
            assert found.result == said(9, "M2")


async def test_what_was_said_before_is_said_again_by_the_next_leader_without_effect(
    nats_server: NatsServer, connection: Connection
) -> None:
    for ts in (2, 3):
        provider = HandFed([event("E1"), msgspec.structs.replace(ended(), ts=ts)])
        async with feeding(connection, provider):
            assert provider.sink is not None
            provider.sink.results([said(2)])
    assert [each.result for each in await settlements(nats_server, 1)] == [said(2)]
