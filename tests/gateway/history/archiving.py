"""What tests of the archive share: the archiver in this process, and the comparison of what it holds with the log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.tap import JetStreamTaps
from feeds.contract.model import Event, Market
from feeds.contract.records import decode_record
from feeds.contract.subjects import stream_name
from gateway.history.archiver import Archiver
from gateway.history.metrics import HistoryMetrics
from gateway.history.rows import decoded_form, market_of, numbers_of_row
from gateway.history.settings import HistorySettings
from gateway.store.migrations import migrate
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from tests.bus import LANES

State = Market | Event


class Archive:
    """A running archiver."""

    def __init__(self, archiver: Archiver, metrics: HistoryMetrics, database: Database) -> None:
        self.archiver = archiver
        self.metrics = metrics
        self.database = database


@asynccontextmanager
async def archiving(
    connection: Connection, database: DatabaseSettings, *, log_age_s: float = 3600, **settings: Any
) -> AsyncIterator[Archive]:
    """An archiver of all lanes that runs meanwhile."""
    await migrate(database)
    metrics = HistoryMetrics()
    ready = asyncio.Event()
    make_tap = JetStreamTaps(connection, lanes=LANES, durable="archive").tap
    async with open_database(database) as pool:
        archiver = Archiver(
            pool,
            make_tap,
            lanes=LANES,
            log_age_s=log_age_s,
            settings=HistorySettings(**{"gather_s": 0.02, **settings}),
            metrics=metrics,
        )
        running = asyncio.create_task(archiver.run(ready.set))
        try:
            await ready.wait()
            yield Archive(archiver, metrics, pool)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def logged(connection: Connection, lane: int) -> tuple[int, list[tuple[int, State]]]:
    """The last position of a lane, and every change it holds with its position: refreshes left out."""
    jetstream = connection.jetstream()
    info = await jetstream.stream_info(stream_name(lane))
    last_s = info.state.last_seq
    subscription = await jetstream.pull_subscribe(
        f"odds.{lane}.>",
        stream=stream_name(lane),
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, mem_storage=True),
    )
    before: dict[str, State] = {}
    changes: list[tuple[int, State]] = []
    s = info.state.first_seq - 1
    while s < last_s:
        for message in await subscription.fetch(min(500, last_s - s), timeout=5):
            s = message.metadata.sequence.stream
            record = decode_record(message.subject, message.data)
            if isinstance(record, (Market, Event)) and before.get(message.subject) != record:
                before[message.subject] = record
                changes.append((s, record))
    await subscription.unsubscribe()
    return last_s, changes


async def logged_once_back(connection: Connection, lane: int) -> tuple[int, list[tuple[int, State]]]:
    """The same from a server that was just killed: the connection may not have noticed, or not be back."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await logged(connection, lane)
            except NatsError:
                await asyncio.sleep(0.05)


async def archived(database: Database, lane: int) -> list[tuple[int, State]]:
    """Every change the archive holds of a lane's newest log, by position. Fails on one that is there twice."""
    log = "(SELECT max(log) FROM history.log WHERE lane = $1)"
    changes = await database.fetch(
        f"SELECT change.*, body FROM history.change JOIN history.form USING (form) WHERE log = {log}", lane
    )
    events = await database.fetch(f"SELECT s, body FROM history.event_change WHERE log = {log}", lane)
    states: list[tuple[int, State]] = [
        (row["s"], market_of(decoded_form(row["body"]), numbers_of_row(row))) for row in changes
    ]
    for row in events:
        event = decode_record("odds.0.a.b.c._event", row["body"].encode())
        assert isinstance(event, Event)
        states.append((row["s"], event))
    states.sort(key=lambda state: state[0])
    positions = [s for s, _ in states]
    assert len(set(positions)) == len(positions), "a record was archived twice"
    return states


async def position(database: Database, lane: int) -> int:
    """Where the archive stands in a lane's newest log."""
    row = await database.row("SELECT s FROM history.log WHERE lane = $1 ORDER BY log DESC LIMIT 1", lane)
    return 0 if row is None else int(row["s"])


async def reached(database: Database, lane: int, s: int, *, within_s: float = 30.0) -> None:
    """Waits until the archive stands at a position or behind it."""
    async with asyncio.timeout(within_s):
        while await position(database, lane) < s:  # noqa: ASYNC110 it stands in a database
            await asyncio.sleep(0.02)


async def equals_log(database: Database, connection: Connection, *, within_s: float = 30.0) -> int:
    """Waits until all that the log holds now is archived, and compares. Gives the number of changes."""
    count = 0
    for lane in range(LANES):
        last_s, expected = await logged_once_back(connection, lane)
        await reached(database, lane, last_s, within_s=within_s)
        found = [state for state in await archived(database, lane) if state[0] <= last_s]
        assert found == expected
        count += len(expected)
    holes = await database.fetch("SELECT * FROM history.hole")
    assert holes == []
    return count
