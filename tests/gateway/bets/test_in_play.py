"""Bets on live markets wait, and are decided by the odds as they are then; and the result row that ends betting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from gateway.store.pool import Database
from tests.fanout.serving import event, spread
from tests.gateway.bets.worker import Worker, a_key, one_postgres, until, waits_for_a_lock

pytestmark = one_postgres


@pytest.fixture
async def workers(money: Database) -> AsyncIterator[list[Worker]]:
    """Two; none of them decides by itself."""
    async with AsyncExitStack() as stack:
        made = [Worker(money, in_play_delay_s=0.001, duplicate_s=0) for _ in range(2)]
        for worker in made:
            await stack.enter_async_context(worker.client)
            stack.push_async_callback(worker.service.once.finish)
        await made[0].deposit()
        yield made


async def until_decided(worker: Worker) -> None:
    """Its time has come by now, or comes at once."""

    async def decided() -> int:
        worker.fresh()
        await worker.service.accepting.look()
        return worker.service.accepting.decided

    await until(decided)


async def test_a_bet_of_a_worker_that_died_is_decided_by_another(workers: list[Worker]) -> None:
    dead, other = workers
    key = a_key()
    said = await dead.place(dead.bet("M1"), key=key)
    assert (said.status_code, said.json()["state"]) == (201, "pending_acceptance")
    assert (await other.get("/v1/wallet"))["open_stakes"] == "10.00"
    await until_decided(other)
    assert (await other.get(f"/v1/bets/by-key/{key}"))["state"] == "accepted"
    replay = await other.place(other.bet("M1"), key=key)
    assert replay.content == said.content


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (spread("M1", st="suspended"), "market_not_open"),
        (spread("M1", st="closed", gone=True), "market_not_open"),
        (spread("M1", home=-120), "odds_changed"),
        (event("E1", state="ended"), "market_not_open"),
    ],
)
async def test_what_changed_meanwhile_refuses_it_and_gives_the_stake_back(
    changed: object, reason: str, workers: list[Worker]
) -> None:
    worker = workers[0]
    bet = (await worker.place(worker.bet("M1"))).json()
    worker.show(changed)  # type: ignore[arg-type]
    await until_decided(worker)
    decided = await worker.get(f"/v1/bets/{bet['id']}")
    assert (decided["state"], decided["reason"]) == ("refused", reason)
    wallet = await worker.get("/v1/wallet")
    assert (wallet["cash"], wallet["open_stakes"]) == ("1000.00", "0.00")
    assert await worker.service.accepting.look() == 0


async def test_a_price_that_is_still_within_its_policy_is_taken(workers: list[Worker]) -> None:
    worker = workers[0]
    body = worker.bet("M1")
    body["legs"][0]["policy"] = {"within": "0.100"}
    bet = (await worker.place(body)).json()
    worker.show(spread("M1", home=-120))
    await until_decided(worker)
    decided = await worker.get(f"/v1/bets/{bet['id']}")
    assert (decided["state"], decided["legs"][0]["price"]) == ("accepted", "1.909")


async def test_who_cannot_see_the_market_leaves_it_to_another(workers: list[Worker], money: Database) -> None:
    blind, seeing = workers
    key = a_key()
    await blind.place(blind.bet("M1"), key=key)
    for lane in blind.odds.gateway.book.lanes:
        lane.joined = False
    await until(blind.service.accepting.look)
    assert (await seeing.get(f"/v1/bets/by-key/{key}"))["state"] == "pending_acceptance"
    await money.execute("UPDATE bets.bet SET taken_until = NULL")
    await until_decided(seeing)
    assert (await seeing.get(f"/v1/bets/by-key/{key}"))["state"] == "accepted"


RESULT = """
INSERT INTO bets.result (market, event, revision) VALUES ('M1', 'E1', 1), ('M2', 'E2', 1)
ON CONFLICT (market) DO UPDATE SET revision = 1
"""


async def test_a_bet_that_meets_the_result_waits_for_it_and_is_refused_for_good(
    workers: list[Worker], money: Database
) -> None:
    worker = workers[0]
    first = await worker.place(worker.bet("M2"))
    key, body = a_key(), worker.bet("M1", "M2")
    async with money.connection() as connection:
        async with connection.transaction():
            await connection.execute(RESULT)
            asking = asyncio.create_task(worker.place(body, key=key))
            await until(lambda: waits_for_a_lock(money))
            assert not asking.done()
        said = await asking
    assert (said.status_code, said.json()["code"]) == (409, "market_not_open")
    await money.execute("UPDATE bets.result SET revision = 0")
    worker.service.finals._held.clear()
    again = await worker.place(body, key=key)
    assert (again.status_code, again.content) == (409, said.content)
    assert again.headers["content-type"] == "application/problem+json"
    kept = await worker.get(f"/v1/bets/by-key/{key}")
    assert (kept["state"], kept["reason"]) == ("refused", "market_not_open")
    assert (await worker.get("/v1/wallet"))["open_stakes"] == "10.00"
    assert (await worker.get(f"/v1/bets/{first.json()['id']}"))["state"] == "accepted"


async def test_a_result_that_came_while_a_bet_waited_refuses_it(workers: list[Worker], money: Database) -> None:
    worker = workers[0]
    bet = (await worker.place(worker.bet("M1"))).json()
    await money.execute(RESULT)
    await until_decided(worker)
    assert (await worker.get(f"/v1/bets/{bet['id']}"))["state"] == "refused"
    assert (await worker.get("/v1/wallet"))["cash"] == "1000.00"
