"""Who is turned away where there is too much to do, in DOMAIN.md's order; bets and replays are the last that work."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.gateway.bets.worker import SLOTS, Worker, a_key, one_postgres

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


async def test_a_slow_database_is_asked_for_bets_when_for_nothing_else(worker: Worker) -> None:
    await worker.deposit()
    gate, pressure = worker.service.gate, worker.odds.gateway.pressure
    async with AsyncExitStack() as turns:
        for _ in range(SLOTS):
            await turns.enter_async_context(gate.slot())
        gate._took_s = 0.15 * SLOTS
        assert pressure.sheds("history")
        assert not pressure.sheds("status")
        gate._took_s = 0.245 * SLOTS
        assert await shed(worker) == {"history", "status"}
        betting = asyncio.create_task(worker.place())
        async with asyncio.timeout(10):
            while not gate._waiting:  # noqa: ASYNC110 the gate knows of no waiting
                await asyncio.sleep(0.005)
    assert (await betting).status_code == 201
    assert (gate.shed, await shed(worker)) == (0, set())
    metrics = (await worker.client.get("/metrics")).text
    assert f"oddswire_gateway_money_statements_total {float(gate.passed)}" in metrics
    for counter in ("money_shed", "claims_unanswered", "bets_decided"):
        assert f"oddswire_gateway_{counter}_total 0.0" in metrics
