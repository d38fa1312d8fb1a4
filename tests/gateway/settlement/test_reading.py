"""Results from the log to the database: acknowledged once they are kept, by one of several readers; what is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.results import DURABLE, JetStreamResults
from feeds.adapters.nats.settling import ResultPublisher
from feeds.adapters.server import NatsServer
from feeds.contract.records import encode_settlement
from feeds.contract.results import Settlement, saying_id
from feeds.contract.subjects import SETTLE_STREAM, settle_subject
from feeds.lane_log import Message
from gateway.settlement.metrics import SettlementMetrics
from gateway.settlement.reading import ResultReader
from gateway.settlement.recording import Recorder
from gateway.store.pool import Database
from tests.bus import bus, eventually
from tests.gateway.bets.worker import one_postgres
from tests.gateway.settlement.correcting import utc_now
from tests.gateway.settlement.ground import LOST, Breaking, Ground, single
from tests.gateway.settlement.results import said

pytestmark = one_postgres


class Line:
    """A log, a database with a bet on M1, and what a reader counts."""

    def __init__(self, connection: Connection, money: Database) -> None:
        self.connection = connection
        self.money = money
        self.metrics = SettlementMetrics()
        self.changed = 0
        self._publisher = ResultPublisher(connection, bus=bus())

    async def publish(self, *settlements: Settlement) -> None:
        for one in settlements:
            message = Message(settle_subject(0, "E1", one.result.market), encode_settlement(one))
            await self._publisher.publish(message, saying_id(one.feed, one.result))

    @asynccontextmanager
    async def reading(self, database: Database | None = None) -> AsyncIterator[None]:
        """A reader, meanwhile."""

        def recorded() -> None:
            self.changed += 1

        reader = ResultReader(
            JetStreamResults(self.connection, bus=bus(), ack_wait_s=1.0),
            Recorder(database or self.money, utc_now),
            self.money,
            most=50,
            metrics=self.metrics,
            recorded=recorded,
        )
        running = asyncio.create_task(reader.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])

    def counted(self, outcome: str) -> float:
        number: float = self.metrics.results.labels(outcome)._value.get()
        return number

    async def consumer(self) -> ConsumerInfo | None:
        """None before a reader has made it."""
        try:
            info: ConsumerInfo = await self.connection.jetstream().consumer_info(SETTLE_STREAM, DURABLE)
        except NotFoundError:
            return None
        return info

    async def until_read(self) -> None:
        """All of it is acknowledged. What is pending a consumer may not know yet."""
        last = (await self.connection.jetstream().stream_info(SETTLE_STREAM)).state.last_seq
        async with asyncio.timeout(30):
            while await self._read_up_to() < last:  # noqa: ASYNC110 NATS and PostgreSQL tell nobody
                await asyncio.sleep(0.01)

    async def _read_up_to(self) -> int:
        found = await self.consumer()
        return 0 if found is None or found.ack_floor is None else int(found.ack_floor.stream_seq)


@pytest.fixture
async def line(connection: Connection, money: Database) -> Line:
    await Ground(money).bets(single("B1", "u1"))
    return Line(connection, money)


async def revision(money: Database, market: str = "M1") -> int:
    rows = await money.fetch("SELECT revision FROM bets.result WHERE market = $1", market)
    return rows[0][0] if rows else 0


async def settled(line: Line) -> None:
    """What is recorded is settled, too: the ledger and the results are to agree."""
    await Ground(line.money).settle()


async def test_what_is_said_is_kept_once_and_acknowledged(line: Line) -> None:
    await line.publish(said("M1", 1), said("M1", 1), said("M2", 1))
    async with line.reading():
        await eventually(lambda: line.counted("new") == 2)
        await line.publish(said("M1", 2, "rollback"))
        await eventually(lambda: line.counted("new") == 3)
        await line.until_read()
    assert (await revision(line.money), line.metrics.missed._value.get(), line.changed) == (2, 0, 2)
    await settled(line)


async def test_what_one_took_and_did_not_keep_comes_to_another(line: Line) -> None:
    await line.publish(said("M1", 1))
    dead = JetStreamResults(line.connection, bus=bus(), ack_wait_s=1.0)
    await dead.begin()
    assert [one.subject for one in await dead.take(10, 5.0)] == ["settle.0.E1.M1"]
    async with line.reading():
        await eventually(lambda: line.counted("new") == 1)
        await line.until_read()
    await settled(line)


async def test_while_the_database_is_away_what_was_taken_is_held(line: Line) -> None:
    await line.publish(said("M1", 1))
    breaking = Breaking(line.money, 0, error=LOST)
    async with line.reading(breaking):
        await eventually(lambda: line.counted("new") == 1)
    assert breaking.broke
    consumer = await line.consumer()
    assert consumer is not None
    assert consumer.num_redelivered == 0
    await settled(line)


async def test_what_nobody_can_read_is_counted_and_does_not_come_again(line: Line) -> None:
    await line.publish(said("M1", 1))
    await line.connection.jetstream().publish("settle.0.E1.M1", b"no result", stream=SETTLE_STREAM)
    async with line.reading():
        await eventually(lambda: line.counted("refused") == 1)
        await line.until_read()
    await settled(line)


async def test_a_log_that_was_lost_is_told_and_read_on(line: Line, nats_server: NatsServer) -> None:
    async with line.reading():
        await line.publish(said("M1", 1))
        await eventually(lambda: line.counted("new") == 1)
        await nats_server.wipe()
        await eventually(lambda: line.metrics.logs_lost._value.get() == 1)
        async with asyncio.timeout(30):
            await line.publish(said("M1", 1), said("M1", 2, "rollback"))
        await eventually(lambda: line.counted("new") == 2)
    assert line.counted("known") == 1
    await settled(line)


async def test_a_consumer_that_is_gone_is_made_anew_and_nothing_is_read_twice(line: Line) -> None:
    async with line.reading():
        await line.publish(said("M1", 1))
        await line.until_read()
        await line.connection.jetstream().delete_consumer(SETTLE_STREAM, DURABLE)
        await line.publish(said("M1", 2, "rollback"))
        await eventually(lambda: line.counted("new") == 2)
        await eventually(lambda: line.counted("known") == 1)
        await line.until_read()
    assert (await revision(line.money), line.metrics.missed._value.get(), line.changed) == (2, 0, 2)
    await settled(line)


async def test_what_was_forgotten_before_anybody_read_it_is_told(line: Line) -> None:
    async with line.reading():
        await line.publish(said("M1", 1))
        await line.until_read()
    await line.publish(said("M1", 2, "rollback"), said("M1", 3), said("M1", 4, "rollback"))
    await line.connection.jetstream().purge_stream(SETTLE_STREAM, keep=1)
    async with line.reading():
        await eventually(lambda: line.counted("new") == 2)
    assert line.metrics.missed._value.get() == 2
    await settled(line)
