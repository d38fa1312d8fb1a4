"""Cash-outs and the settler on one bet at once: one outcome, and ledger and results agree afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from feeds.contract.results import Settlement
from gateway.store.pool import Database
from tests.gateway.bets.cashing import a_bet, offered, take
from tests.gateway.bets.worker import Worker, one_postgres
from tests.gateway.settlement.ground import Ground
from tests.gateway.settlement.results import LOST, WON, result

pytestmark = one_postgres

RACES = 12


@pytest.fixture
async def workers(money: Database) -> AsyncIterator[list[Worker]]:
    """Two, with 1000.00 of u1's."""
    async with AsyncExitStack() as stack:
        made = [Worker(money, duplicate_s=0, running_max=100) for _ in range(2)]
        for worker in made:
            await stack.enter_async_context(worker.client)
            stack.push_async_callback(worker.service.once.finish)
        await made[0].deposit()
        yield made


def said(ts: int, kind: Any = "settled") -> Settlement:
    """Of M2, that its first selection won; or that this is taken back."""
    x = {"x": {"M2h": WON, "M2a": LOST}} if kind == "settled" else {}
    one = msgspec.structs.replace(result("M2", ts, kind, **x), event="E2", topic="football.nfl.E2")
    return Settlement("alpha", 0, "2026-11-26T00:00:00", 1, one)


@pytest.mark.parametrize("part", [None, "5.00"])
async def test_a_cash_out_and_a_settlement_that_meet_have_one_outcome(
    part: str | None, workers: list[Worker], money: Database
) -> None:
    ground = Ground(money)
    became: Counter[tuple[str, bool]] = Counter()
    for race in range(RACES):
        bet = await a_bet(workers[0])
        offer = (await offered(workers[0], bet))["offer"]

        async def settles(race: int = race) -> None:
            await asyncio.sleep(0.002 * race)
            await ground.say(said(2 * race + 1))

        taken, again, _ = await asyncio.gather(
            take(workers[0], bet, offer, part), take(workers[1], bet, offer, part), settles()
        )
        assert [taken.status_code, again.status_code].count(201) <= 1
        told = await workers[0].get(f"/v1/bets/{bet}")
        cashed = 201 in (taken.status_code, again.status_code)
        wanted = ("won", "9.54" if cashed else "19.09") if part or not cashed else ("cashed_out", None)
        assert (told["state"], told["payout"]) == wanted
        became[told["state"], cashed] += 1
        await ground.say(said(2 * race + 2, "rollback"))  # the next bet finds it open
        assert (await workers[0].get(f"/v1/bets/{bet}"))["state"] == (
            "cashed_out" if cashed and not part else "accepted"
        )
    assert sum(became.values()) == RACES
