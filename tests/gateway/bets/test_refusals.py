"""Bad input: always a problem with its code, and nothing of it in bets, keys or ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import orjson
import pytest

from feeds.contract.model import DeskPart
from gateway.api.bodies import BODY_BYTES_MAX
from gateway.api.problems import PROBLEMS
from gateway.bets.asked import LEGS_MAX
from gateway.store.pool import Database
from tests.fanout.serving import event, spread
from tests.gateway.bets.worker import Worker, a_key, counts, one_postgres

pytestmark = one_postgres

Body = Callable[[Worker], Any]


def is_problem(said: httpx.Response, code: str) -> bool:
    problem = said.json()
    assert said.headers["content-type"] == "application/problem+json"
    assert said.status_code == problem["status"] == PROBLEMS[code].status, problem
    return bool(problem["code"] == code)


@pytest.fixture
async def rich(worker: Worker) -> Worker:
    """A worker with money in u1's wallet, and markets of every sad kind."""
    await worker.deposit("100000.00")
    worker.show(
        event("E3", state="ended"),
        event("E4", state="upcoming"),
        spread("M3", event_id="E3"),
        spread("S1", event_id="E4", st="suspended"),
        spread("C1", event_id="E4", st="closed"),
        spread("G1", event_id="E4", gone=True, st="closed", replaced_by="M2"),
        spread("N1", event_id="E9"),
        spread("D1", event_id="E4", live=False, src="silent-0"),
        spread("L1", event_id="E4", live=False, desk=DeskPart(max_stake=500)),
    )
    for lane in range(2):
        worker.odds.beat("silent", "down", lane, 1)
    return worker


def stake(text: Any) -> Body:
    return lambda worker: worker.bet("M2", stake=text)


def leg(**changes: Any) -> Body:
    return lambda worker: worker.leg("M2", changes)


def raw(data: bytes) -> Body:
    return lambda _: data


SHAPES: list[tuple[str, Body]] = [
    ("zero", stake("0")),
    ("zero.00", stake("0.00")),
    ("negative", stake("-1")),
    ("nan", stake("NaN")),
    ("infinity", stake("Infinity")),
    ("1e309", stake("1e309")),
    ("2^63", stake(str(2**63))),
    ("2^63 as a number", stake(2**63)),
    ("0.001", stake("0.001")),
    ("a number", stake(10)),
    ("a float", stake(10.5)),
    ("a plus", stake("+10")),
    ("spaces", stake(" 10 ")),
    ("eastern digits", stake("\u0661\u0660")),
    ("too much", stake("10000000000.01")),
    ("no stake", stake(None)),
    ("10,000 legs", lambda w: w.bet("M2") | {"legs": w.bet("M2")["legs"] * 10_000}),
    ("too many legs", lambda w: w.bet("M2") | {"type": "parlay", "legs": w.bet("M2")["legs"] * (LEGS_MAX + 1)}),
    ("no legs", lambda w: w.bet("M2") | {"legs": []}),
    ("a parlay of one", lambda w: w.bet("M2", type="parlay")),
    ("a single of two", lambda w: w.bet("M1", "M2", type="single")),
    ("no such type", lambda w: w.bet("M2", type="system")),
    ("lira", lambda w: w.bet("M2", currency="TRL")),
    ("lower case", lambda w: w.bet("M2", currency="usd")),
    ("price 1", leg(price="1")),
    ("price below", leg(price="1.0005")),
    ("price above", leg(price="1001.5")),
    ("price a number", leg(price=1.909)),
    ("price NaN", leg(price="NaN")),
    ("s negative", leg(s=-1)),
    ("s beyond", leg(s=2**63)),
    ("s text", leg(s="1")),
    ("policy", leg(policy="worst")),
    ("slip", leg(policy={"within": "-0.05"})),
    ("slip number", leg(policy={"within": 0.05})),
    ("market id", leg(market="a b")),
    ("market NUL", leg(market="M\0")),
    ("selection id", leg(selection="é")),
    ("cursor", lambda w: w.bet("M2", cursor="c" * 2_049)),
    ("receipt", lambda w: w.bet("M2", geo="g" * 4_097)),
    ("empty", raw(b"")),
    ("not JSON", raw(b"{")),
    ("a list", raw(b"[]")),
    ("null", raw(b"null")),
    ("NaN literal", raw(b'{"stake": NaN}')),
    ("not UTF-8", raw(b'{"type":"\xff\xfe"}')),
    ("lone surrogate", raw(b'{"type":"\\ud800"}')),
    ("deep", raw(b'{"x":' + b"[" * 8_000 + b"]" * 8_000 + b"}")),
    ("deep objects", raw(b'{"a":' * 2_500 + b"1" + b"}" * 2_500)),
]


