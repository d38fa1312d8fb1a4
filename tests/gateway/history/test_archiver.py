"""The archiver on a real log and a real database: everything once, whatever is away meanwhile."""

from __future__ import annotations

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.publisher import LanePublisher
from feeds.adapters.server import NatsServer
from feeds.contract.model import Selection
from feeds.contract.records import encode_record
from feeds.contract.subjects import lane_of, lead_subject, market_subject
from feeds.lane_log import Fence, Message
from feeds.main import Feed
from gateway.store.settings import DatabaseSettings
from tests.bus import LANES, HandFed, bus, event, eventually, feeding, market
from tests.gateway.history.archiving import archived, archiving, equals_log, position, reached

pytestmark = pytest.mark.journey


async def written(feed: Feed) -> None:
    """Waits until all that was put stands in the log, so that what follows does not replace it."""
    await eventually(
        lambda: all(not leader.writer.waiting and leader.writer._flying is None for leader in feed.leaders.values())
    )


async def test_every_change_is_archived_as_it_was_and_a_repetition_is_none(
    connection: Connection, settings: DatabaseSettings
) -> None:
    provider = HandFed([event("E1"), event("E2"), market("M1", "E1"), market("M2", "E2")])
    async with feeding(connection, provider) as feed, archiving(connection, settings) as archive:
        for ts in range(2, 12):
            provider.put(market("M1", "E1", ts=ts), market("M2", "E2", ts=ts, st="suspended", reason="var"))
            await written(feed)
            provider.put(market("M1", "E1", ts=ts))
            await written(feed)
        provider.put(market("M1", "E1", ts=31, st="closed", gone=True, replaced_by="M3"), event("E1", state="ended"))
        await written(feed)
        assert await equals_log(archive.database, connection) == 4 + 20 + 2
        repeats = sum(archive.metrics.repeats.labels(str(lane))._value.get() for lane in range(LANES))
        assert repeats == 10


async def test_it_goes_on_where_it_stopped_and_knows_a_refresh_of_what_it_archived_before(
    connection: Connection, settings: DatabaseSettings
) -> None:
    provider = HandFed([event("E1"), market("M1", "E1")])
    async with feeding(connection, provider) as feed:
        async with archiving(connection, settings) as archive:
            assert await equals_log(archive.database, connection) == 2
        provider.put(market("M1", "E1"), event("E1"))
        await written(feed)
        provider.put(market("M1", "E1", ts=2))
        await written(feed)
        async with archiving(connection, settings) as archive:
            assert await equals_log(archive.database, connection) == 3


async def test_what_the_log_forgot_before_it_was_read_is_a_hole(
    connection: Connection, settings: DatabaseSettings
) -> None:
    lane = lane_of("E1", LANES)
    provider = HandFed([event("E1"), market("M1", "E1")])
    async with feeding(connection, provider) as feed:
        async with archiving(connection, settings) as archive:
            await equals_log(archive.database, connection)
            stood_at = await position(archive.database, lane)
        provider.put(market("M1", "E1", ts=2))
        await written(feed)
        provider.put(market("M1", "E1", ts=3))
        await written(feed)
        jetstream = connection.jetstream()
        last_s = (await jetstream.stream_info(f"ODDS_{lane}")).state.last_seq
        await jetstream.purge_stream(f"ODDS_{lane}", seq=last_s)
        async with archiving(connection, settings) as archive:
            await reached(archive.database, lane, last_s)
            [hole] = await archive.database.fetch("SELECT * FROM history.hole")
            assert hole["first_s"] > stood_at
            assert hole["last_s"] == last_s - 1
            assert hole["why"] == "forgotten by the log"


async def test_a_lost_log_is_followed_by_the_next_one(
    nats_server: NatsServer, connection: Connection, settings: DatabaseSettings
) -> None:
    provider = HandFed([event("E1"), market("M1", "E1")])
    async with feeding(connection, provider), archiving(connection, settings) as archive:
        await equals_log(archive.database, connection)
        await nats_server.wipe()
        provider.put(market("M1", "E1", ts=9))
        lane = lane_of("E1", LANES)

        async def logs() -> int:
            rows = await archive.database.fetch("SELECT log FROM history.log WHERE lane = $1 AND s > 0", lane)
            return len(rows)

        while await logs() < 2:
            await reached(archive.database, lane, 1)
        while not any(getattr(state, "ts", 0) == 9 for _, state in await archived(archive.database, lane)):
            await reached(archive.database, lane, 1)
        epochs = await archive.database.fetch("SELECT DISTINCT epoch FROM history.epoch")
        assert len(epochs) >= 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"v":1,"id":5}', "bus_malformed"),
        (b'{"v":9}', "bus_version"),
        (encode_record(market("M\0", "E1")), "not_text"),
        (encode_record(market("M7" * 300, "E1")), "bad_id"),
        (encode_record(market("M7", "E1", ts=2**63)), "number_out_of_range"),
        (encode_record(market("M7", "E1", selections=(Selection("O1", "A", lay=2**31),))), "number_out_of_range"),
    ],
)
async def test_a_record_nobody_can_read_is_told_and_passed_over(
    connection: Connection, settings: DatabaseSettings, data: bytes, why: str
) -> None:
    provider = HandFed([event("E1"), market("M1", "E1")])
    lane = lane_of("E1", LANES)
    async with feeding(connection, provider) as feed, archiving(connection, settings) as archive:
        fence = Fence(lead_subject(lane, "alpha"), feed.leaders[lane].lead_s)
        subject = market_subject(lane, "football.nfl.E1", "M7")
        s = await LanePublisher(connection, lane, bus=bus()).write([Message(subject, data)], fence)
        provider.put(market("M1", "E1", ts=2))
        await written(feed)
        await reached(archive.database, lane, s + 1)
        [hole] = await archive.database.fetch("SELECT first_s, last_s, why FROM history.hole")
        assert (hole["first_s"], hole["last_s"]) == (s, s)
        assert hole["why"].startswith(why)


async def test_of_two_archivers_one_works_and_nothing_is_twice(
    connection: Connection, settings: DatabaseSettings
) -> None:
    provider = HandFed([event("E1"), market("M1", "E1")])
    async with (
        feeding(connection, provider) as feed,
        archiving(connection, settings) as archive,
        archiving(connection, settings) as second,
    ):
        for ts in range(2, 8):
            provider.put(market("M1", "E1", ts=ts))
            await written(feed)
        assert await equals_log(archive.database, connection) == 8
        assert archive.metrics.active._value.get() == 1
        assert second.metrics.active._value.get() == 0
