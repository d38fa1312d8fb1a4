"""Bets from where they are allowed: over HTTP, with real receipts, rules and a real PostgreSQL; and races at commit."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from feeds.adapters.coordination.memory import MemoryCoordination
from gateway.location.betting import BettingLocations
from gateway.location.desk import LocationDesk
from gateway.location.leagues import read_leagues
from gateway.location.policy import Policy
from gateway.location.record import Recorder
from gateway.location.rules import read_rules
from gateway.location.service import Known, LocationService
from gateway.money.refusals import MoneyRefused
from gateway.store.migrations import migrate
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from tests.fanout.serving import event, spread
from tests.gateway.bets.worker import (
    Worker,
    a_key,
    counts,
    fund,
    money_pool,
    one_postgres,
    principal,
    until,
    waits_for_a_lock,
)
from tests.gateway.location.vendor import CLAIMANT, atlas, receipt_keys, vendor, with_

pytestmark = one_postgres

WHO = {"device_id": CLAIMANT.device, "session_id": CLAIMANT.session}
PHILADELPHIA = {"lat": 39.9526, "lon": -75.1652, "state": "US-PA"}
CHERRY_HILL = {"lat": 39.9259, "lon": -75.0196, "state": "US-NJ"}
COLLEGE, PROFESSIONAL = "M3", "M2"


class Stand:
    """A worker that believes packets, and a phone."""

    def __init__(self, worker: Worker, database: Database, service: LocationService) -> None:
        self.worker = worker
        self.database = database
        self.service = service
        self._numbers = 0

    async def verify(self, place: dict[str, Any], account: str = "u1", **claims: Any) -> httpx.Response:
        """The answer to a packet from there."""
        self._numbers += 1
        now_s = int(time.time())
        fresh = {"sub": account, "iat": now_s, "exp": now_s + 60, "jti": f"{self._numbers:016d}", **place, **claims}
        packet = vendor().sign(with_(net="127.0.0.0/24", **fresh))
        said: httpx.Response = await self.worker.post(
            "/v1/geo/verifications", {"packet": packet}, account=account, **WHO
        )
        return said

    async def receipt(self, place: dict[str, Any], account: str = "u1") -> str:
        """The receipt for a packet from there."""
        said = await self.verify(place, account)
        assert said.status_code == 201, said.text
        return str(said.json()["receipt"])

    async def bet(self, market: str, geo: str | None, **how: Any) -> str:
        """`accepted`, or the code of the refusal."""
        said = await self.worker.place(self.worker.bet(market, geo=geo), **{**WHO, **how})
        return "accepted" if said.status_code == 201 else str(said.json()["code"])


@pytest.fixture
async def stand(settings: DatabaseSettings) -> AsyncIterator[Stand]:
    await migrate(settings)
    async with money_pool(settings) as database, open_database(settings) as beside:
        recorder = Recorder(beside)
        running = asyncio.create_task(recorder.run())
        known = Known(vendor().keys, atlas(), read_rules(), Policy("oddswire"), receipt_keys())
        service = LocationService(known, MemoryCoordination(), recorder, clock=time.time)
        worker = Worker(database, locations=BettingLocations(lambda: service, read_leagues(), age=21))
        worker.odds.gateway.places = LocationDesk(known, MemoryCoordination())
        worker.odds.gateway.places.service = service
        rutgers = {"home": "Rutgers Scarlet Knights", "away": "Ohio State Buckeyes", "topic": "football.ncaaf.E3"}
        college = spread("M3", event_id="E3", live=False, topic="football.ncaaf.E3")
        worker.show(event("E3", state="upcoming", **rutgers), college)
        async with worker.client:
            for account in ("u1", "u2"):
                await fund(database, account, 100_000)
            yield Stand(worker, database, service)
            await worker.service.once.finish()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_bet_is_accepted_on_one_bank_of_the_river_and_refused_on_the_other(stand: Stand) -> None:
    philadelphia = await stand.receipt(PHILADELPHIA)
    said = await stand.worker.place(stand.worker.bet(COLLEGE, geo=philadelphia), **WHO)
    assert said.status_code == 201, said.text
    assert said.json()["location"] == {"verifier": "packet", "jurisdiction": "US-PA"}
    cherry_hill = await stand.receipt(CHERRY_HILL, "u2")
    assert await stand.bet(COLLEGE, cherry_hill, account="u2") == "geo_market_not_allowed"
    assert await stand.bet(PROFESSIONAL, cherry_hill, account="u2") == "accepted"
    at_the_river = await stand.verify({"lat": 39.9450, "lon": -75.1250, "state": "US-NJ"}, "u3")
    assert (at_the_river.status_code, at_the_river.json()["code"]) == (403, "geo_undetermined")
    assert " m " not in at_the_river.text
    kept = await stand.database.row("SELECT location, bet FROM bets.bet WHERE owner = 'u1'")
    used = await stand.database.row("SELECT subject, jurisdiction, lat FROM location.decision WHERE kind = 'bet'")
    assert kept is not None
    assert used is not None
    assert (used["subject"], used["jurisdiction"], float(used["lat"])) == (kept["bet"], "US-PA", 39.95)
    for name in ("token_hash", "lat", "lon", "accuracy_m", "border_m", "boundaries", "rules"):
        assert f'"{name}"' in kept["location"]


async def test_without_a_receipt_of_ones_own_no_money_moves_but_replays_and_reads_go_on(stand: Stand) -> None:
    before = await counts(stand.database)
    receipt = await stand.receipt(PHILADELPHIA)
    assert await stand.bet(PROFESSIONAL, None) == "geo_no_receipt"
    assert await stand.bet(PROFESSIONAL, "g1.k1.AAAA") == "geo_no_receipt"
    assert await stand.bet(PROFESSIONAL, receipt, account="u2") == "geo_not_yours"
    assert await stand.bet(PROFESSIONAL, receipt, session_id="another") == "geo_not_yours"
    assert await stand.bet(PROFESSIONAL, receipt, device_id="another") == "geo_not_yours"
    for path in ("deposits", "withdrawals"):
        said = await stand.worker.post(f"/v1/wallet/{path}", {"amount": "1.00", "currency": "USD"}, **WHO)
        assert (said.status_code, said.json()["code"]) == (403, "geo_no_receipt")
    assert await counts(stand.database) == before
    body = {"amount": "1.00", "currency": "USD", "geo": receipt}
    for path in ("deposits", "withdrawals"):
        assert (await stand.worker.post(f"/v1/wallet/{path}", body, **WHO)).status_code == 201
    key = a_key()
    first = await stand.worker.place(stand.worker.bet(PROFESSIONAL, geo=receipt), key=key, **WHO)
    again = await stand.worker.place(stand.worker.bet(PROFESSIONAL, geo=None), key=key)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert (await stand.worker.get("/v1/bets"))["items"] == [first.json()]


async def test_another_network_needs_another_check(stand: Stand) -> None:
    locations = stand.worker.service.placing.locations
    receipt = await stand.receipt(PHILADELPHIA)
    who = replace(principal("u1"), device=CLAIMANT.device, session=CLAIMANT.session)
    at = stand.worker.service.placing.now()
    for address, code in (("198.51.100.7", "geo_network_changed"), ("", "geo_network_changed")):
        with pytest.raises(MoneyRefused) as refusal:
            await locations.check(receipt, who, address, at)
        assert refusal.value.code == code


RACES = {
    "geo_superseded": "UPDATE location.standing SET receipt = gen_random_uuid()",
    "expired": "UPDATE location.standing SET expires = clock_timestamp()",
    "excluded": "INSERT INTO protection.exclusion VALUES ('u1', 'time_out', now(), now() + interval '1 day')",
}


@pytest.mark.parametrize("what", RACES)
async def test_what_changes_between_check_and_commit_places_no_bet(stand: Stand, what: str) -> None:
    receipt = await stand.receipt(PHILADELPHIA)
    before = await counts(stand.database)
    async with stand.database.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM money.wallet FOR UPDATE")
        placing = asyncio.create_task(stand.bet(PROFESSIONAL, receipt))
        await until(lambda: waits_for_a_lock(stand.database))
        await connection.execute(RACES[what])
    assert await placing == {"expired": "geo_superseded"}.get(what, what)
    assert await counts(stand.database) == before


async def test_bad_bodies_and_nobody_are_refused_and_nothing_is_verified_without_a_database(stand: Stand) -> None:
    for body in (b"", b"{}", b'{"packet":1}', b'{"packet":"' + b"x" * 9_000 + b'"}'):
        assert (await stand.worker.post("/v1/geo/verifications", body)).json()["code"] == "bad_body"
    said = await stand.worker.client.post("/v1/geo/verifications", json={"packet": "x"})
    assert said.status_code == 401
    assert (await stand.worker.post("/v1/geo/verifications", {"packet": "x"})).json()["code"] == "geo_bad_packet"
    stand.worker.odds.gateway.places = None
    assert (await stand.verify(PHILADELPHIA)).json()["code"] == "geo_unavailable"
