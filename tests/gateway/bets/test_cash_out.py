"""Cash-outs: what is offered, taken once for each key, in part or as a whole; and what refuses it. Races stand in
test_cash_out_races.py."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from feeds.contract.subjects import lane_of
from gateway.bets.offers import Offer, OfferKeys
from gateway.bets.service import utc_now
from gateway.money.refusals import MoneyRefused
from gateway.store.pool import Database
from tests.fanout.serving import event, spread
from tests.gateway.api.odds import LANES
from tests.gateway.bets.cashing import a_bet, offered, take
from tests.gateway.bets.worker import Worker, a_key, counts, one_postgres

pytestmark = one_postgres


async def code_of_offer(worker: Worker, bet: str, account: str = "u1") -> tuple[int, str]:
    """Why there is none."""
    said = await worker.client.get(f"/v1/bets/{bet}/cash-out", headers={"x-account": account})
    return said.status_code, said.json()["code"]


@pytest.fixture
async def bet(worker: Worker) -> str:
    """10.00 at 1.909 on M2."""
    await worker.deposit()
    return await a_bet(worker)


async def test_a_bet_is_bought_back_once_and_told_the_same_ever_after(
    worker: Worker, bet: str, money: Database
) -> None:
    offer = await offered(worker, bet)
    assert (offer["stake"], offer["amount"], offer["legs"][0]["price"]) == ("10.00", "9.50", "1.909")
    assert offer["legs"][0]["s"] == worker.s("M2")
    key = a_key()
    said = await take(worker, bet, offer["offer"], key=key)
    assert said.status_code == 201, said.text
    assert {name: said.json()[name] for name in ("key", "bet", "stake", "amount", "open_stake")} == {
        "key": key,
        "bet": bet,
        "stake": "10.00",
        "amount": "9.50",
        "open_stake": "0.00",
    }
    wallet = await worker.get("/v1/wallet")
    assert (wallet["cash"], wallet["open_stakes"]) == ("999.50", "0.00")
    told = await worker.get(f"/v1/bets/{bet}")
    assert (told["state"], told["cashed_stake"], told["cashed_out"]) == ("cashed_out", "10.00", "9.50")
    [entry, *_] = (await worker.get("/v1/wallet/entries"))["items"]
    assert (entry["kind"], entry["amount"], entry["bet"]) == ("cash_out", "9.50", bet)
    assert await money.fetch("SELECT FROM bets.exposure WHERE stakes <> 0 OR liability <> 0") == []
    [news] = await money.fetch("SELECT data ->> 'amount' FROM money.outbox WHERE kind = 'cash_out'")
    assert news[0] == "950"
    before = await counts(money)
    worker.service.finals._held.clear()
    again = await take(worker, bet, offer["offer"], key=key)
    assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (201, said.content, "true")
    assert (await worker.get(f"/v1/bets/by-key/{key}")) == said.json()
    assert (await take(worker, bet, offer["offer"], "5.00", key=key)).json()["code"] == "key_reused"
    await money.execute("UPDATE money.key SET answer = NULL")
    worker.service.finals._held.clear()
    assert (await take(worker, bet, offer["offer"], key=key)).json() == said.json()
    assert (await worker.get(f"/v1/bets/by-key/{key}")) == said.json()
    other = await take(worker, bet, offer["offer"])
    assert (other.status_code, other.json()["code"]) == (409, "not_cashable")
    assert (await code_of_offer(worker, bet)) == (409, "not_cashable")
    assert await counts(money) == before


async def test_parts_are_bought_back_until_nothing_is_left(worker: Worker, bet: str, money: Database) -> None:
    for stake, amount, left, potential in (("3.33", "3.16", "6.67", "12.73"), ("5.00", "4.74", "1.67", "3.19")):
        said = (await take(worker, bet, (await offered(worker, bet))["offer"], stake)).json()
        assert (said["amount"], said["open_stake"]) == (amount, left)
        told = await worker.get(f"/v1/bets/{bet}")
        assert (told["state"], told["potential_payout"]) == ("accepted", potential)
        assert (await worker.get("/v1/wallet"))["open_stakes"] == left
    row = await money.row("SELECT sum(stakes), sum(liability) FROM bets.exposure")
    assert row is not None
    assert tuple(row) == (167, 152)
    last = (await take(worker, bet, (await offered(worker, bet))["offer"])).json()
    assert (last["stake"], last["amount"], last["open_stake"]) == ("1.67", "1.58", "0.00")
    told = await worker.get(f"/v1/bets/{bet}")
    assert (told["state"], told["cashed_stake"], told["cashed_out"]) == ("cashed_out", "10.00", "9.48")
    row = await money.row("SELECT sum(stakes), sum(liability) FROM bets.exposure")
    assert row is not None
    assert tuple(row) == (0, 0)


@pytest.mark.parametrize("stake", ["0.99", "9.01", "10.01", "999.00"])
async def test_a_part_is_neither_too_small_nor_leaves_too_little(stake: str, worker: Worker, bet: str) -> None:
    said = await take(worker, bet, (await offered(worker, bet))["offer"], stake)
    assert (said.status_code, said.json()["code"]) == (409, "limit_exceeded")
    assert said.json()["min_stake"] == "1.00"
    assert (await take(worker, bet, (await offered(worker, bet))["offer"], "1.00")).status_code == 201


async def test_a_price_that_moved_is_told_with_the_next_offer(worker: Worker, bet: str, money: Database) -> None:
    key, before = a_key(), await counts(money)
    offer = await offered(worker, bet)
    worker.show(spread("M2", event_id="E2", live=False, home=-150))
    said = await take(worker, bet, offer["offer"], key=key)
    assert (said.status_code, said.json()["code"]) == (409, "offer_changed")
    assert await counts(money) == before
    new = said.json()["offer"]
    assert (new["amount"], new["legs"][0]["price"]) == ("10.87", "1.667")
    worker.show(spread("M2", event_id="E2", live=False, home=-150, away=140))  # another side, the same price
    taken = await take(worker, bet, new["offer"], key=key)
    assert (taken.status_code, taken.json()["amount"]) == (201, "10.87")


async def test_an_offer_ends_and_the_next_one_is_told(worker: Worker, bet: str) -> None:
    offer = await offered(worker, bet)
    desk = worker.service.cash_desk
    assert desk is not None
    worker.service.cash_desk = desk._replace(now=lambda: utc_now() + timedelta(seconds=6))
    said = await take(worker, bet, offer["offer"])
    assert (said.status_code, said.json()["code"]) == (409, "offer_expired")
    assert (await take(worker, bet, said.json()["offer"]["offer"])).status_code == 201
    worker.service.cash_desk = desk
    late = await a_bet(worker, stake="20.00")
    offer = await offered(worker, late)
    worker.service.cash_desk = desk._replace(now=lambda: utc_now() - timedelta(minutes=1))
    await asyncio.sleep(0)
    ended = desk.keys.seal(_ended(desk.keys, offer["offer"]))
    said = await take(worker, late, ended)
    assert said.json()["code"] == "offer_expired"  # by the database's clock, whatever the worker's says


def _ended(keys: OfferKeys, text: str) -> Offer:
    offer = keys.open(text)
    return Offer(**{name: getattr(offer, name) for name in offer.__struct_fields__} | {"until_ms": _ms() - 1_000})


def _ms() -> int:
    return int(utc_now().timestamp() * 1000)


CLOSED: dict[str, tuple[Any, ...]] = {
    "suspended": (spread("M2", event_id="E2", live=False, st="suspended"),),
    "closed": (spread("M2", event_id="E2", live=False, st="closed"),),
    "gone": (spread("M2", event_id="E2", live=False, st="closed", gone=True),),
    "ended": (event("E2", state="ended"),),
}


@pytest.mark.parametrize("why", CLOSED)
async def test_what_is_not_open_is_neither_offered_nor_taken(
    why: str, worker: Worker, bet: str, money: Database
) -> None:
    offer = await offered(worker, bet)
    before = await counts(money)
    worker.show(*CLOSED[why])
    said = await take(worker, bet, offer["offer"])
    assert (said.status_code, said.json()["code"]) == (409, "market_not_open")
    assert await code_of_offer(worker, bet) == (409, "market_not_open")
    assert await counts(money) == before


async def test_a_source_that_is_not_live_closes_its_markets(worker: Worker) -> None:
    worker.service.placing = worker.service.placing._replace(delay=timedelta())
    worker.show(spread("M1", src=f"alpha-{lane_of('E1', LANES)}"))
    await worker.deposit()
    bet = await a_bet(worker, "M1")
    offer = await offered(worker, bet)
    for lane in worker.odds.gateway.book.lanes:
        worker.odds.beat("alpha", "recovering", lane.number, _ms())
    headers = {"x-account": "u1", "idempotency-key": a_key()}
    said = await worker.client.post(f"/v1/bets/{bet}/cash-out", json={"offer": offer["offer"]}, headers=headers)
    assert (said.status_code, said.json().get("reason")) == (409, "suspended"), said.text
    assert await code_of_offer(worker, bet) == (409, "market_not_open")
    for lane in worker.odds.gateway.book.lanes:
        lane.joined = False
    said = await worker.client.post(f"/v1/bets/{bet}/cash-out", json={"offer": offer["offer"]}, headers=headers)
    assert (said.status_code, said.json()["code"]) == (503, "not_ready")


STATES = {
    "a result": ("UPDATE bets.result SET revision = 1 WHERE market = 'M2'", "market_not_open"),
    "a review": ("UPDATE bets.bet SET under_review = TRUE", "not_cashable"),
    "a place that was lost": ("INSERT INTO location.standing VALUES ('u1', NULL, now(), NULL)", "geo_superseded"),
}


@pytest.mark.parametrize("what", STATES)
async def test_what_the_database_knows_refuses_it(what: str, worker: Worker, bet: str, money: Database) -> None:
    sql, code = STATES[what]
    await money.execute("ALTER TABLE bets.bet ADD COLUMN IF NOT EXISTS under_review boolean NOT NULL DEFAULT FALSE")
    offer = await offered(worker, bet)
    desk = worker.service.cash_desk
    assert desk is not None
    if code == "geo_superseded":
        worker.service.cash_desk = desk._replace(locations=_Receipted(desk.locations))
    before = await counts(money)
    await money.execute(sql)
    said = await take(worker, bet, offer["offer"])
    assert said.json()["code"] == code
    assert said.status_code in (403, 409)
    assert await counts(money) == before
    if code != "geo_superseded":
        assert await code_of_offer(worker, bet) == (409, code)


class _Receipted:
    """Locations whose every decision is by the same receipt."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def check(self, *asked: Any) -> Any:
        """See Locations."""
        decision = await self._inner.check(*asked)
        return decision._replace(record={"verifier": "test", "receipt": "6f2f0c9e-5d7b-4a55-9d67-6a0ab2ad1f66"})

    def permit(self, *asked: Any, **how: Any) -> None:
        """See Locations."""


