"""An archived day played back onto a bus by the command: the same states, as another feed."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import msgspec
import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.model import Event, Market
from feeds.contract.subjects import lane_of, source_id
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import LANES, event, market
from tests.gateway.history.archiving import logged
from tests.gateway.history.made import MadeArchive

pytestmark = pytest.mark.journey

DAY_S = 86_400


def as_replayed(state: Market | Event) -> Market | Event:
    event = state.id if isinstance(state, Event) else state.event
    return msgspec.structs.replace(state, ts=0, src=source_id("replay", lane_of(event, LANES)))


async def test_a_day_is_played_back_from_what_stood_at_its_beginning(
    nats_server: NatsServer, connection: Connection, settings: DatabaseSettings, database: Database
) -> None:
    await migrate(settings)
    before: list[Market | Event] = [event("E1"), market("M1", "E1", ts=1), market("M2", "E1", ts=1)]
    during: list[Market | Event] = [market("M1", "E1", ts=ts) for ts in range(2, 6)]
    during.append(market("M2", "E1", ts=6, st="closed", gone=True))
    made = MadeArchive(database)
    await made.write((0, state) for state in before)
    await made.write((DAY_S + 100 * place, state) for place, state in enumerate(during))
    await made.write([(2 * DAY_S, market("M1", "E1", ts=9))])

    environment = os.environ | {"ODDSWIRE_DATABASE_URL": settings.url.get_secret_value(), "ODDSWIRE_LANES": str(LANES)}
    words = ("-m", "gateway", "history", "replay", "--day", "2023-11-16", "--speed", "1000", "--nats", nats_server.url)
    process = await asyncio.create_subprocess_exec(sys.executable, *words, env=environment, stdout=PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert out.decode().splitlines() == ["feed replay ready", "played 5 changes of 2023-11-16"]
    _, states = await logged(connection, lane_of("E1", LANES))
    assert [as_replayed(state) for _, state in states] == [as_replayed(state) for state in (*before, *during)]


async def test_a_day_that_is_not_there_is_refused(nats_server: NatsServer, settings: DatabaseSettings) -> None:
    await migrate(settings)
    environment = os.environ | {"ODDSWIRE_DATABASE_URL": settings.url.get_secret_value()}
    words = ("-m", "gateway", "history", "replay", "--day", "2020-01-01", "--nats", nats_server.url)
    process = await asyncio.create_subprocess_exec(sys.executable, *words, env=environment, stderr=PIPE)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert err.decode().splitlines()[-1] == "oddswire: the archive has no changes of 2020-01-01"
