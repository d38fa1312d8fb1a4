"""What a desk needs of the log, the same in memory and on a real nats-server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.desk import DeskLog
from feeds.adapters.nats.publisher import LanePublisher
from feeds.adapters.server import NatsServer
from feeds.contract.errors import LogUnavailable
from feeds.contract.subjects import audit_subject, desk_subject
from gateway.desk.ports import OverlayLog
from tests.bus import LANES, bus
from tests.gateway.desk_log import MemoryDeskLog

SPORT, LEAGUE = desk_subject(1, "football"), desk_subject(1, "football.nfl")


@pytest.fixture(params=["memory", "nats"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OverlayLog]:
    if request.param == "memory":
        yield MemoryDeskLog()
        return
    async with NatsServer(data_dir=tmp_path / "log") as nats, Connection(nats.url, name="desk") as connection:
        for lane in range(LANES):
            await LanePublisher(connection, lane, bus=bus()).remake(created="", s=0)
        yield DeskLog(connection, bus=bus(), trail_age_s=86_400)


async def test_a_record_is_written_where_the_last_one_is_still_the_expected_one(log: OverlayLog) -> None:
    assert await log.last(1, SPORT) is None
    assert await log.write(1, SPORT, b"one", expected_s=0)
    assert not await log.write(1, SPORT, b"two", expected_s=0)
    found = await log.last(1, SPORT)
    assert found is not None
    assert found.data == b"one"
    assert await log.write(1, SPORT, b"two", expected_s=found.s)
    assert not await log.write(1, SPORT, b"three", expected_s=found.s)


async def test_the_last_record_of_every_scope_is_given(log: OverlayLog) -> None:
    assert await log.overlays(1) == []
    await log.write(1, SPORT, b"one", expected_s=0)
    await log.write(1, LEAGUE, b"league", expected_s=0)
    found = await log.last(1, SPORT)
    assert found is not None
    await log.write(1, SPORT, b"two", expected_s=found.s)
    assert {record.subject: record.data for record in await log.overlays(1)} == {SPORT: b"two", LEAGUE: b"league"}


async def test_a_change_is_on_the_trail_once_and_by_its_scope(log: OverlayLog) -> None:
    assert await log.recorded(None, 10) == []
    assert await log.last_recorded(audit_subject("football")) is None
    scopes = ("football", "football.nfl", "football.nfl.E1", "soccer")
    for scope in (*scopes, "football"):
        await log.record(audit_subject(scope), scope.encode(), f"change-{scope}")
    assert [record.data.decode() for record in await log.recorded(None, 10)] == list(scopes)
    assert [record.data.decode() for record in await log.recorded(None, 2)] == list(scopes[-2:])
    below = await log.recorded(audit_subject("football.nfl"), 10)
    assert [record.data.decode() for record in below] == ["football.nfl", "football.nfl.E1"]
    last = await log.last_recorded(audit_subject("football"))
    assert last is not None
    assert last.data == b"football"


async def test_a_log_that_is_not_there_is_said_and_not_made(nats_server: NatsServer) -> None:
    async with Connection(nats_server.url, name="desk") as connection:
        log = DeskLog(connection, bus=bus(), trail_age_s=86_400)
        with pytest.raises(LogUnavailable):
            await log.last(1, SPORT)
        with pytest.raises(LogUnavailable):
            await log.write(1, SPORT, b"one", expected_s=0)
        with pytest.raises(LogUnavailable):
            await log.overlays(1)
        assert await log.recorded(None, 10) == []


async def test_a_long_trail_is_read_whole(nats_server: NatsServer) -> None:
    async with Connection(nats_server.url, name="desk") as connection:
        log = DeskLog(connection, bus=bus(), trail_age_s=86_400)
        for number in range(1_203):
            await log.record(audit_subject("football"), str(number).encode(), f"change-{number}")
        assert [record.data for record in await log.recorded(None, 3)] == [b"1200", b"1201", b"1202"]
        assert len(await log.recorded(None, 5_000)) == 1_203
