"""A hostile customer with a good token of his own: other people's accounts, bets, keys, events and topics."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.attacks.conftest import ANSWER_S, Customer, Target, code_of

pytestmark = pytest.mark.proof

PAUSE_S = 0.3
"""An account may ask for money five times a second."""


@pytest.fixture(scope="module")
def victim(target: Target) -> Customer:
    """Has money and a bet."""
    customer = target.customer("victim")
    geo = customer.receipt()
    assert customer.deposit("victim-deposit-01", geo).status_code == 201
    assert customer.bet("victim-bet-0000001", geo).status_code == 201
    return customer


@pytest.fixture(scope="module")
def mallory(target: Target) -> Customer:
    """Has an account of his own, and nothing in it."""
    return target.customer("mallory")


def test_a_bet_of_another_is_not_there(victim: Customer, mallory: Customer) -> None:
    [bet] = victim.http.get("/v1/bets").json()["items"]
    for path in (f"/v1/bets/{bet['id']}", f"/v1/bets/{bet['id']}/history", "/v1/bets/by-key/victim-bet-0000001"):
        assert victim.http.get(path).status_code == 200, path
        assert mallory.http.get(path).status_code == 404, path
    assert mallory.http.get("/v1/bets").json()["items"] == []
    assert mallory.http.get(f"/v1/bets/{bet['id']}/cash-out").status_code == 404


def test_an_account_cannot_be_named(victim: Customer, mallory: Customer) -> None:
    before = victim.cash()
    for name in ("account", "owner", "user", "sub", "account_id"):
        said = mallory.http.get("/v1/wallet", params={name: "victim"})
        assert said.status_code in (200, 400, 404), name
        assert said.status_code != 200 or said.json() != victim.http.get("/v1/wallet").json(), name
    for name in ("X-Account", "Account", "X-Forwarded-User", "X-Remote-User", "Forwarded"):
        said = mallory.http.get("/v1/bets", headers={name: "victim"})
        assert said.json()["items"] == [], name
    assert victim.cash() == before


def test_a_key_of_another_is_a_key_of_ones_own(victim: Customer, mallory: Customer) -> None:
    geo = mallory.receipt()
    said = mallory.bet("victim-bet-0000001", geo)
    assert (said.status_code, code_of(said)) == (409, "insufficient_funds"), said.text
    said = mallory.http.post("/v1/bets/by-key/victim-bet-0000001/resolve")
    assert said.status_code in (200, 404, 409), said.text
    assert victim.http.get("/v1/bets/by-key/victim-bet-0000001").status_code == 200


def test_a_receipt_of_another_is_worth_nothing(victim: Customer, mallory: Customer) -> None:
    said = mallory.deposit("mallory-stole-it-1", victim.receipt())
    assert (said.status_code, code_of(said)) == (403, "geo_not_yours"), said.text
    packet = victim.packet()
    said = mallory.http.post("/v1/geo/verifications", json={"packet": packet})
    assert (said.status_code, code_of(said)) == (403, "geo_not_yours"), said.text
    assert victim.http.post("/v1/geo/verifications", json={"packet": packet}).status_code == 201


def test_scopes_end_where_they_end(target: Target) -> None:
    reader = target.customer("reader", "odds")
    for method, path in (
        ("GET", "/v1/wallet"),
        ("GET", "/v1/bets"),
        ("POST", "/v1/wallet/withdrawals"),
        ("POST", "/v1/stream/tickets"),
        ("GET", "/v1/desk/corrections"),
        ("POST", "/v1/desk/corrections"),
        ("GET", "/v1/desk/results"),
    ):
        said = reader.http.request(method, path, json={} if method == "POST" else None)
        assert said.status_code in (403, 405), (path, said.text)
    punter = target.customer("punter")
    assert punter.http.get("/v1/desk/corrections").status_code == 403


def test_nobody_without_a_credential_has_money(target: Target) -> None:
    for path in ("/v1/wallet", "/v1/bets", "/v1/account/limits", "/v1/account/events", "/v1/desk/corrections"):
        said = httpx.get(target.api + path, timeout=ANSWER_S)
        assert said.status_code in (401, 403), (path, said.text)


def test_money_from_nothing(victim: Customer, mallory: Customer) -> None:
    geo = mallory.receipt()
    for number, amount in enumerate(
        (
            "-5.00",
            "0.00",
            "1e9",
            "0x10",
            "1.001",
            "NaN",
            "Infinity",
            "\N{ARABIC-INDIC DIGIT ONE}.00",
            " 1.00",
            "1,00",
            "",
        )
    ):
        time.sleep(PAUSE_S)
        said = mallory.deposit(f"mallory-money-{number:04}", geo, amount)
        assert said.status_code in (400, 422), (amount, said.text)
    for number, stake in enumerate(("-1.00", "0.00", "999999999999999999.00", "0.001")):
        time.sleep(PAUSE_S)
        said = mallory.bet(f"mallory-stake-{number:04}", geo, stake)
        assert said.status_code in (400, 409, 422), (stake, said.text)
    for price in ("1000.00", "0.5", "-2.0", "2"):
        time.sleep(PAUSE_S)
        said = victim.bet(f"victim-price-{price.replace('.', '-'):0>12}", victim.receipt(), price=price, policy="exact")
        assert said.status_code in (400, 409, 422), (price, said.text)
    assert mallory.http.get("/v1/wallet").status_code in (200, 404)


def test_twenty_at_once_are_one(victim: Customer) -> None:
    async def hammer() -> list[httpx.Response]:
        geo, leg = victim.receipt(), victim.target.leg()
        body = {"type": "single", "stake": "1.00", "currency": "USD", "legs": [leg], "geo": geo}
        headers = dict(victim.http.headers) | {"Idempotency-Key": "victim-hammer-0001"}
        async with httpx.AsyncClient(base_url=victim.target.api, headers=headers, timeout=ANSWER_S) as client:
            return await asyncio.gather(*(client.post("/v1/bets", json=body) for _ in range(20)))

    before = len(victim.http.get("/v1/bets").json()["items"])
    answers = asyncio.run(hammer())
    assert {answer.status_code for answer in answers} <= {201, 409}
    bodies = {answer.content for answer in answers if answer.status_code == 201}
    assert len(bodies) == 1
    assert len(victim.http.get("/v1/bets").json()["items"]) == before + 1


def test_the_news_of_another_cannot_be_heard(target: Target, victim: Customer, mallory: Customer) -> None:
    async def said(ticket: str, topics: list[str]) -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        async with connect(f"{target.stream}?ticket={ticket}" if ticket else target.stream) as line:
            await line.send(json.dumps({"op": "subscribe", "id": 1, "topics": topics}))
            async with asyncio.timeout(ANSWER_S):
                while not any(one["t"] in ("error", "account", "live") for one in heard):
                    heard.append(json.loads(await line.recv()))
        return heard

    [refusal] = [one for one in asyncio.run(said("", ["account"])) if one["t"] == "error"]
    assert refusal["code"] == "unauthenticated"
    ticket = mallory.http.post("/v1/stream/tickets", json={"topics": ["*", "account"]}).json()["ticket"]
    for topic in ("account.victim", "account/victim", "account:victim"):
        assert any(
            one["t"] == "error" for one in asyncio.run(said(ticket if topic == "account.victim" else "", [topic]))
        )
    ticket = mallory.http.post("/v1/stream/tickets", json={"topics": ["account"]}).json()["ticket"]
    state = next(one for one in asyncio.run(said(ticket, ["account"])) if one["t"] == "account")
    assert state["data"]["bets"] == []
    assert victim.account not in json.dumps(state)
