"""Exclusions: nothing is placed, accepted or brought in after one, wherever it comes between; what stays possible."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from fanout.contract.revocation import REVOKED, decode_revocation
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.coordination import Unavailable
from gateway.access.principal import Plan, Principal
from gateway.api.accounts import revoke
from gateway.bets.service import utc_now
from gateway.money.refusals import MoneyRefused
from gateway.protection.revoking import Revoking
from gateway.protection.tables import ProtectionTables
from gateway.store.pool import Database
from tests.gateway.bets.worker import Worker, a_key, fund, one_postgres, until
from tests.gateway.protection.account import WAITING, nothing_came_after, time_out

pytestmark = one_postgres

DAY = timedelta(days=1)


class Interrupted(Database):
    """A pool of which one moment, before or after a statement, is somebody else's first."""

    def __init__(self, inner: Database, at: int, interrupt: Callable[[], Awaitable[object]]) -> None:
        super().__init__(inner._pool, inner._where)
        self.passed = 0
        self._at = at
        self._interrupt = interrupt

    async def row(self, sql: str, *values: object) -> Any:
        """See Database."""
        return await self._around(lambda: super(Interrupted, self).row(sql, *values))

    async def fetch(self, sql: str, *values: object) -> Any:
        """See Database."""
        return await self._around(lambda: super(Interrupted, self).fetch(sql, *values))

    async def _around(self, call: Callable[[], Awaitable[Any]]) -> Any:
        await self._point()
        answer = await call()
        await self._point()
        return answer

    async def _point(self) -> None:
        here, self.passed = self.passed, self.passed + 1
        if here == self._at:
            await self._interrupt()


async def decided(worker: Worker, money: Database) -> None:
    """Until nothing waits any more."""

    async def nothing_waits() -> bool:
        worker.fresh()
        await worker.service.accepting.look()
        return not await money.fetch(WAITING)

    await until(nothing_waits)


async def placed_and_excluded(money: Database, owner: str, at: int) -> tuple[int, str]:
    """A bet that waits and is decided, and an exclusion at one moment of it. How many there are; what became of it."""
    tables = ProtectionTables(money)

    async def exclude() -> None:
        await tables.exclude(owner, "self_exclusion", until=None, by="test", at=utc_now())

    await fund(money, owner, 10_000)
    database = Interrupted(money, at, exclude)
    worker = Worker(database, in_play_delay_s=0.001)
    async with worker.client:
        said = await worker.place(worker.bet("M1"), account=owner)
        if said.status_code == 201:
            await decided(worker, money)
            bets = await worker.get("/v1/bets", owner)
            return database.passed, bets["items"][0]["state"]
        await worker.service.once.finish()
        return database.passed, said.json()["code"]


async def test_at_whatever_moment_of_a_bet_it_comes_nothing_comes_after_it(money: Database) -> None:
    moments, state = await placed_and_excluded(money, "free", -1)
    assert state == "accepted"
    became = [(await placed_and_excluded(money, f"at-{at}", at))[1] for at in range(moments)]
    assert became[0] == "excluded"
    assert became[-1] == "accepted"
    assert "refused" in became
    assert became == sorted(became, key=["excluded", "refused", "accepted"].index)
    await nothing_came_after(money)


async def test_at_random_moments_of_many_accounts_nothing_comes_after_it(money: Database) -> None:
    chance = random.Random(11)
    async with AsyncExitStack() as stack:
        workers = [Worker(money, in_play_delay_s=0.001, duplicate_s=0, running_max=100) for _ in range(2)]
        for worker in workers:
            await stack.enter_async_context(worker.client)
            stack.push_async_callback(worker.service.once.finish)
        owners = [f"r-{n}" for n in range(40)]
        for owner in owners:
            await fund(money, owner, 10_000)

        async def acts(owner: str, delay_s: float) -> None:
            await asyncio.sleep(delay_s)
            worker = workers[hash(owner) % 2]
            deposit = {"amount": "1.00", "currency": "USD"}
            await asyncio.gather(
                worker.place(worker.bet("M1", stake="1.00"), account=owner),
                worker.place(worker.bet("M2", stake="1.01"), account=owner),
                worker.post("/v1/wallet/deposits", deposit, account=owner),
            )
            await worker.service.accepting.look()

        async def excludes(owner: str, delay_s: float) -> None:
            await asyncio.sleep(delay_s)
            await time_out(workers[0], account=owner)

        await asyncio.gather(
            *(acts(owner, chance.uniform(0, 1)) for owner in owners),
            *(excludes(owner, chance.uniform(0, 1.5)) for owner in owners),
        )
        await decided(workers[1], money)
    await nothing_came_after(money)
    states = await money.fetch("SELECT DISTINCT state FROM bets.bet")
    assert {row["state"] for row in states} >= {"accepted"}


async def test_who_is_excluded_may_take_out_what_is_his_and_nothing_else(worker: Worker, money: Database) -> None:
    await worker.deposit()
    bet = (await worker.place()).json()
    said = await time_out(worker, 24)
    for path, body in (("/v1/bets", worker.bet("M1")), ("/v1/wallet/deposits", {"amount": "1.00", "currency": "USD"})):
        refused = await worker.post(path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "excluded")
        assert refused.json()["until"] == said["until"]
    assert (await worker.get("/v1/account/limits"))["exclusions"] == [said]
    offer = await worker.get(f"/v1/bets/{bet['id']}/cash-out")
    assert (await worker.post(f"/v1/bets/{bet['id']}/cash-out", {"offer": offer["offer"]})).status_code == 201
    out = await worker.post("/v1/wallet/withdrawals", {"amount": "999.50", "currency": "USD"})
    assert out.status_code == 201
    told = await money.fetch("SELECT kind FROM money.outbox ORDER BY seq")
    assert [row["kind"] for row in told] == ["balance", "bet_placed", "limit", "cash_out", "balance"]