async def test_who_has_no_place_gets_nothing(worker: Worker, bet: str) -> None:
    offer = await offered(worker, bet)
    desk = worker.service.cash_desk
    assert desk is not None
    worker.service.cash_desk = desk._replace(locations=_Nowhere())
    said = await take(worker, bet, offer["offer"])
    assert (said.status_code, said.json()["code"]) == (403, "geo_unavailable")


class _Nowhere:
    """Locations that are down."""

    async def check(self, *asked: Any) -> Any:
        """See Locations."""
        del asked
        raise MoneyRefused("geo_unavailable")

    def permit(self, *asked: Any, **how: Any) -> None:
        """See Locations."""


async def test_offers_are_of_one_bet_of_one_account_and_not_made_by_others(worker: Worker, bet: str) -> None:
    await worker.deposit(account="u2")
    theirs = await a_bet(worker, account="u2")
    mine = await a_bet(worker, stake="5.00")
    offer = (await offered(worker, bet))["offer"]
    form, kid, sealed = offer.split(".")
    made = OfferKeys({kid: b"x" * 32}).seal(Offer("u1", bet, 0, 1_000, 10**9, "USD", _ms() + 9_999, ()))
    for where, text in (
        (mine, offer),
        (bet, (await offered(worker, theirs, "u2"))["offer"]),
        (bet, made),
        (bet, ""),
        (bet, f"{form}.k9.{sealed}"),
        (bet, f"{form}.{kid}.{sealed[:-4]}AAAA"),
        (bet, f"{form}.{kid}.é"),
        (bet, f"{form}.{kid}."),
    ):
        said = await take(worker, where, text)
        assert (said.status_code, said.json()["code"]) == (400, "bad_offer"), text
    assert (await take(worker, theirs, offer)).json()["code"] == "bad_offer"
    assert await code_of_offer(worker, theirs) == (404, "not_found")
    assert await code_of_offer(worker, "nothing") == (404, "not_found")
    assert (await take(worker, bet, offer, "1.001")).json()["code"] == "bad_body"


