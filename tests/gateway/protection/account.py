"""An account that protects itself, as a test asks for it; and what no exclusion may ever be followed by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson

from gateway.bets.service import utc_now
from gateway.store.pool import Database
from tests.gateway.bets.worker import Worker


class Clock:
    """The wall clock, moved on by hand."""

    def __init__(self, worker: Worker) -> None:
        self.ahead = timedelta()
        service = worker.service
        service.placing = service.placing._replace(now=self)
        assert service.cashier is not None
        service.cashier = service.cashier._replace(now=self)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


async def put_limit(worker: Worker, kind: str, period: str, amount: str | None, account: str = "u1") -> Any:
    """The answer to a limit."""
    body = orjson.dumps({"amount": amount, "currency": "USD"})
    return await worker.client.put(f"/v1/account/limits/{kind}/{period}", content=body, headers={"x-account": account})


async def limited(worker: Worker, kind: str, period: str, amount: str | None) -> dict[str, Any]:
    """The limit as it is afterwards."""
    said = await put_limit(worker, kind, period, amount)
    assert said.status_code == 200, said.text
    found: dict[str, Any] = said.json()
    return found


async def time_out(worker: Worker, hours: int = 24, account: str = "u1") -> dict[str, Any]:
    """The exclusion as it is afterwards."""
    said = await worker.post("/v1/account/time-outs", {"hours": hours}, account=account)
    assert said.status_code == 201, said.text
    found: dict[str, Any] = said.json()
    return found


AFTERWARDS = """
SELECT told.owner, told.kind FROM money.outbox AS told
INNER JOIN money.outbox AS excluded ON excluded.owner = told.owner AND excluded.seq < told.seq
WHERE excluded.kind = 'limit' AND excluded.data ->> 'because' IN ('time_out', 'self_exclusion')
AND (told.kind IN ('bet_placed', 'bet_accepted') OR (told.kind = 'balance' AND told.data ->> 'because' = 'deposit'))
"""
"""What an account did after it was excluded. The numbers of an account are given in the order of its transactions."""

WAITING = "SELECT FROM bets.bet WHERE state = 'pending_acceptance'"


async def nothing_came_after(money: Database) -> None:
    """No bet that was placed or accepted, no deposit, of any account."""
    assert await money.fetch(AFTERWARDS) == []
    assert await money.fetch(WAITING) == []
