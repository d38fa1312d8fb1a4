"""Cashing out as a client does: a bet, the offer for it, taking that."""

from __future__ import annotations

from typing import Any

import httpx

from tests.gateway.bets.worker import Worker


async def a_bet(worker: Worker, *markets: str, stake: str = "10.00", **how: Any) -> str:
    """The id of a bet that is accepted."""
    said = await worker.place(worker.bet(*markets, stake=stake, confirm_duplicate=True), **how)
    assert said.status_code == 201, said.text
    bet: str = said.json()["id"]
    return bet


async def offered(worker: Worker, bet: str, account: str = "u1") -> dict[str, Any]:
    """The offer that there is."""
    worker.fresh()
    found: dict[str, Any] = await worker.get(f"/v1/bets/{bet}/cash-out", account)
    return found


async def take(worker: Worker, bet: str, offer: str, stake: str | None = None, **how: Any) -> httpx.Response:
    """The answer to an offer."""
    body = {"offer": offer} if stake is None else {"offer": offer, "stake": stake}
    said: httpx.Response = await worker.post(f"/v1/bets/{bet}/cash-out", body, **how)
    return said