async def test_bodies_of_a_wrong_shape(rich: Worker, money: Database) -> None:
    before = await counts(money)
    for name, body in SHAPES:
        said = await rich.place(body(rich))
        expected = "body_too_large" if name == "10,000 legs" else "bad_body"
        assert is_problem(said, expected), (name, said.text)
    assert await counts(money) == before


MEANINGS: list[tuple[str, Body, str]] = [
    ("unknown", leg(market="none"), "unknown_market"),
    ("unknown selection", leg(selection="none"), "unknown_selection"),
    ("an event's id", leg(market="E2"), "unknown_market"),
    ("suspended", lambda w: w.bet("S1"), "market_not_open"),
    ("closed", lambda w: w.bet("C1"), "market_not_open"),
    ("moved", lambda w: w.bet("G1"), "market_not_open"),
    ("ended", lambda w: w.bet("M3"), "market_not_open"),
    ("of an event nobody knows", lambda w: w.bet("N1"), "market_not_open"),
    ("its source is down", lambda w: w.bet("D1"), "market_not_open"),
    ("same event", lambda w: w.bet("M2", "M2"), "same_event"),
    ("a later price asked", leg(price="2.000"), "odds_changed"),
    ("exactly", leg(price="1.900", policy="exact"), "odds_changed"),
    ("not within", leg(price="1.960", policy={"within": "0.050"}), "odds_changed"),
    ("not seen here yet", leg(s=10_000_000), "book_behind"),
    ("a cent", stake("0.01"), "limit_exceeded"),
    ("beyond the stake", stake("10000.01"), "limit_exceeded"),
    ("beyond the desk's stake", lambda w: w.bet("L1", stake="5.01"), "limit_exceeded"),
    ("another currency", lambda w: w.bet("M2", currency="EUR"), "wrong_currency"),
]


async def test_bets_on_what_cannot_be_bet_on(rich: Worker, money: Database) -> None:
    before = await counts(money)
    for name, body, code in MEANINGS:
        key = a_key()
        said = await rich.place(body(rich), key=key)
        assert is_problem(said, code), (name, said.text)
        by_key = await rich.client.get(f"/v1/bets/by-key/{key}", headers={"x-account": "u1"})
        assert is_problem(by_key, "not_found"), name
    assert await counts(money) == before


async def test_a_refusal_says_what_to_do(rich: Worker) -> None:
    changed = (await rich.place(rich.leg("M2", {"price": "2.000"}))).json()
    assert changed["legs"] == [{"market": "M2", "selection": "M2h", "price": "1.909", "s": rich.s("M2")}]
    assert (await rich.place(rich.bet("G1"))).json()["replaced_by"] == "M2"
    assert (await rich.place(rich.bet("L1"))).json()["max_stake"] == "5.00"
    assert (await rich.place(rich.leg("M2", {"s": 10_000_000}))).headers["retry-after"] == "1"


KEYS: list[tuple[str, list[bytes], str]] = [
    ("missing", [], "idempotency_key_missing"),
    ("empty", [b""], "bad_idempotency_key"),
    ("short", [b"k" * 15], "bad_idempotency_key"),
    ("long", [b"k" * 65], "bad_idempotency_key"),
    ("two", [b"k" * 16, b"k" * 16], "bad_idempotency_key"),
    ("NUL", [b"k" * 16 + b"\0"], "bad_idempotency_key"),
    ("line feed", [b"k" * 16 + b"\n"], "bad_idempotency_key"),
    ("unicode", ["\u043a\u043b\u044e\u0447".encode() * 4], "bad_idempotency_key"),
    ("eastern digits", ["\u0661".encode() * 16], "bad_idempotency_key"),
    ("quoted", [b'"kkkkkkkkkkkkkkkk"'], "bad_idempotency_key"),
    ("1 MB", [b"k" * 1_000_000], "headers_too_large"),
]


