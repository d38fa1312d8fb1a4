"""Between check and commit: whatever takes a place, or the right to bet, away there takes the bet with it (B5).

Placing is stopped twice: after its check, before the statement, and within the statement, at the wallet's lock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

import pytest

from gateway.bets.service import utc_now
from gateway.bets.tables import BetTables, Order
from gateway.location.policy import STATIC_S
from gateway.money.tables import Outcome
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import PATIENCE_S, counts, one_postgres, until, waits_for_a_lock
from tests.gateway.location.stand import (
    ELSEWHERE,
    FROM_ELSEWHERE,
    PHILADELPHIA,
    PROFESSIONAL,
    RIVER,
    Stand,
    standing,
)

pytestmark = one_postgres


class Stopping(BetTables):
    """Stops every bet before its statement."""

    def __init__(self, tables: BetTables, database: Database) -> None:
        super().__init__(database, tables._exposures)
        self.came, self.go_on = asyncio.Event(), asyncio.Event()

    async def place(self, order: Order) -> Outcome:
        """Once it may go on."""
        self.came.set()
        await self.go_on.wait()
        return await super().place(order)


@asynccontextmanager
async def before_the_statement(stand: Stand, placing: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    service = stand.worker.service
    whole = service.placing
    stopping = Stopping(whole.tables, stand.database)
    service.placing = whole._replace(tables=stopping)
    await placing()
    async with asyncio.timeout(PATIENCE_S):
        await stopping.came.wait()
    yield
    stopping.go_on.set()
    service.placing = whole


@asynccontextmanager
async def at_the_lock(stand: Stand, placing: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    async with stand.database.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM money.wallet FOR UPDATE")
        await placing()
        await until(lambda: waits_for_a_lock(stand.database))
        yield


async def checked_again(stand: Stand, account: str) -> None:
    assert (await stand.verify(PHILADELPHIA, account)).status_code == 201


async def checked_on_another_network(stand: Stand, account: str) -> None:
    said = await stand.verify(PHILADELPHIA, account, headers=FROM_ELSEWHERE, net=ELSEWHERE)
    assert said.status_code == 201


async def came_by_another_network(stand: Stand, account: str) -> None:
    said = await stand.verify(PHILADELPHIA, account, headers=FROM_ELSEWHERE)
    assert said.json()["code"] == "geo_network_changed"


async def went_to_the_river(stand: Stand, account: str) -> None:
    said = await stand.verify({**RIVER, "accuracy_m": 200.0}, account)
    assert said.json()["code"] in ("geo_undetermined", "geo_jumped")


async def was_mocked(stand: Stand, account: str) -> None:
    flags = dict.fromkeys(("mocked", "rooted", "proxy", "remote_desktop", "jumped"), False) | {"mocked": True}
    assert (await stand.verify(PHILADELPHIA, account, flags=flags)).json()["code"] == "geo_mocked"


async def expired(stand: Stand, account: str) -> None:
    over = "SELECT FROM location.standing WHERE account = $1 AND expires <= clock_timestamp()"
    await until(lambda: stand.database.fetch(over, account))


async def excluded(stand: Stand, account: str) -> None:
    """By the account's own wish: the wallet's row is locked for it, as for everything else about an account."""
    wish = "UPDATE money.wallet SET excluded_until = clock_timestamp() + interval '1 day' WHERE owner = $1"
    await stand.database.execute(wish, account)


class Change(NamedTuple):
    """What happens meanwhile, and what the bet is refused for."""

    happens: Callable[[Stand, str], Awaitable[None]]
    code: str


CHANGES: Mapping[str, Change] = {
    "again": Change(checked_again, "geo_superseded"),
    "network": Change(checked_on_another_network, "geo_superseded"),
    "unseen": Change(came_by_another_network, "geo_superseded"),
    "river": Change(went_to_the_river, "geo_superseded"),
    "mocked": Change(was_mocked, "geo_superseded"),
    "expires": Change(expired, "geo_expired"),
    "excluded": Change(excluded, "excluded"),
}


def late_in_its_life(stand: Stand) -> None:
    """The worker's clocks go so slow that a receipt given now is over within a second, by the database's clock."""
    behind_s = STATIC_S - 1.0
    stand.clock.behind_s = behind_s
    service = stand.worker.service
    service.placing = service.placing._replace(now=lambda: utc_now() - timedelta(seconds=behind_s))


@pytest.mark.parametrize("stopped", [before_the_statement, at_the_lock], ids=lambda stopped: stopped.__name__)
async def test_what_changes_between_check_and_commit_places_no_bet(
    settings: DatabaseSettings,
    stopped: Callable[[Stand, Callable[[], Awaitable[None]]], contextlib.AbstractAsyncContextManager[None]],
) -> None:
    async with standing(settings, *CHANGES) as stand:
        for account, change in sorted(CHANGES.items(), key=lambda item: item[0] == "expires"):
            if stopped is at_the_lock and change.code == "excluded":
                continue  # it waits for the same lock: see the next test
            if change.code == "geo_expired":
                late_in_its_life(stand)
            receipt = await stand.receipt(PHILADELPHIA, account)
            before = await counts(stand.database)
            bets: list[asyncio.Task[str]] = []

            async def place(
                account: str = account, receipt: str = receipt, bets: list[asyncio.Task[str]] = bets
            ) -> None:
                bets.append(asyncio.create_task(stand.bet(PROFESSIONAL, receipt, account=account)))

            async with stopped(stand, place):
                await change.happens(stand, account)
            assert (account, await bets[0]) == (account, change.code)
            assert await counts(stand.database) == before
            if change.code.startswith("geo_"):
                assert (await stand.noted(account, change.code))["jurisdiction"] == "US-PA"


async def test_who_excludes_himself_while_his_bet_waits_for_the_wallet_places_none(settings: DatabaseSettings) -> None:
    async with standing(settings, "u1") as stand:
        receipt = await stand.receipt(PHILADELPHIA)
        before = await counts(stand.database)
        async with stand.database.connection() as connection, connection.transaction():
            await connection.execute("UPDATE money.wallet SET excluded_until = clock_timestamp() + interval '1 day'")
            placing = asyncio.create_task(stand.bet(PROFESSIONAL, receipt))
            await until(lambda: waits_for_a_lock(stand.database))
        assert await placing == "excluded"
        assert await counts(stand.database) == before
