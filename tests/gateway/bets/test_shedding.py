"""Who is turned away where there is too much to do, in DOMAIN.md's order; bets and replays are the last that work."""

from __future__ import annotations

import asyncio

import pytest

from gateway.store.pool import Database
from tests.gateway.bets.worker import SLOTS, Worker, a_key, fund, one_postgres, until, waits_for_a_lock

pytestmark = one_postgres

READS = {
    "history": "/v1/markets/M2/history",
    "boards": "/v1/events/E2/markets",
    "streams": "/v1/stream/endpoint",
    "status": "/v1/bets",
}
"""One of each kind, in the order in which they are turned away."""


async def shed(worker: Worker) -> set[str]:
    """What is turned away at this moment."""
    answers = {}
    for what, path in READS.items():
        answers[what] = await worker.client.get(path, headers={"x-account": "u1"} if what == "status" else {})
    turned_away = {what for what, said in answers.items() if "overloaded" in said.text}
    assert all(answers[what].headers["retry-after"] for what in turned_away)
    return turned_away


@pytest.mark.parametrize(
    ("delay_s", "expected"),
    [
        (0.05, set()),
        (0.15, {"history"}),
        (0.21, {"history", "boards"}),
        (0.23, {"history", "boards", "streams"}),
        (9.0, {"history", "boards", "streams", "status"}),
    ],
)
async def test_the_least_important_goes_first_and_bets_never(
    delay_s: float, expected: set[str], worker: Worker
) -> None:
    await worker.deposit()
    key = a_key()
    first = await worker.place(key=key)
    now_s, pressure = 100.0, worker.odds.gateway.pressure
    pressure._clock = lambda: now_s
    pressure.come_round()
    now_s += delay_s + 0.01
    assert await shed(worker) == expected
    assert {what for what, times in pressure.shed.items() if times} == expected
    replayed = await worker.place(key=key)
    assert (replayed.status_code, replayed.content) == (201, first.content)
    assert (await worker.place(worker.bet(stake="11.00"))).status_code == 201
    metrics = (await worker.client.get("/metrics")).text
    for what in READS:
        assert f'oddswire_gateway_shed_total{{what="{what}"}} {float(what in expected)}' in metrics


async def test_a_slow_database_is_asked_for_bets_when_for_nothing_else(worker: Worker, money: Database) -> None:
    owners = [f"u{number}" for number in range(SLOTS + 1)]
    for owner in owners:
        await fund(money, owner, 100_000)
    gate = worker.service.gate
    async with money.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM money.wallet FOR UPDATE")
        betting = [asyncio.create_task(worker.place(account=owner)) for owner in owners[:-1]]
        await until(lambda: waits_for_a_lock(money))
        async with asyncio.timeout(10):
            while gate.passed < SLOTS:  # noqa: ASYNC110 the gate knows of no waiting
                await asyncio.sleep(0.005)
        gate._took_s = 0.15 * SLOTS
        pressure = worker.odds.gateway.pressure
        assert pressure.sheds("history")
        assert not pressure.sheds("status")
        gate._took_s = 0.25 * SLOTS
        assert await shed(worker) == {"history", "status"}
        last = asyncio.create_task(worker.place(account=owners[-1]))
        await asyncio.sleep(0)
    assert [said.status_code for said in await asyncio.gather(*betting, last)] == [201] * (SLOTS + 1)
    assert (gate.shed, await shed(worker)) == (0, set())
    metrics = (await worker.client.get("/metrics")).text
    assert f"oddswire_gateway_money_statements_total {float(gate.passed)}" in metrics
    assert "oddswire_gateway_money_shed_total 0.0" in metrics
    assert "oddswire_gateway_claims_unanswered_total 0.0" in metrics
    assert "oddswire_gateway_bets_decided_total 0.0" in metrics
