"""Limits: what counts against them, when they change, and that they hold however much comes at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import orjson
import pytest

from gateway.store.pool import Database
from tests.gateway.bets.worker import Worker, a_key, counts, fund, one_postgres
from tests.gateway.protection.account import Clock, limited, put_limit

pytestmark = one_postgres

AT_ONCE = 50


@pytest.fixture
async def workers(money: Database) -> AsyncIterator[list[Worker]]:
    """Two, of which each lets one account do as much as it likes."""
    async with AsyncExitStack() as stack:
        made = [Worker(money, duplicate_s=0, running_max=100) for _ in range(2)]
        for worker in made:
            await stack.enter_async_context(worker.client)
            stack.push_async_callback(worker.service.once.finish)
        yield made


@pytest.mark.parametrize(("kind", "period"), [("stake", "day"), ("loss", "month")])
async def test_limits_hold_under_fifty_bets_at_once(
    kind: str, period: str, workers: list[Worker], money: Database
) -> None:
    await fund(money, "u1", 100_000)
    await limited(workers[0], kind, period, "100.00")
    bodies = [workers[n % 2].bet(stake="9.00") for n in range(AT_ONCE)]
    said = await asyncio.gather(*(workers[n % 2].place(body) for n, body in enumerate(bodies)))
    assert Counter(one.status_code for one in said) == {201: 11, 409: AT_ONCE - 11}
    refused = {(one.json()["code"], one.json()["limit"], one.json()["period"]) for one in said if one.is_error}
    assert refused == {("limit_exceeded", kind, period)}
    assert (await workers[0].get("/v1/wallet"))["open_stakes"] == "99.00"
    assert (await workers[1].get("/v1/account/limits"))["items"][0]["left"] == "1.00"
    assert (await workers[1].place(workers[1].bet(stake="1.00"))).status_code == 201


async def test_limits_hold_under_fifty_deposits_at_once_the_first_among_them(workers: list[Worker]) -> None:
    await limited(workers[0], "deposit", "week", "100.00")
    body = {"amount": "9.00", "currency": "USD"}
    said = await asyncio.gather(*(workers[n % 2].post("/v1/wallet/deposits", body) for n in range(AT_ONCE)))
    assert Counter(one.status_code for one in said) == {201: 11, 409: AT_ONCE - 11}
    assert {(one.json()["limit"], one.json()["period"]) for one in said if one.is_error} == {("deposit", "week")}
    assert (await workers[0].get("/v1/wallet"))["cash"] == "99.00"
    out = await workers[0].post("/v1/wallet/withdrawals", {"amount": "50.00", "currency": "USD"})
    assert out.status_code == 201
    assert (await workers[1].post("/v1/wallet/deposits", body)).status_code == 409


async def test_a_deposit_meets_a_limit_that_is_lowered_meanwhile_or_is_before_it(
    workers: list[Worker], money: Database
) -> None:
    """Of an account that never had money, too, whose wallet nobody can lock."""

    async def race(account: str) -> None:
        body = {"amount": "9.00", "currency": "USD"}
        put, said = await asyncio.gather(
            put_limit(workers[0], "deposit", "day", "0", account),
            workers[1].post("/v1/wallet/deposits", body, account=account),
        )
        assert put.status_code == 200
        assert said.status_code in (201, 409)
        assert (await workers[1].post("/v1/wallet/deposits", body, account=account)).status_code == 409

    await asyncio.gather(*(race(f"new-{n}") for n in range(30)))
    late = await money.fetch(
        "SELECT FROM protection.trail INNER JOIN money.outbox AS told ON told.owner = trail.owner"
        " WHERE told.kind = 'balance' AND EXISTS (SELECT FROM money.outbox AS before"
        " WHERE before.owner = told.owner AND before.kind = 'limit' AND before.seq < told.seq)"
    )
    assert late == []


async def test_lower_is_at_once_and_higher_after_a_day_by_the_clock(worker: Worker, money: Database) -> None:
    clock = Clock(worker)
    await worker.deposit()
    assert (await limited(worker, "stake", "day", "20.00"))["amount"] == "20.00"
    assert (await limited(worker, "stake", "day", "10.00"))["amount"] == "10.00"
    raised = await limited(worker, "stake", "day", "50.00")
    assert (raised["amount"], raised["pending"]["amount"]) == ("10.00", "50.00")
    clock.ahead = timedelta(hours=12)
    assert (await limited(worker, "stake", "day", "50.00"))["pending"] == raised["pending"]  # no new wait
    clock.ahead = timedelta(hours=23, minutes=59)
    assert (await worker.place(worker.bet(stake="10.01"))).json()["code"] == "limit_exceeded"
    clock.ahead = timedelta(hours=24, seconds=5)
    assert (await worker.place(worker.bet(stake="10.01"))).status_code == 201
    now = (await worker.get("/v1/account/limits"))["items"][0]
    assert (now["amount"], now["pending"], now["used"]) == ("50.00", None, "10.01")
    gone = await limited(worker, "stake", "day", None)
    assert (gone["amount"], gone["pending"]["amount"]) == ("50.00", None)
    clock.ahead = timedelta(hours=49)
    assert (await worker.place(worker.bet(stake="100.00"))).status_code == 201
    assert (await worker.get("/v1/account/limits"))["items"][0]["amount"] is None
    told = await money.fetch("SELECT data FROM money.outbox WHERE kind = 'limit' ORDER BY seq")
    assert [orjson.loads(row["data"])["pending_amount"] for row in told] == [None, None, 5_000, 5_000, None]
    trail = await money.fetch("SELECT what, by FROM protection.trail")
    assert {tuple(row) for row in trail} == {("limit", "self")}
    assert len(trail) == 5


async def test_a_raise_is_given_up_by_what_takes_its_place(worker: Worker) -> None:
    clock = Clock(worker)
    await worker.deposit()
    await limited(worker, "stake", "bet", "10.00")
    await limited(worker, "stake", "bet", "90.00")
    kept = await limited(worker, "stake", "bet", "10.00")
    assert (kept["amount"], kept["pending"]) == ("10.00", None)
    clock.ahead = timedelta(days=3)
    assert (await worker.place(worker.bet(stake="10.01"))).json()["period"] == "bet"
    assert (await worker.place(worker.bet(stake="10.00"))).status_code == 201
    assert (await worker.place(worker.bet(stake="9.99"))).status_code == 201


async def test_periods_roll(worker: Worker) -> None:
    clock = Clock(worker)
    await worker.deposit()
    for period, amount in (("day", "10.00"), ("week", "20.00"), ("month", "30.00")):
        await limited(worker, "stake", period, amount)
    refused: list[Any] = []
    for day in (0, 1, 2, 3, 8, 9, 31):
        clock.ahead = timedelta(days=day, minutes=day)
        said = await worker.place(worker.bet(stake="10.00"))
        again = await worker.place(worker.bet(stake="0.10", confirm_duplicate=True))
        refused.append((said.status_code, said.json().get("period"), again.json().get("period")))
    assert refused == [
        (201, None, "day"),
        (201, None, "day"),
        (409, "week", "week"),
        (409, "week", "week"),
        (201, None, "day"),
        (409, "month", "month"),
        (201, None, "day"),
    ]


async def test_a_loss_is_what_bets_have_not_paid_back(worker: Worker, money: Database) -> None:
    await worker.deposit()
    await limited(worker, "loss", "day", "20.00")
    first = (await worker.place(worker.bet(stake="20.00"))).json()
    assert (await worker.place(worker.bet(stake="0.10"))).json()["limit"] == "loss"
    offer = await worker.get(f"/v1/bets/{first['id']}/cash-out")
    taken = await worker.post(f"/v1/bets/{first['id']}/cash-out", {"offer": offer["offer"], "stake": "10.00"})
    assert taken.json()["amount"] == "9.50"
    assert (await worker.get("/v1/account/limits"))["items"][0]["left"] == "9.50"
    assert (await worker.place(worker.bet("M1", stake="9.51"))).json()["code"] == "limit_exceeded"
    assert (await worker.place(worker.bet("M1", stake="9.50"))).status_code == 201
    activity = await worker.get("/v1/account/activity")
    assert {name: activity[name] for name in ("bets", "deposited", "staked", "paid", "open_stakes", "net")} == {
        "bets": 2,
        "deposited": "1000.00",
        "staked": "29.50",
        "paid": "9.50",
        "open_stakes": "19.50",
        "net": "-0.50",
    }
    since = activity["until"]
    assert (await worker.get(f"/v1/account/activity?since={since}"))["bets"] == 0


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("deposit/bet", {"amount": "1.00", "currency": "USD"}, 404, "not_found"),
        ("stake/year", {"amount": "1.00", "currency": "USD"}, 404, "not_found"),
        ("stake/day", {"amount": "1.005", "currency": "USD"}, 400, "bad_body"),
        ("stake/day", {"amount": "1.00", "currency": "XXX"}, 400, "bad_body"),
        ("stake/day", {"amount": None, "currency": "XXX"}, 400, "bad_body"),
        ("stake/day", {"amount": "-1.00", "currency": "USD"}, 400, "bad_body"),
        ("stake/day", {"currency": "USD"}, 400, "bad_body"),
        ("stake/day", {"amount": "1.00", "currency": "EUR"}, 409, "wrong_currency"),
    ],
)
async def test_what_is_no_limit_changes_nothing(
    path: str, body: dict[str, Any], status: int, code: str, worker: Worker, money: Database
) -> None:
    await worker.deposit()
    before = await counts(money)
    said = await worker.client.put(
        f"/v1/account/limits/{path}", content=orjson.dumps(body), headers={"x-account": "u1"}
    )
    assert (said.status_code, said.json()["code"]) == (status, code)
    assert await counts(money) == before
    assert await money.fetch("SELECT FROM protection.allowance") == []


async def test_who_set_a_limit_in_one_currency_brings_in_no_other(worker: Worker) -> None:
    await limited(worker, "deposit", "day", "10.00")
    key = a_key()
    said = await worker.post("/v1/wallet/deposits", {"amount": "5.00", "currency": "EUR"}, key=key)
    assert said.json()["code"] == "wrong_currency"
    said = await worker.post("/v1/wallet/deposits", {"amount": "5.00", "currency": "USD"}, key=key)
    assert said.status_code == 201
