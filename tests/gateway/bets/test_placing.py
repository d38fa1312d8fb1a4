"""A bet on its way: placed once, replayed, refused without a trace, decided later."""

from __future__ import annotations

import msgspec
import orjson
import pytest

from gateway.api import money_schemas
from gateway.api.account import PAGE_ITEMS
from gateway.store.pool import Database
from tests.fanout.serving import event, spread
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


async def test_a_parlay_multiplies_and_a_list_has_pages(worker: Worker) -> None:
    await worker.deposit()
    worker.show(event("E5", state="upcoming"), spread("M5", event_id="E5", live=False, home=150))
    body = worker.bet("M2", "M5", stake="10.01")
    body["legs"][1]["price"] = "2.500"
    parlay = (await worker.place(body)).json()
    assert (parlay["type"], parlay["potential_payout"]) == ("parlay", "47.77")  # 10.01 x 1.909 x 2.5 = 47.772725
    assert [leg["price"] for leg in parlay["legs"]] == ["1.909", "2.500"]
    singles = [(await worker.place(worker.bet(stake=f"1.{number:02d}"))).json() for number in range(PAGE_ITEMS)]
    placed = [one["id"] for one in (parlay, *singles)]
    for path in ("/v1/bets", "/v1/wallet/entries"):
        first = await worker.get(path)
        second = await worker.get(f"{path}?page_token={first['next_page_token']}")
        assert (len(first["items"]), second["next_page_token"]) == (PAGE_ITEMS, None)
        listed = [one["id"] for one in first["items"] + second["items"]]
        assert len(set(listed)) == len(listed)
        if path == "/v1/bets":
            assert listed == placed[::-1]
        other = await worker.client.get(
            f"{path}?page_token={first['next_page_token']}", headers={"x-account": "another"}
        )
        assert other.json()["code"] == "bad_page_token"
    stranger = await worker.client.get(f"/v1/bets/{parlay['id']}", headers={"x-account": "another"})
    assert stranger.status_code == 404


async def test_policies_at_their_edges(worker: Worker) -> None:
    await worker.deposit()
    for price, policy, status in (
        ("1.909", "exact", 201),
        ("1.910", "exact", 409),
        ("1.908", "exact", 409),
        ("1.908", "better", 201),
        ("1.910", "better", 409),
        ("1.959", {"within": "0.05"}, 201),
        ("1.960", {"within": "0.050"}, 409),
        ("1.910", {"within": "0"}, 409),
        ("1000", "any", 201),
    ):
        said = await worker.place(worker.leg("M2", {"price": price, "policy": policy}) | {"confirm_duplicate": True})
        assert said.status_code == status, (price, policy, said.text)
        if status == 201:
            assert said.json()["legs"][0]["price"] == "1.909"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("INSERT INTO protection.allowance VALUES ('u1', 'stake', 'bet', 'USD', 999)", "limit_exceeded"),
        ("INSERT INTO protection.allowance VALUES ('u1', 'stake', 'day', 'USD', 1999)", "limit_exceeded"),
        ("INSERT INTO protection.allowance VALUES ('u1', 'loss', 'week', 'USD', 1999)", "limit_exceeded"),
        ("INSERT INTO protection.exclusion VALUES ('u1', 'time_out', now(), now() + interval '1 day')", "excluded"),
    ],
)
async def test_limits_of_an_account_are_kept_and_consume_no_key(
    sql: str, code: str, worker: Worker, money: Database
) -> None:
    await worker.deposit()
    assert (await worker.place(worker.bet(stake="10.00"))).status_code == 201
    await money.execute(sql)
    before, key, body = await counts(money), a_key(), worker.bet(stake="10.00", confirm_duplicate=True)
    assert (await worker.place(body, key=key)).json()["code"] == code
    assert await counts(money) == before
    await money.execute("DELETE FROM protection.allowance")
    if code == "limit_exceeded":
        assert (await worker.place(body, key=key)).status_code == 201


async def test_what_the_house_may_lose_is_bounded(money: Database) -> None:
    worker = Worker(money, market_liability_max=1_000, house_liability_max=1_500, duplicate_s=0)
    async with worker.client:
        await worker.deposit()
        worker.show(event("E5", state="upcoming"), spread("M5", event_id="E5", live=False))
        assert (await worker.place(worker.bet(stake="10.00"))).status_code == 201  # 9.09 on M2
        assert (await worker.place(worker.bet(stake="1.01"))).json()["code"] == "limit_exceeded"
        assert (await worker.place(worker.bet(stake="1.00"))).status_code == 201
        assert (await worker.place(worker.leg("M2", {"selection": "M2a"}))).status_code == 201
        await worker.service.bets.look_at_house()
        assert (await worker.place(worker.bet("M5"))).json()["code"] == "limit_exceeded"
        await worker.service.once.finish()
