"""Sessions of the desk's page: what a cookie opens, for whom, from where, how long; and every way around that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.errors import Refused
from gateway.access.sessions import SESSION, Person, Sessions
from gateway.access.settings import AccessSettings
from gateway.desk.settings import PageSettings
from gateway.sealing import Seals
from tests.fanout.serving import event, spread
from tests.gateway.api.odds import Odds
from tests.gateway.desk.at_desk import HEADER, at_desk, sign_in

READ = "/v1/events/E1"
KEYS = {"k": b"k" * 32}


@pytest.fixture
async def odds(tmp_path: Path) -> Odds:
    made = at_desk(tmp_path)
    made.put(event(), spread())
    return made


@contextmanager
def refused(expected: str) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == expected


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_who_signs_in_reads_and_who_signs_out_does_not(odds: Odds) -> None:
    async with odds.client:
        assert (await odds.body("/desk/session")) == {"who": None, "ways": ["development"], "tickets": False}
        assert code(await odds.client.get(READ, headers=HEADER)) == (401, "unauthenticated")
        answer = await sign_in(odds)
        assert answer.json()["who"]["account"] == "jo"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("oddswire_desk=ds.")
        assert cookie.endswith("; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict")
        assert (await odds.client.get(READ, headers=HEADER)).status_code == 200
        assert (await odds.body("/desk/session"))["who"]["role"] == "trader"
        kept = dict(odds.client.cookies)
        left = await odds.client.post("/desk/sign-out", headers=HEADER)
        assert (left.status_code, left.headers["set-cookie"].split(";")[1]) == (204, " Max-Age=0")
        odds.client.cookies.update(kept)
        assert code(await odds.client.get(READ, headers=HEADER)) == (401, "session_over")
        assert (await odds.body("/desk/session"))["who"] is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (401, "unauthenticated")),
        ({"Origin": "http://127.0.0.1"}, (401, "unauthenticated")),
        ({**HEADER, "Origin": "http://evil.example"}, (403, "cross_origin")),
        ({**HEADER, "Origin": "null"}, (403, "cross_origin")),
        ({**HEADER, "Origin": "http://127.0.0.1:9"}, (403, "cross_origin")),
        ({**HEADER, "Sec-Fetch-Site": "cross-site"}, (403, "cross_origin")),
        ({**HEADER, "Sec-Fetch-Site": "same-site"}, (403, "cross_origin")),
    ],
)
async def test_a_cookie_counts_for_our_own_page_alone(
    odds: Odds, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    async with odds.client:
        await sign_in(odds)
        for method, path in (("GET", READ), ("POST", "/v1/desk/results"), ("GET", "/v1/desk/corrections")):
            assert code(await odds.client.request(method, path, headers=headers)) == expected
        ours = {**HEADER, "Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
        assert (await odds.client.get(READ, headers=ours)).status_code == 200


async def test_no_preflight_grants_the_header(tmp_path: Path) -> None:
    access = AccessSettings(environment="development", development_dir=tmp_path, origins=("http://partner.example",))
    odds = Odds(guarded=access)
    asked = {"Origin": "http://partner.example", "Access-Control-Request-Method": "POST"}
    async with odds.client:
        answer = await odds.client.options(
            "/v1/desk/results", headers={**asked, "Access-Control-Request-Headers": "desk-request"}
        )
    assert "desk-request" not in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_reader_looks_and_changes_nothing(odds: Odds) -> None:
    async with odds.client:
        await sign_in(odds, role="reader")
        assert (await odds.client.get(READ, headers=HEADER)).status_code == 200
        looked = await odds.client.get("/v1/desk/corrections", headers=HEADER)
        assert code(looked) == (503, "not_ready")  # it may, and there is no database
        changed = await odds.client.post("/v1/desk/results", json={}, headers=HEADER)
        assert code(changed) == (403, "insufficient_scope")
        assert code(await odds.client.get("/v1/wallet", headers=HEADER)) == (403, "insufficient_scope")


async def test_a_key_beside_a_cookie_is_who_asks(odds: Odds) -> None:
    async with odds.client:
        await sign_in(odds)
        answer = await odds.client.get(READ, headers={**HEADER, "X-API-Key": "ow_nonsense"})
        assert code(answer) == (401, "bad_api_key")


async def test_cookies_that_are_not_ours_open_nothing(odds: Odds, tmp_path: Path) -> None:
    async with odds.client:
        await sign_in(odds)
        good = odds.client.cookies["oddswire_desk"]
        odds.client.cookies.clear()
        other = Sessions(Seals(SESSION, KEYS), MemoryCoordination(), lifetime_s=60)
        made = other.begin(Person("jo", "", "trader"))[1].split(";")[0].partition("=")[2]
        for value in (made, good[:-2], good + "A", "ds.development.", "x", f"{good}; oddswire_desk={good}"):
            headers = {**HEADER, "Cookie": f"oddswire_desk={value}"}
            assert code(await odds.client.get(READ, headers=headers)) == (401, "session_over")
        answer = await odds.client.get(READ, headers={**HEADER, "Cookie": f"a=b; oddswire_desk={good}; c=d"})
        assert answer.status_code == 200


async def test_where_odds_are_open_a_page_without_a_session_reads_them(tmp_path: Path) -> None:
    odds = at_desk(tmp_path, anonymous=True)
    odds.put(event(), spread())
    async with odds.client:
        assert (await odds.client.get(READ, headers=HEADER)).status_code == 200
        assert code(await odds.client.get("/v1/desk/corrections", headers=HEADER)) == (401, "unauthenticated")


async def test_by_the_development_keys_only_on_this_machine(odds: Odds) -> None:
    async with odds.client:
        for url in ("http://rebound.example", "http://10.0.0.1"):
            odds.client.base_url = httpx.URL(url)
            assert code(await sign_in(odds)) == (403, "sign_in_refused")
        odds.client.base_url = httpx.URL("http://127.0.0.1")
        bare = await odds.client.post("/desk/sign-in/development", json={"account": "jo"})
        assert code(bare) == (403, "cross_origin")
        bodies: tuple[Any, ...] = (
            {"account": ""},
            {"account": "a b"},
            {"account": "jo", "role": "owner"},
            {"x": 1},
            [],
        )
        for body in bodies:
            answer = await odds.client.post("/desk/sign-in/development", json=body, headers=HEADER)
            assert code(answer) == (400, "bad_body")


async def test_without_development_keys_nobody_gets_in_by_them(tmp_path: Path) -> None:
    page = PageSettings(session_keys="k:" + "k" * 32)
    odds = Odds(guarded=AccessSettings(anonymous=True), page=page)
    odds.client.base_url = httpx.URL("http://127.0.0.1")
    async with odds.client:
        assert code(await sign_in(odds)) == (404, "no_sign_in")
        assert (await odds.body("/desk/session"))["ways"] == []
    odds = Odds(guarded=AccessSettings(anonymous=True))
    async with odds.client:
        assert code(await sign_in(odds)) == (404, "no_sign_in")
        assert (await odds.body("/desk/session"))["ways"] == []


async def test_a_session_ends_by_itself_and_elsewhere_when_it_was_ended() -> None:
    coordination, now = MemoryCoordination(), [time.time()]
    here, there = (Sessions(Seals(SESSION, KEYS), coordination, lifetime_s=60, clock=lambda: now[0]) for _ in range(2))
    begun, cookie = here.begin(Person("jo", "Jo", "trader"))
    headers = {b"cookie": cookie.split(";")[0].encode(), b"desk-request": b"1"}
    verified = there.verified(headers)
    assert verified is not None
    assert (verified.principal.account, verified.principal.name) == ("jo", "Jo")
    await here.end(begun)
    with refused("session_over"):
        here.verified(headers)
    await there.learn()
    with refused("session_over"):
        there.verified(headers)
    other = here.begin(Person("jo", "Jo", "trader"))[1].split(";")[0].encode()
    assert here.verified({**headers, b"cookie": other}) is not None
    now[0] += 60
    with refused("session_over"):
        here.verified({**headers, b"cookie": other})


async def test_over_https_the_cookie_is_of_this_host_alone() -> None:
    sessions = Sessions(Seals(SESSION, KEYS), MemoryCoordination(), lifetime_s=60, origin="https://desk.example")
    cookie = sessions.begin(Person("jo", "", "reader"))[1]
    assert cookie.startswith("__Host-oddswire_desk=")
    assert "; Secure" in cookie
    with refused("cross_origin"):
        sessions.check_origin({b"desk-request": b"1", b"origin": b"http://desk.example", b"host": b"desk.example"})
    sessions.check_origin({b"desk-request": b"1", b"origin": b"https://desk.example", b"host": b"inside:8000"})
