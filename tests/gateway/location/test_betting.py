"""Bets from where they are allowed: over HTTP, with real receipts, rules and a real PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.commands import parser
from gateway.location import command
from gateway.money.refusals import MoneyRefused
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import a_key, counts, one_postgres, principal
from tests.gateway.location.stand import (
    CHERRY_HILL,
    COLLEGE,
    ELSEWHERE,
    FROM_ELSEWHERE,
    PHILADELPHIA,
    PROFESSIONAL,
    RIVER,
    WHO,
    Stand,
    standing,
)
from tests.gateway.location.vendor import CLAIMANT

pytestmark = one_postgres


@pytest.fixture
async def stand(settings: DatabaseSettings) -> AsyncIterator[Stand]:
    async with standing(settings, "u1", "u2") as stand:
        yield stand


async def test_a_bet_is_accepted_on_one_bank_of_the_river_and_refused_on_the_other(stand: Stand) -> None:
    philadelphia = await stand.receipt(PHILADELPHIA)
    said = await stand.worker.place(stand.worker.bet(COLLEGE, geo=philadelphia), **WHO)
    assert said.status_code == 201, said.text
    assert said.json()["location"] == {"verifier": "packet", "jurisdiction": "US-PA"}
    cherry_hill = await stand.receipt(CHERRY_HILL, "u2")
    assert await stand.bet(COLLEGE, cherry_hill, account="u2") == "geo_market_not_allowed"
    assert await stand.bet(PROFESSIONAL, cherry_hill, account="u2") == "accepted"
    at_the_river = await stand.verify(RIVER, "u3")
    assert (at_the_river.status_code, at_the_river.json()["code"]) == (403, "geo_undetermined")
    assert " m " not in at_the_river.text
    kept = await stand.database.row("SELECT location, bet FROM bets.bet WHERE owner = 'u1'")
    used = await stand.database.row("SELECT subject, jurisdiction, lat FROM location.decision WHERE kind = 'bet'")
    assert kept is not None
    assert used is not None
    assert (used["subject"], used["jurisdiction"], float(used["lat"])) == (kept["bet"], "US-PA", 39.95)
    for name in ("token_hash", "lat", "lon", "accuracy_m", "border_m", "boundaries", "rules"):
        assert f'"{name}"' in kept["location"]


async def test_without_a_receipt_of_ones_own_no_money_moves_but_replays_and_reads_go_on(stand: Stand) -> None:
    before = await counts(stand.database)
    receipt = await stand.receipt(PHILADELPHIA)
    assert await stand.bet(PROFESSIONAL, None) == "geo_no_receipt"
    assert await stand.bet(PROFESSIONAL, "g1.k1.AAAA") == "geo_no_receipt"
    assert await stand.bet(PROFESSIONAL, receipt, account="u2") == "geo_not_yours"
    assert await stand.bet(PROFESSIONAL, receipt, session_id="another") == "geo_not_yours"
    assert await stand.bet(PROFESSIONAL, receipt, device_id="another") == "geo_not_yours"
    for path in ("deposits", "withdrawals"):
        said = await stand.worker.post(f"/v1/wallet/{path}", {"amount": "1.00", "currency": "USD"}, **WHO)
        assert (said.status_code, said.json()["code"]) == (403, "geo_no_receipt")
    assert await counts(stand.database) == before
    body = {"amount": "1.00", "currency": "USD", "geo": receipt}
    for path in ("deposits", "withdrawals"):
        assert (await stand.worker.post(f"/v1/wallet/{path}", body, **WHO)).status_code == 201
    key = a_key()
    first = await stand.worker.place(stand.worker.bet(PROFESSIONAL, geo=receipt), key=key, **WHO)
    again = await stand.worker.place(stand.worker.bet(PROFESSIONAL, geo=None), key=key)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert (await stand.worker.get("/v1/bets"))["items"] == [first.json()]


async def test_another_network_needs_another_check(stand: Stand) -> None:
    receipt = await stand.receipt(PHILADELPHIA)
    assert await stand.bet(PROFESSIONAL, receipt, **FROM_ELSEWHERE) == "geo_network_changed"
    assert (await stand.noted("u1", "geo_network_changed"))["network"] == ELSEWHERE
    assert await stand.bet(PROFESSIONAL, receipt) == "accepted"
    said = await stand.verify(PHILADELPHIA, headers=FROM_ELSEWHERE, net=ELSEWHERE)
    assert said.status_code == 201
    assert await stand.bet(PROFESSIONAL, receipt) == "geo_superseded"
    assert await stand.bet(COLLEGE, said.json()["receipt"], **FROM_ELSEWHERE) == "accepted"
    assert (await stand.verify(PHILADELPHIA, headers=FROM_ELSEWHERE)).json()["code"] == "geo_network_changed"
    who = replace(principal("u1"), device=CLAIMANT.device, session=CLAIMANT.session)
    with pytest.raises(MoneyRefused) as refusal:
        await stand.worker.service.placing.locations.check(receipt, who, "", stand.worker.service.placing.now())
    assert refusal.value.code == "geo_network_changed"


async def test_refused_bets_are_in_the_audit_with_their_rule_and_without_coordinates(
    stand: Stand, settings: DatabaseSettings
) -> None:
    receipt = await stand.receipt(CHERRY_HILL)
    before = await counts(stand.database)
    assert await stand.bet(COLLEGE, receipt) == "geo_market_not_allowed"
    assert await stand.bet(PROFESSIONAL, receipt, account="u2") == "geo_not_yours"
    assert await counts(stand.database) == before
    row = await stand.noted("u1", "geo_market_not_allowed")
    assert (row["jurisdiction"], row["market"], row["rule"]) == ("US-NJ", COLLEGE, "nj-no-own-colleges")
    assert (await stand.noted("u2", "geo_not_yours"))["jurisdiction"] is None  # u1's place is not u2's to be told
    said: list[str] = []
    for form in ((), ("--json",)):
        options = parser(defaultdict(lambda: lambda _: 0)).parse_args(["geo", "audit", "--account", "u1", *form])
        assert await command.audit(options, settings, said.append) == 0
    assert "bet  geo_market_not_allowed  US-NJ  M3  by nj-no-own-colleges  network 127.0.0.0/24" in said[1]
    assert '"market":"M3","rule":"nj-no-own-colleges"' in said[3]
    assert len(said) == 4
    assert not [line for line in said if "39.9" in line or "75.0" in line or "border" in line]


async def test_bad_bodies_and_nobody_are_refused_and_nothing_is_verified_without_a_database(stand: Stand) -> None:
    for body in (b"", b"{}", b'{"packet":1}', b'{"packet":"' + b"x" * 9_000 + b'"}'):
        assert (await stand.worker.post("/v1/geo/verifications", body)).json()["code"] == "bad_body"
    said = await stand.worker.client.post("/v1/geo/verifications", json={"packet": "x"})
    assert said.status_code == 401
    assert (await stand.worker.post("/v1/geo/verifications", {"packet": "x"})).json()["code"] == "geo_bad_packet"
    stand.worker.odds.gateway.places = None
    assert (await stand.verify(PHILADELPHIA)).json()["code"] == "geo_unavailable"
