"""Lanes are read densely from a real nats-server, whatever happens to it or to the reader."""

from __future__ import annotations

import asyncio

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.streams import Streams
from feeds.adapters.server import NatsServer
from feeds.contract.subjects import lane_subjects
from tests.bus import LANES, Mirror, eventually, reading

pytestmark = pytest.mark.journey


async def make_streams(connection: Connection) -> None:
    for lane in range(LANES):
        await Streams(connection, lanes=LANES).ensure(lane, log_age_s=3600, replicas=1)


async def write(connection: Connection, count: int, *, per_s: int = 2_000, burst: int = 20) -> None:
    """`count` records over all lanes at a steady rate, in bursts; the number of each is its body."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for number in range(count):
        subject = lane_subjects(number % LANES).replace(">", f"football.nfl.E.M{number % 300}")
        await connection.client.publish(subject, str(number).encode())
        if number % burst == 0:
            await asyncio.sleep(max(0.0, begin + number / per_s - loop.time()))
    await connection.client.flush()


async def stored(connection: Connection, count: int) -> None:
    """Waits until so many records are in the log: a plain publish is stored a little later than it is received."""
    async with asyncio.timeout(20):
        while sum(info.last_s for info in await Streams(connection, lanes=LANES).infos()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def same_as_log(connection: Connection, mirror: Mirror, *, count: int) -> None:
    """Waits until the mirror stands where the log of `count` records ends; compares with a fresh read of every lane."""
    await stored(connection, count)
    await eventually(lambda: sum(mirror.positions.values()) == count)
    async with reading(connection) as (_, fresh):
        await eventually(lambda: fresh.positions == mirror.positions)
        assert _without_first_token(mirror) == _without_first_token(fresh)


def _without_first_token(mirror: Mirror) -> dict[int, dict[str, tuple[int, bytes]]]:
    return {
        lane: {subject: (record.s, record.data) for subject, record in last.items()}
        for lane, last in mirror.last.items()
    }


async def test_every_record_once_and_in_order(connection: Connection) -> None:
    await make_streams(connection)
    async with reading(connection) as (reader, mirror):
        await eventually(lambda: mirror.boards == LANES)
        await write(connection, 3_000)
        await eventually(lambda: len(mirror.records) == 3_000)
        assert reader.boards == LANES
        assert [reader.position(lane) for lane in range(LANES)] == [1_000] * LANES


async def test_board_joins_live_while_records_are_written(connection: Connection) -> None:
    await make_streams(connection)
    writing = asyncio.create_task(write(connection, 4_000))
    for _ in range(8):
        async with reading(connection) as (_, mirror):
            await eventually(lambda mirror=mirror: mirror.boards >= LANES and len(mirror.records) > 30)  # type: ignore[misc]
    async with reading(connection) as (_, mirror):
        await writing
        await same_as_log(connection, mirror, count=4_000)
        assert mirror.boards == LANES


async def test_reader_waits_for_streams_that_do_not_exist_yet(connection: Connection) -> None:
    async with reading(connection) as (_, mirror):
        await make_streams(connection)
        await eventually(lambda: mirror.boards == LANES)
        assert len(mirror.epochs) == 1


async def test_hole_is_healed_by_the_board(connection: Connection) -> None:
    await make_streams(connection)
    async with reading(connection, pending_messages_max=4) as (reader, mirror):
        await eventually(lambda: mirror.boards == LANES)
        await write(connection, 3_000, per_s=100_000)
        await eventually(lambda: connection.dropped > 0)
        count = 3_000
        await stored(connection, count)
        async with asyncio.timeout(20):
            while sum(mirror.positions.values()) != count:  # as beats do: a hole shows with the next record
                await write(connection, LANES, per_s=100)
                count += LANES
                await stored(connection, count)
        await same_as_log(connection, mirror, count=count)
        assert reader.boards > LANES


async def test_only_wanted_lanes_are_followed(connection: Connection) -> None:
    await make_streams(connection)
    async with reading(connection) as (reader, mirror):
        await eventually(lambda: mirror.boards == LANES)
        reader.want(frozenset({1}))
        await eventually(lambda: reader.position(0) == 0)
        await write(connection, 300)
        await eventually(lambda: mirror.positions[1] == 100)
        reader.want(frozenset(range(LANES)))
        await eventually(lambda: mirror.positions == dict.fromkeys(range(LANES), 100))


async def test_dense_over_a_crash_of_the_server(nats_server: NatsServer, connection: Connection) -> None:
    await make_streams(connection)
    async with reading(connection) as (_, mirror):
        await write(connection, 300)
        await stored(connection, 300)
        await nats_server.restart()
        await eventually(lambda: connection.connected)
        async with Connection(nats_server.url, name="writer") as writer:
            await write(writer, 300)
        await same_as_log(connection, mirror, count=600)
        assert len(mirror.epochs) == 1


async def test_a_lost_log_is_another_epoch(nats_server: NatsServer, connection: Connection) -> None:
    await make_streams(connection)
    async with reading(connection) as (_, mirror):
        await write(connection, 300)
        await eventually(lambda: len(mirror.positions) == LANES)
        await nats_server.wipe()
        await eventually(lambda: connection.connected)
        await make_streams(connection)
        await write(connection, 30)
        await eventually(lambda: len(mirror.epochs) > 1)
        await same_as_log(connection, mirror, count=30)


async def test_a_stream_made_anew_while_connected_is_another_epoch(connection: Connection) -> None:
    await make_streams(connection)
    async with reading(connection) as (_, mirror):
        await write(connection, 300)
        await eventually(lambda: mirror.positions == dict.fromkeys(range(LANES), 100))
        await Streams(connection, lanes=LANES).delete(1)
        await make_streams(connection)
        await write(connection, 30)
        await eventually(lambda: len(mirror.epochs) == 2)
        await same_as_log(connection, mirror, count=230)


async def test_a_lane_given_up_and_wanted_again_at_once_begins_with_its_board(connection: Connection) -> None:
    await make_streams(connection)
    await write(connection, 30)
    async with reading(connection) as (reader, mirror):
        await stored(connection, 30)
        await eventually(lambda: sum(mirror.positions.values()) == 30)
        boards = mirror.boards
        mirror.positions.pop(0)
        reader.want(frozenset({1, 2}))
        reader.want(frozenset({0, 1, 2}))
        await eventually(lambda: mirror.boards > boards)
        await write(connection, 30)
        await same_as_log(connection, mirror, count=60)