async def test_where_the_house_says_so_who_is_excluded_does_not_cash_out(money: Database) -> None:
    worker = Worker(money, cash_out_while_excluded=False)
    async with worker.client:
        await worker.deposit()
        bet = (await worker.place()).json()
        offer = await worker.get(f"/v1/bets/{bet['id']}/cash-out")
        await time_out(worker)
        said = await worker.post(f"/v1/bets/{bet['id']}/cash-out", {"offer": offer["offer"]})
        assert (said.status_code, said.json()["code"]) == (403, "excluded")
        assert said.json()["until"] is not None
        await worker.service.once.finish()


async def test_it_is_over_when_it_is_over(worker: Worker, money: Database) -> None:
    await worker.deposit()
    tables = ProtectionTables(money)
    ends = utc_now() + timedelta(seconds=0.5)
    await tables.exclude("u1", "time_out", until=ends, by="test", at=utc_now() - DAY)
    key, body = a_key(), worker.bet()
    assert (await worker.place(body, key=key)).json()["code"] == "excluded"

    async def over() -> bool:
        return not await tables.exclusions("u1", utc_now())

    await until(over)
    assert (await worker.place(body, key=key)).status_code == 201


async def test_no_exclusion_is_ever_shortened(worker: Worker, money: Database) -> None:
    longer = await time_out(worker, 48)
    assert (await time_out(worker, 1))["until"] == longer["until"]
    assert (await worker.post("/v1/account/self-exclusion", {"days": 30})).json()["code"] == "bad_body"
    assert (await worker.post("/v1/account/self-exclusion", {})).json()["code"] == "bad_body"
    assert (await worker.post("/v1/account/time-outs", {"hours": 2_000})).json()["code"] == "bad_body"
    year = (await worker.post("/v1/account/self-exclusion", {"days": 365})).json()
    half = (await worker.post("/v1/account/self-exclusion", {"days": 180})).json()
    assert half["until"] == year["until"]
    for_ever = (await worker.post("/v1/account/self-exclusion", {"days": None})).json()
    assert for_ever["until"] is None
    assert (await worker.post("/v1/account/self-exclusion", {"days": 365})).json()["until"] is None
    refused = await worker.post("/v1/wallet/deposits", {"amount": "1.00", "currency": "USD"})
    assert (refused.json()["code"], refused.json()["until"]) == ("excluded", None)
    for sql in (
        "UPDATE protection.exclusion SET until = now() + interval '1 hour' WHERE kind = 'time_out'",
        "UPDATE protection.exclusion SET until = now() + interval '9 years' WHERE kind = 'self_exclusion'",
        "UPDATE protection.exclusion SET owner = 'u2'",
        "DELETE FROM protection.exclusion",
        "UPDATE protection.trail SET by = 'nobody'",
        "DELETE FROM money.movement",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await money.execute(sql)


async def test_tickets_are_taken_back_by_whoever_looks_first_until_it_is_done(money: Database) -> None:
    tables = ProtectionTables(money)
    taken: list[str] = []
    away = True

    async def revoke(account: str) -> None:
        if away:
            raise Unavailable("away on purpose")
        taken.append(account)

    first, second = (Revoking(tables, revoke, utc_now) for _ in range(2))
    await tables.exclude("u1", "time_out", until=utc_now() + DAY, by="test", at=utc_now())
    with pytest.raises(Unavailable):
        await first.look()
    running = asyncio.create_task(second.run())
    away = False

    async def done() -> bool:
        return taken == ["u1"] and not await tables.to_revoke(limit=1)

    await until(done)
    assert await first.look() == 0
    await tables.exclude("u2", "self_exclusion", until=None, by="test", at=utc_now())
    second.soon()
    await until(lambda: _are(taken, ["u1", "u2"]))
    running.cancel()


async def _are(taken: list[str], wanted: list[str]) -> bool:
    return taken == wanted


async def test_the_gateway_writes_the_revocation_and_gives_no_ticket(worker: Worker, money: Database) -> None:
    gateway = worker.odds.gateway
    gateway._coordination = coordination = MemoryCoordination()
    await time_out(worker)
    with pytest.raises(MoneyRefused) as refusal:
        await gateway.streams.refuse_excluded(_who("u1"))
    assert refusal.value.code == "excluded"
    assert datetime.fromisoformat(str(refusal.value.more["until"])) > utc_now()
    await gateway.streams.refuse_excluded(_who("u2"))
    await gateway.streams.refuse_excluded(None)
    await revoke(coordination, gateway._publish, "u1")
    [record] = await coordination.scan(REVOKED)
    assert decode_revocation(record.value).account == "u1"
    worker.service.protection = ProtectionTables(_Away(money))
    await gateway.streams.refuse_excluded(_who("u1"))


class _Away(Database):
    """A database that does not answer."""

    def __init__(self, inner: Database) -> None:
        super().__init__(inner._pool, inner._where)

    async def row(self, sql: str, *values: object) -> Any:
        """See Database."""
        del sql, values
        await asyncio.sleep(60)


def _who(account: str) -> Principal:
    return Principal(subject=f"sub:{account}", account=account, scopes=frozenset({"stream"}), plan=Plan(name="test"))
