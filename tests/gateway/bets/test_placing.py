"""A bet on its way: placed once, replayed, refused without a trace, decided later."""

from __future__ import annotations

import msgspec
import orjson

from gateway.api import money_schemas
from gateway.store.pool import Database
from tests.gateway.bets.worker import Worker, a_key, counts, one_postgres

pytestmark = one_postgres


async def test_a_bet_is_placed_once_and_replayed_byte_for_byte(worker: Worker, money: Database) -> None:
    await worker.deposit()
    key = a_key()
    first = await worker.place(key=key, request_id="r1")
    assert first.status_code == 201, first.text
    bet = msgspec.json.decode(first.content, type=money_schemas.Bet)
    assert (bet.state, bet.stake, bet.potential_payout, bet.location.verifier) == (
        "accepted",
        "10.00",
        "19.09",
        "development",
    )
    assert orjson.loads(first.content) == orjson.loads(msgspec.json.encode(bet))
    before = await counts(money)
    again = await worker.place(key=key)
    worker.service.finals._held.clear()
    from_database = await worker.place(key=key)
    for replay in (again, from_database):
        assert replay.content == first.content
        assert replay.headers["idempotency-replayed"] == "true"
    assert await counts(money) == before
    assert await worker.get(f"/v1/bets/{bet.id}") == first.json()
    assert await worker.get(f"/v1/bets/by-key/{key}") == first.json()
    assert (await worker.get("/v1/bets"))["items"] == [first.json()]
    assert await worker.get("/v1/wallet") == {
        "currency": "USD",
        "cash": "990.00",
        "open_stakes": "10.00",
        "receivable": "0.00",
        "version": 2,
    }
    entries = await worker.get("/v1/wallet/entries")
    assert [(one["kind"], one["amount"], one["balance"]) for one in entries["items"]] == [
        ("hold", "-10.00", "990.00"),
        ("deposit", "1000.00", "1000.00"),
    ]
