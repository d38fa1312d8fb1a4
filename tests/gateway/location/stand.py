"""A worker that believes packets, behind a proxy that it trusts, over a real PostgreSQL; and a phone that bets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from feeds.adapters.coordination.memory import MemoryCoordination
from gateway.location.betting import BettingLocations
from gateway.location.desk import LocationDesk
from gateway.location.leagues import read_leagues
from gateway.location.policy import Policy
from gateway.location.record import Recorder
from gateway.location.rules import read_rules
from gateway.location.service import Known, LocationService
from gateway.store.migrations import migrate
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from tests.fanout.serving import event, spread
from tests.gateway.bets.worker import Worker, fund, money_pool, until
from tests.gateway.location.vendor import CLAIMANT, atlas, receipt_keys, vendor, with_

WHO = {"device_id": CLAIMANT.device, "session_id": CLAIMANT.session}
PHILADELPHIA = {"lat": 39.9526, "lon": -75.1652, "state": "US-PA"}
CHERRY_HILL = {"lat": 39.9259, "lon": -75.0196, "state": "US-NJ"}
RIVER = {"lat": 39.9450, "lon": -75.1250, "state": "US-NJ"}
COLLEGE, PROFESSIONAL = "M3", "M2"
HERE, ELSEWHERE = "127.0.0.0/24", "198.51.100.0/24"
FROM_ELSEWHERE = {"x_forwarded_for": "203.0.113.5, 198.51.100.7"}
"""As the proxy writes it behind whatever the phone wrote itself."""


class Clock:
    """The time, so many seconds ago."""

    def __init__(self) -> None:
        self.behind_s = 0.0

    def __call__(self) -> float:
        """Unix seconds."""
        return time.time() - self.behind_s


class Stand:
    """Both. `clock` is the verifier's."""

    def __init__(self, worker: Worker, database: Database, clock: Clock) -> None:
        self.worker = worker
        self.database = database
        self.clock = clock
        self._numbers = 0

    async def verify(
        self, place: Mapping[str, Any], account: str = "u1", *, headers: Mapping[str, str] = {}, **claims: Any
    ) -> httpx.Response:
        """The answer to a packet from there."""
        self._numbers += 1
        now_s = int(self.clock())
        fresh = {"sub": account, "iat": now_s, "exp": now_s + 60, "jti": f"{self._numbers:016d}", "net": HERE}
        packet = vendor().sign(with_(**{**fresh, **place, **claims}))
        said: httpx.Response = await self.worker.post(
            "/v1/geo/verifications", {"packet": packet}, account=account, **WHO, **headers
        )
        return said

    async def receipt(self, place: Mapping[str, Any], account: str = "u1") -> str:
        """The receipt for a packet from there."""
        said = await self.verify(place, account)
        assert said.status_code == 201, said.text
        return str(said.json()["receipt"])

    async def bet(self, market: str, geo: str | None, **how: Any) -> str:
        """`accepted`, or the code of the refusal."""
        said = await self.worker.place(self.worker.bet(market, geo=geo), **{**WHO, **how})
        return "accepted" if said.status_code == 201 else str(said.json()["code"])

    async def noted(self, account: str, outcome: str) -> Any:
        """The one row of a bet that was refused so, once it is written."""

        async def rows() -> object:
            return await self.database.fetch(
                "SELECT * FROM location.decision WHERE kind = 'bet' AND account = $1 AND outcome = $2", account, outcome
            )

        await until(rows)
        [row] = await self.database.fetch(
            "SELECT * FROM location.decision WHERE kind = 'bet' AND account = $1 AND outcome = $2", account, outcome
        )
        assert row["subject"] is None
        return row


@asynccontextmanager
async def standing(settings: DatabaseSettings, *accounts: str) -> AsyncIterator[Stand]:
    """Both, and accounts with money."""
    await migrate(settings)
    async with money_pool(settings) as database, open_database(settings) as beside:
        recorder = Recorder(beside)
        running = asyncio.create_task(recorder.run())
        known = Known(vendor().keys, atlas(), read_rules(), Policy("oddswire"), receipt_keys())
        clock = Clock()
        service = LocationService(known, MemoryCoordination(), recorder, clock=clock)
        locations = BettingLocations(lambda: service, read_leagues(), age=21)
        worker = Worker(database, locations=locations, trusted_proxies="127.0.0.0/8")
        worker.odds.gateway.places = LocationDesk(known, MemoryCoordination())
        worker.odds.gateway.places.service = service
        rutgers = {"home": "Rutgers Scarlet Knights", "away": "Ohio State Buckeyes", "topic": "football.ncaaf.E3"}
        college = spread("M3", event_id="E3", live=False, topic="football.ncaaf.E3")
        worker.show(event("E3", state="upcoming", **rutgers), college)
        async with worker.client:
            for account in accounts:
                await fund(database, account, 100_000)
            yield Stand(worker, database, clock)
            await worker.service.once.finish()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
