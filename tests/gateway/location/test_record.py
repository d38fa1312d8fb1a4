"""Decisions in a real PostgreSQL: recorded, standing, used in the transaction of what they are for; and races there."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from gateway.location import record
from gateway.location.receipts import Decision
from gateway.location.record import ACCEPTED, Checked, Recorder, decisions
from gateway.location.refusals import GeoRefused
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import one_postgres, until, waits_for_a_lock
from tests.gateway.location.vendor import CLAIMANT, CLAIMS, Desk, vendor, with_

pytestmark = one_postgres

LONG_S = 30.0


@asynccontextmanager
async def recording(database: Database) -> AsyncIterator[Desk]:
    """A verifier that records there, at the time it is now."""
    recorder = Recorder(database)
    running = asyncio.create_task(recorder.run())
    try:
        yield Desk(records=recorder, clock=lambda: datetime.now(UTC).timestamp())
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def desk(settings: DatabaseSettings, database: Database) -> AsyncIterator[Desk]:
    await migrate(settings)
    async with recording(database) as desk:
        yield desk


def packet(number: int = 0, **changed: object) -> str:
    now_s = int(datetime.now(UTC).timestamp())
    fresh = {"iat": now_s, "exp": now_s + 60, "jti": f"{number:016d}", **changed}
    return vendor().sign(with_(**fresh))


async def decided(desk: Desk, number: int = 0, **changed: object) -> Decision:
    """A decision by a fresh packet."""
    got = await desk.locations.verify(packet(number, **changed), CLAIMANT)
    return desk.locations.admit(got.receipt, CLAIMANT)


async def use(database: Database, decision: Decision, subject: str) -> str:
    """Whether a bet by that receipt is placed: `bet`, or the code of the refusal."""
    try:
        async with database.connection() as connection, connection.transaction():
            await record.use(connection, decision, "bet", subject)
    except GeoRefused as refusal:
        return refusal.code
    return "bet"


async def test_checks_and_uses_are_listed_without_coordinates(desk: Desk, database: Database) -> None:
    decision = await decided(desk)
    assert await use(database, decision, "B1") == "bet"
    assert await desk.verdict(packet(1, sub="A2")) == "geo_not_yours"
    assert await use(database, decision, "B2") == "bet"  # somebody else's packet takes no receipt away
    since, until = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    rows = [dict(row) for row in await decisions(database, CLAIMANT.account, since, until, limit=10)]
    assert [(row["kind"], row["outcome"]) for row in rows] == [
        ("check", "accepted"),
        ("bet", "accepted"),
        ("check", "geo_not_yours"),
        ("bet", "accepted"),
    ]
    assert not {"lat", "lon", "border_m"} & rows[0].keys()
    assert {row["receipt"] for row in rows if row["outcome"] == "accepted"} == {decision.id}
    kept = await database.row("SELECT lat, lon, border_m, token_hash FROM location.decision WHERE kind = 'bet'")
    assert kept is not None
    assert (float(kept["lat"]), float(kept["lon"])) == (round(CLAIMS["lat"], 2), round(CLAIMS["lon"], 2))
    assert kept["token_hash"] == decision.token_hash
    assert await decisions(database, "A2", since, until, limit=10) == []
    assert await decisions(database, CLAIMANT.account, until, until, limit=10) == []
    with pytest.raises(asyncpg.RestrictViolationError):
        async with database.connection() as connection:
            await connection.execute("DELETE FROM location.decision")


async def test_a_later_check_replaces_the_receipt(desk: Desk, database: Database) -> None:
    first = await decided(desk)
    second = await decided(desk, 1)
    assert await use(database, first, "B1") == "geo_superseded"
    assert await use(database, second, "B2") == "bet"
    assert await desk.verdict(packet(2, lat=39.9450, lon=-75.1250)) in ("geo_undetermined", "geo_jumped")
    assert await use(database, second, "B3") == "geo_superseded"


async def test_a_location_that_expires_before_the_commit_places_no_bet(desk: Desk, database: Database) -> None:
    decision = await decided(desk)
    await database.execute("UPDATE location.standing SET expires = clock_timestamp()")
    assert await use(database, decision, "B1") == "geo_superseded"
    assert await database.fetch("SELECT FROM location.decision WHERE kind = 'bet'") == []


async def test_a_check_waits_for_the_bet_that_is_being_placed_by_the_receipt_before(
    desk: Desk, database: Database
) -> None:
    decision = await decided(desk)
    async with database.connection() as connection:
        async with connection.transaction():
            await record.use(connection, decision, "bet", "B1")
            later = asyncio.create_task(decided(desk, 1))
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            async with asyncio.timeout(LONG_S):
                while not (await database.fetch(waiting))[0]["count"]:  # noqa: ASYNC110 the database tells nobody
                    await asyncio.sleep(0.01)
            assert not later.done()
        await asyncio.wait_for(later, LONG_S)
    assert await use(database, decision, "B2") == "geo_superseded"


async def test_many_at_once_each_have_their_row_and_one_stands(desk: Desk, database: Database) -> None:
    verdicts = await asyncio.gather(*(desk.verdict(packet(number)) for number in range(40)))
    assert set(verdicts) <= {"accepted", "geo_superseded"}
    assert verdicts.count("accepted") >= 1
    rows = await database.fetch("SELECT outcome, count(*) FROM location.decision GROUP BY outcome")
    assert {row["outcome"]: row["count"] for row in rows} == {name: verdicts.count(name) for name in set(verdicts)}
    assert len(await database.fetch("SELECT FROM location.standing")) == 1


async def test_what_was_not_written_is_not_accepted_whatever_went_wrong(
    settings: DatabaseSettings, database: Database
) -> None:
    recorder = Recorder(database)  # of a database without its tables
    running = asyncio.create_task(recorder.run())
    assert await Desk(records=recorder, clock=lambda: datetime.now(UTC).timestamp()).verdict(packet()) != "accepted"
    with pytest.raises(asyncpg.UndefinedTableError):
        await running


async def test_one_worker_takes_a_receipt_away_that_another_gave_whose_clock_is_ahead(
    desk: Desk, database: Database
) -> None:
    ahead, behind = (datetime.now(UTC).timestamp() + skew_s for skew_s in (3.0, 0.0))
    decision = await decided(desk)
    given = Checked(CLAIMANT.account, ahead, ACCEPTED, CLAIMANT.network, decision.token_hash, decision)
    given = given._replace(decision=msgspec.structs.replace(decision, id=uuid.uuid4()))
    assert given.decision is not None
    await desk.records.record(given)
    older = given._replace(at_s=behind, decision=msgspec.structs.replace(decision, id=uuid.uuid4()))
    await desk.records.record(older)  # what another gave a moment before replaces nothing
    assert await use(database, given.decision, "B1") == "bet"
    await desk.records.record(given._replace(at_s=behind, decision=None, outcome="geo_mocked", displaces=True))
    assert await use(database, given.decision, "B2") == "geo_superseded"


async def test_a_recorder_that_ended_or_is_full_refuses_checks_and_keeps_nobody_waiting(
    settings: DatabaseSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(settings)
    monkeypatch.setattr(record, "WAITING_MAX", 1)
    recorder = Recorder(database)
    running = asyncio.create_task(recorder.run())
    checked = Checked("A1", 0.0, "geo_mocked", CLAIMANT.network, b"", displaces=True)
    async with database.connection() as connection, connection.transaction():
        await connection.execute("LOCK TABLE location.standing")
        waiting = [asyncio.create_task(recorder.record(checked))]
        await until(lambda: waits_for_a_lock(database))
        waiting.append(asyncio.create_task(recorder.record(checked)))
        await asyncio.sleep(0)
        with pytest.raises(GeoRefused):
            await recorder.record(checked)
        running.cancel()
        await asyncio.wait((running,))
    for one in waiting:
        with pytest.raises(GeoRefused):
            await one
    with pytest.raises(GeoRefused):
        await recorder.record(checked)
    recorder.note(checked)
    assert await database.fetch("SELECT FROM location.decision") == []
