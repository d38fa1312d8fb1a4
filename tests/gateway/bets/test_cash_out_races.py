"""Cash-outs that meet each other, a settlement, a result; and processes that die at any await of one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.coordination import Coordination
from gateway.money import journals
from gateway.money.journals import columns
from gateway.store.pool import Database
from tests.gateway.bets.cashing import a_bet, offered, take
from tests.gateway.bets.failing import Crash, FailingCoordination, FailingDatabase, FailingLocations, Points
from tests.gateway.bets.worker import Worker, a_key, fund, one_postgres, until, waits_for_a_lock

pytestmark = one_postgres

RACES = 12


@pytest.fixture
async def workers(money: Database) -> AsyncIterator[list[Worker]]:
    """Two."""
    async with AsyncExitStack() as stack:
        made = [Worker(money, duplicate_s=0, running_max=100) for _ in range(2)]
        for worker in made:
            await stack.enter_async_context(worker.client)
            stack.push_async_callback(worker.service.once.finish)
        yield made


async def test_twenty_of_one_key_over_two_workers_are_one(workers: list[Worker]) -> None:
    await workers[0].deposit()
    bet = await a_bet(workers[0])
    offer, key = (await offered(workers[0], bet))["offer"], a_key()
    said = await asyncio.gather(*(take(workers[n % 2], bet, offer, key=key) for n in range(20)))
    assert {one.status_code for one in said} == {201}
    assert len({one.content for one in said}) == 1
    assert (await workers[0].get("/v1/wallet"))["cash"] == "999.50"


async def test_of_two_keys_one_takes_it_and_of_parts_each_that_still_finds_its_offer(workers: list[Worker]) -> None:
    await workers[0].deposit()
    for _ in range(RACES):
        bet = await a_bet(workers[0])
        offer = (await offered(workers[0], bet))["offer"]
        said = await asyncio.gather(*(take(workers[n % 2], bet, offer) for n in range(4)))
        assert Counter(one.status_code for one in said) == {201: 1, 409: 3}
        bet = await a_bet(workers[0])
        offer = (await offered(workers[0], bet))["offer"]
        said = await asyncio.gather(*(take(workers[n % 2], bet, offer, "5.00") for n in range(4)))
        assert Counter(one.status_code for one in said) == {201: 1, 409: 3}
        [told] = {one.json()["offer"]["stake"] for one in said if one.is_error}
        assert told == "5.00"


async def settle(money: Database, bet: str) -> bool:
    """As a settlement does it: the wallet, the bet, and what is open of it, won at its price. Whether it was it."""
    async with money.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM money.wallet WHERE owner = 'u1' FOR UPDATE")
        row = await connection.fetchrow("SELECT * FROM bets.bet WHERE bet = $1 FOR UPDATE", bet)
        if row["state"] != "accepted":
            return False
        left = row["stake"] - row["cashed_stake"]
        kinds, amounts = columns(journals.post(left, row["potential_payout"]))
        journal = await connection.fetchval(
            "SELECT money.write_journal('u1', 'USD', $1, 'settle', $2, now(), $3, $4)",
            f"bet/{bet}/1",
            bet,
            kinds,
            amounts,
        )
        await connection.execute(
            "UPDATE money.hold SET state = 'posted', resolved = $2 WHERE bet = $1 AND state = 'open'", bet, journal
        )
        await connection.execute(
            "UPDATE bets.bet SET state = 'won', payout = $2, revision = 1 WHERE bet = $1", bet, row["potential_payout"]
        )
        return True


async def test_a_cash_out_and_a_settlement_that_meet_have_one_outcome(workers: list[Worker], money: Database) -> None:
    await workers[0].deposit()
    became: Counter[tuple[str, int]] = Counter()
    for number in range(RACES):
        bet = await a_bet(workers[0])
        offer = (await offered(workers[0], bet))["offer"]

        async def settles(bet: str = bet, late_s: float = 0.002 * number) -> bool:
            await asyncio.sleep(late_s)
            return await settle(money, bet)

        first, second, settled = await asyncio.gather(
            take(workers[0], bet, offer), take(workers[1], bet, offer), settles()
        )
        assert [settled, first.status_code == 201, second.status_code == 201].count(True) == 1
        became[(await workers[0].get(f"/v1/bets/{bet}"))["state"], first.status_code] += 1
    assert sum(became.values()) == RACES


@pytest.mark.parametrize("part", [None, "5.00"])
async def test_who_gets_the_wallet_first_decides(part: str | None, workers: list[Worker], money: Database) -> None:
    await workers[0].deposit()
    bet = await a_bet(workers[0])
    offer = (await offered(workers[0], bet))["offer"]
    async with money.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM money.wallet FOR UPDATE")
        settling = asyncio.create_task(settle(money, bet))
        await until(lambda: _waiting(money, 1))
        taking = asyncio.create_task(take(workers[0], bet, offer, part))
        await until(lambda: _waiting(money, 2))
    assert await settling
    assert (await taking).json()["code"] == "not_cashable"
    bet = await a_bet(workers[0])
    offer = (await offered(workers[0], bet))["offer"]
    async with money.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM money.wallet FOR UPDATE")
        taking = asyncio.create_task(take(workers[0], bet, offer, part))
        await until(lambda: _waiting(money, 1))
        settling = asyncio.create_task(settle(money, bet))
        await until(lambda: _waiting(money, 2))
    assert (await taking).status_code == 201
    assert await settling == (part is not None)
    told = await workers[0].get(f"/v1/bets/{bet}")
    assert (told["state"], told["payout"]) == (("won", "9.54") if part else ("cashed_out", None))


async def _waiting(money: Database, number: int) -> bool:
    row = await money.row("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return row is not None and row[0] == number


async def test_a_result_that_is_being_written_is_waited_for(workers: list[Worker], money: Database) -> None:
    await workers[0].deposit()
    bet = await a_bet(workers[0])
    offer = (await offered(workers[0], bet))["offer"]
    async with money.connection() as connection, connection.transaction():
        await connection.execute("UPDATE bets.result SET revision = 1 WHERE market = 'M2'")
        taking = asyncio.create_task(take(workers[0], bet, offer))
        await until(lambda: waits_for_a_lock(money))
        assert not taking.done()
    assert (await taking).json()["code"] == "market_not_open"
    assert (await workers[0].get("/v1/wallet"))["open_stakes"] == "10.00"


async def test_a_process_that_dies_at_any_await_leaves_one_cash_out(money: Database) -> None:
    calm = Worker(money, duplicate_s=0, cash_out_s=60)
    async with calm.client:

        async def dies(at: int) -> tuple[int, list[str]]:
            owner, key, coordination, points = f"dies-{at}", a_key(), MemoryCoordination(), Points(at, Crash)
            await fund(money, owner, 10_000)
            bet = await a_bet(calm, account=owner)
            offer = (await offered(calm, bet, owner))["offer"]
            worker = Worker(
                FailingDatabase(money, points),
                coordination=cast("Coordination", FailingCoordination(coordination, points)),
                locations=FailingLocations(points),
            )
            async with worker.client:
                died: Any = await take(worker, bet, offer, account=owner, key=key)
                await worker.service.once.finish()
            again = await take(calm, bet, offer, account=owner, key=key)
            assert again.status_code == 201, (points.names, again.text)
            wallet = await calm.get("/v1/wallet", owner)
            assert (wallet["cash"], wallet["open_stakes"]) == ("99.50", "0.00")
            return died.status_code, points.names

        status, names = await dies(-1)
        assert status == 201
        assert "after bets.take_cash_out" in names
        with capture_logs():  # what is unexpected is told with all that is around it, which takes a second each
            said = await asyncio.gather(*(dies(at) for at in range(len(names))))
        assert {status for status, _ in said} <= {201, 500}
        await calm.service.once.finish()