async def test_keys_that_are_none(rich: Worker, money: Database) -> None:
    before = await counts(money)
    body = orjson.dumps(rich.bet())
    for name, keys, code in KEYS:
        headers = [(b"x-account", b"u1"), *((b"idempotency-key", key) for key in keys)]
        for path in ("/v1/bets", "/v1/wallet/deposits"):
            assert is_problem(await rich.client.post(path, content=body, headers=headers), code), name
    for path in ("/v1/bets/by-key/short", "/v1/bets/by-key/" + "%D0%BA" * 16, "/v1/bets/by-key/" + "k" * 16 + "%00"):
        said = await rich.client.get(path, headers={"x-account": "u1"})
        assert is_problem(said, "bad_idempotency_key"), path
    assert await counts(money) == before


async def test_who_may_not(worker: Worker, money: Database) -> None:
    before = await counts(money)
    for path in ("/v1/bets", "/v1/wallet", "/v1/bets/B1", "/v1/wallet/entries", "/v1/bets/by-key/" + "k" * 16):
        assert is_problem(await worker.client.get(path), "unauthenticated")
    assert is_problem(await worker.client.post("/v1/bets", content=b"{}"), "unauthenticated")
    assert await counts(money) == before


async def test_bodies_and_deadlines_at_their_limits(rich: Worker, money: Database) -> None:
    before = await counts(money)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1_000

    headers = {"x-account": "u1", "idempotency-key": "k" * 16}
    said = await rich.client.post("/v1/bets", content=endless(), headers=headers)
    assert is_problem(said, "body_too_large")
    assert is_problem(await rich.place(b" " * (BODY_BYTES_MAX + 1)), "body_too_large")
    for deadline, code in (
        ("1", "deadline_passed"),
        ("-1", "bad_deadline"),
        ("soon", "bad_deadline"),
        ("9" * 16, "bad_deadline"),
    ):
        assert is_problem(await rich.place(x_request_deadline=deadline), code), deadline
    assert await counts(money) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"amount": "0", "currency": "USD"}, "bad_body"),
        ({"amount": "-5.00", "currency": "USD"}, "bad_body"),
        ({"amount": "1e3", "currency": "USD"}, "bad_body"),
        ({"amount": "0.001", "currency": "USD"}, "bad_body"),
        ({"amount": "1.5", "currency": "JPY"}, "bad_body"),
        ({"amount": 5, "currency": "USD"}, "bad_body"),
        ({"amount": "5.00", "currency": "XXX"}, "bad_body"),
        ({"amount": "5.00"}, "bad_body"),
        ({"amount": "5.00", "currency": "EUR"}, "wrong_currency"),
    ],
)
async def test_money_that_cannot_be_moved(body: Any, code: str, rich: Worker, money: Database) -> None:
    before = await counts(money)
    for path in ("/v1/wallet/deposits", "/v1/wallet/withdrawals"):
        assert is_problem(await rich.post(path, body), code)
    assert is_problem(
        await rich.post("/v1/wallet/withdrawals", {"amount": "100000.01", "currency": "USD"}), "insufficient_funds"
    )
    assert await counts(money) == before


async def test_pages_that_no_list_gave(rich: Worker) -> None:
    for path in ("/v1/bets", "/v1/wallet/entries"):
        for token in ("AAAA", "A" * 512):
            said = await rich.client.get(f"{path}?page_token={token}", headers={"x-account": "u1"})
            assert is_problem(said, "bad_page_token")


async def test_without_development_there_is_neither_cashier_nor_location(money: Database) -> None:
    async with AsyncExitStack() as stack:
        worker = Worker(money, development=False)
        await stack.enter_async_context(worker.client)
        assert is_problem(await worker.place(), "geo_unavailable")
        said = await worker.post("/v1/wallet/deposits", {"amount": "5.00", "currency": "USD"})
        assert is_problem(said, "no_cashier")