async def test_what_waits_is_not_cashed_out(worker: Worker) -> None:
    await worker.deposit()
    bet = (await worker.place(worker.bet("M1"))).json()
    assert bet["state"] == "pending_acceptance"
    said = await worker.client.get(f"/v1/bets/{bet['id']}/cash-out", headers={"x-account": "u1"})
    assert (said.json()["code"], said.json()["reason"]) == ("not_cashable", "pending_acceptance")


async def test_a_parlay_is_priced_by_all_of_its_legs(worker: Worker) -> None:
    worker.service.placing = worker.service.placing._replace(delay=timedelta())
    await worker.deposit()
    bet = await a_bet(worker, "M1", "M2")
    worker.show(spread("M1", home=-200))
    offer = await offered(worker, bet)
    assert [leg["price"] for leg in offer["legs"]] == ["1.500", "1.909"]
    assert offer["amount"] == "12.09"
    assert (await take(worker, bet, offer["offer"])).json()["amount"] == "12.09"


async def test_without_a_key_nothing_is_cashed_out(money: Database) -> None:
    worker = Worker(money, offer_keys="")
    async with worker.client:
        await worker.deposit()
        assert await code_of_offer(worker, await a_bet(worker)) == (403, "no_cash_out")
        await worker.service.once.finish()
