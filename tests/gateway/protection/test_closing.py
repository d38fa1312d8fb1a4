"""A closed account: what it may no more, what still reaches it, and that nothing opens it again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from gateway.bets.service import utc_now
from gateway.protection.tables import ProtectionTables
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import Worker, one_postgres
from tests.gateway.protection.test_command import said
from tests.gateway.settlement.correcting import corrections, run
from tests.gateway.settlement.ground import Ground
from tests.gateway.settlement.results import LOST, WON, result
from tests.gateway.settlement.results import said as told

pytestmark = one_postgres

TEN = {"amount": "10.00", "currency": "USD"}


async def closed(worker: Worker) -> dict[str, Any]:
    """The exclusion of the account that closed itself."""
    answer = await worker.post("/v1/account/closing", b"")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def cash(worker: Worker) -> str:
    """What the account has."""
    found: str = (await worker.get("/v1/wallet"))["cash"]
    return found


async def test_neither_bets_nor_deposits_and_the_rest_can_be_taken_out(worker: Worker) -> None:
    await worker.deposit("100.00")
    assert (await worker.place()).status_code == 201
    found = await closed(worker)
    assert (found["kind"], found["until"]) == ("closed", None)
    for answer in (await worker.place(), await worker.post("/v1/wallet/deposits", TEN)):
        assert (answer.status_code, answer.json()["code"]) == (403, "account_closed")
    assert await cash(worker) == "90.00"
    assert (await worker.post("/v1/wallet/withdrawals", {**TEN, "amount": "90.00"})).status_code == 201
    kinds = [(one["kind"], one["data"].get("because")) for one in (await worker.get("/v1/account/events"))["items"]]
    assert kinds[-2:] == [("limit", "closed"), ("balance", "withdrawal")]


async def test_results_and_corrections_still_reach_it(worker: Worker, money: Database) -> None:
    await worker.deposit("100.00")
    assert (await worker.place(worker.bet("M2"))).status_code == 201
    await closed(worker)
    ground = Ground(money)
    await ground.say(told("M2", 1, x={"M2h": WON, "M2a": LOST}))
    assert await cash(worker) == "109.09"
    assert (await worker.post("/v1/wallet/withdrawals", {**TEN, "amount": "100.00"})).status_code == 201
    job = await run(corrections(money), result("M2", 0, x={"M2h": LOST, "M2a": WON}))
    assert (job.state, job.fault) == ("done", None)
    wallet = await worker.get("/v1/wallet")
    assert (wallet["cash"], wallet["receivable"]) == ("0.00", "10.00")


async def test_by_the_command_line_and_for_ever(worker: Worker, money: Database, settings: DatabaseSettings) -> None:
    await worker.deposit()
    assert await said(settings, "close", "u1", "--by", "jo") == ["u1 is closed"]
    await ProtectionTables(money).exclude("u1", "time_out", until=utc_now() + timedelta(hours=1), by="jo", at=utc_now())
    assert (await worker.place()).json()["code"] == "account_closed"
    assert any(line.startswith("closed  since ") for line in await said(settings, "show", "u1"))
    with pytest.raises(asyncpg.RestrictViolationError):
        await money.execute("UPDATE protection.exclusion SET until = now() WHERE owner = 'u1' AND kind = 'closed'")
