"""Words that only we can make, made by others: tickets, tokens, packets, receipts, offers, cursors, page tokens."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.attacks.conftest import ANSWER_S, Customer, Target, code_of

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def customer(target: Target) -> Customer:
    """Somebody with money."""
    customer = target.customer("forger")
    assert customer.deposit("forger-deposit-01", customer.receipt()).status_code == 201
    return customer


def claims_of(word: str) -> dict[str, Any]:
    """Of a JWT, unchecked."""
    return dict(jwt.decode(word, options={"verify_signature": False}))


def forged(word: str, **changed: Any) -> list[str]:
    """The same word with other claims: unsigned, signed by nobody's key, signed by its own public part, and cut."""
    head, body, signature = word.split(".")
    claims = claims_of(word) | changed
    kid = jwt.get_unverified_header(word).get("kid")
    sealed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": kid}).encode()).decode().rstrip("=")
    return [
        f"{head}.{sealed}.{signature}",
        f"{none}.{sealed}.",
        f"{none}.{sealed}.{signature}",
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": kid}),
        jwt.encode(claims, head + "." + body, algorithm="HS256", headers={"kid": kid}),
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        word[: len(word) // 2],
        "",
        "." * 3,
        "A" * 9_000,
    ]


def test_tokens(target: Target, customer: Customer) -> None:
    for word in forged(customer.token, sub="victim", scope="odds bets desk", exp=int(time.time()) + 9_999):
        said = httpx.get(
            f"{target.api}/v1/wallet", headers={"Authorization": f"Bearer {word}".strip()}, timeout=ANSWER_S
        )
        assert said.status_code in (400, 401, 431), (word[:80], said.text)
    old = target.command("dev", "token", "--account", "forger", "--scopes", "bets", "--ttl", "1")
    time.sleep(12)  # its life, and the clocks' skew
    said = httpx.get(f"{target.api}/v1/wallet", headers={"Authorization": f"Bearer {old}"}, timeout=ANSWER_S)
    assert said.status_code == 401, said.text


def test_tickets(target: Target, customer: Customer) -> None:
    async def opens(ticket: str) -> int:
        try:
            async with connect(f"{target.stream}?ticket={ticket}"):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    good = customer.http.post("/v1/stream/tickets", json={"topics": ["account"]}).json()["ticket"]
    for word in forged(good, sub="victim"):
        if word:
            assert asyncio.run(opens(word)) in (400, 401, 414, 431), word[:80]
    assert asyncio.run(opens(good)) == 101
    assert asyncio.run(opens(good)) == 401, "a second use"


def test_packets_and_receipts(customer: Customer) -> None:
    for word in forged(customer.packet("40.7357", "-74.1724"), lat=39.9526, lon=-75.1652, state="US-PA"):
        said = customer.http.post("/v1/geo/verifications", json={"packet": word})
        assert said.status_code in (400, 403, 413, 422), (word[:80], said.text)
    packet = customer.packet()
    assert customer.http.post("/v1/geo/verifications", json={"packet": packet}).status_code == 201
    said = customer.http.post("/v1/geo/verifications", json={"packet": packet})
    assert (said.status_code, code_of(said)) == (403, "geo_replayed"), said.text
    receipt = customer.receipt()
    for word in (receipt[:-4] + "AAAA", receipt.replace("g1.", "c1.", 1), "g1.k1." + "A" * 400, "", receipt + "A"):
        said = customer.bet("forger-receipt-001", word)
        assert said.status_code in (400, 403, 422), (word[:80], said.text)
    other = {"Session-Id": "another"}
    leg = customer.target.leg()
    body = {"type": "single", "stake": "1.00", "currency": "USD", "legs": [leg], "geo": receipt}
    said = customer.http.post("/v1/bets", json=body, headers={"Idempotency-Key": "forger-session-01", **other})
    assert (said.status_code, code_of(said)) == (403, "geo_not_yours"), said.text


def test_offers(customer: Customer) -> None:
    geo = customer.receipt()
    placed = customer.bet("forger-cash-out-01", geo)
    assert placed.status_code in (201, 202), placed.text
    bet = placed.json()["id"]
    for number, offer in enumerate(("c1.k1." + "A" * 300, geo, "", "{}", "c1..")):
        said = customer.http.post(
            f"/v1/bets/{bet}/cash-out",
            json={"offer": offer, "geo": geo},
            headers={"Idempotency-Key": f"forger-offer-{number:05}"},
        )
        assert said.status_code in (400, 403, 409, 422), (offer[:40], said.text)
    assert customer.http.get(f"/v1/bets/{bet}").json()["state"] in ("accepted", "pending_acceptance", "won", "lost")


def test_cursors_and_page_tokens_cost_an_image_or_a_400(target: Target, customer: Customer) -> None:
    async def answer(cursor: Any) -> dict[str, Any]:
        async with connect(target.stream) as line:
            await line.send(json.dumps({"op": "subscribe", "id": 1, "topics": ["football:main"], "cursor": cursor}))
            async with asyncio.timeout(ANSWER_S):
                while True:
                    said: dict[str, Any] = json.loads(await line.recv())
                    if said["t"] in ("subscribed", "error"):
                        return said

    for cursor in (
        "1.x.0-zzzzzzzzzzzzz",
        "1." + "a" * 48 + ".0-0",
        "2.x",
        "",
        "1..",
        "A" * 2_000,
        "1.x.0--1",
        "0" * 3_000,
    ):
        said = asyncio.run(answer(cursor))
        assert said["t"] == "error" or said["topics"] == {"football:main": "image"}, (cursor[:40], said)
    nonsense: tuple[Any, ...] = (5, [], {"a": 1}, True)
    for one in nonsense:
        assert asyncio.run(answer(one))["t"] == "error", one
    for path in ("/v1/bets", "/v1/account/events", "/v1/wallet/entries", "/v1/events"):
        for word in ("x", "A" * 500, "../..", "eyJhIjoxfQ", "%00"):
            said_http = customer.http.get(path, params={"page_token": word})
            assert said_http.status_code in (400, 414), (path, word, said_http.text)
