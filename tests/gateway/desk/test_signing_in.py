"""Signing in at an OIDC issuer, a real one of our own: who gets in, and every way to get in as somebody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway.access.settings import AccessSettings
from gateway.desk.settings import PageSettings
from tests.gateway.access.issuing import Signer
from tests.gateway.api.odds import Odds
from tests.gateway.desk.at_desk import HEADER
from tests.gateway.desk.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, issuing

PENDING = "oddswire_sign_in"


class Stage(NamedTuple):
    """A gateway, the issuer it knows, and a browser of both."""

    odds: Odds
    issuer: Issuer
    web: httpx.AsyncClient

    async def to_issuer(self) -> httpx.URL:
        """Begins; gives where the issuer sends its user back to."""
        answer = await self.odds.client.get("/desk/sign-in")
        assert answer.status_code == 303
        return httpx.URL((await self.web.get(answer.headers["location"])).headers["location"])

    async def back(self, address: httpx.URL) -> str:
        """Follows it; gives where that ends."""
        answer = await self.odds.client.get(address.raw_path.decode())
        assert answer.status_code == 303
        return answer.headers["location"]

    async def who(self) -> tuple[str, str, str] | None:
        """Who the page says is there."""
        told = (await self.odds.body("/desk/session"))["who"]
        return told and (told["account"], told["name"], told["role"])


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with issuing() as issuer:
        page = PageSettings.model_validate(
            {
                "url": "http://127.0.0.1",
                "session_keys": "k:" + "k" * 32,
                "issuer": issuer.url,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
            }
        )
        odds = Odds(guarded=AccessSettings(), page=page)
        odds.client.base_url = httpx.URL("http://127.0.0.1")
        async with odds.client, httpx.AsyncClient() as web:
            yield Stage(odds, issuer, web)


async def test_a_trader_signs_in_and_a_reader_may_only_look(stage: Stage) -> None:
    assert await stage.back(await stage.to_issuer()) == "/desk"
    assert await stage.who() == ("jo", "Jo Doe", "trader")
    assert PENDING not in stage.odds.client.cookies
    assert (await stage.odds.client.get("/v1/desk/corrections", headers=HEADER)).json()["code"] == "not_ready"
    stage.issuer.user = {"sub": "jo@books.example", "roles": "staff oddswire-reader"}
    assert await stage.back(await stage.to_issuer()) == "/desk"
    account, name, role = await stage.who() or ("", "", "")
    assert account.startswith("h_")  # it is no name of an account, so it is the hash of one
    assert (name, role) == (account, "reader")
    assert stage.issuer.asked.count("/.well-known/openid-configuration") == 2  # for the endpoints, and for the keys


@pytest.mark.parametrize(
    "user",
    [None, {"sub": "jo"}, {"sub": "jo", "roles": ["customer"]}, {"sub": "jo", "roles": {"oddswire-trader": 1}}],
    ids=["refused", "no_roles", "other_role", "strange_roles"],
)
async def test_who_has_no_role_stays_out(stage: Stage, user: dict[str, object] | None) -> None:
    stage.issuer.user = user
    assert await stage.back(await stage.to_issuer()) == "/desk?sign_in=sign_in_refused"
    assert await stage.who() is None


@pytest.mark.parametrize(
    "spoil",
    [
        {"aud": "another"},
        {"aud": [CLIENT_ID, "another"]},
        {"iss": "http://another"},
        {"exp": 1},
        {"nonce": "another"},
        {"sub": ""},
    ],
    ids=["aud", "azp", "iss", "exp", "nonce", "sub"],
)
async def test_an_id_token_that_is_not_for_this_sign_in(stage: Stage, spoil: dict[str, object]) -> None:
    stage.issuer.spoil = spoil
    assert await stage.back(await stage.to_issuer()) == "/desk?sign_in=sign_in_refused"
    assert await stage.who() is None


async def test_an_id_token_of_a_key_that_the_issuer_does_not_publish(stage: Stage) -> None:
    stage.issuer.signer = Signer("k1")
    assert await stage.back(await stage.to_issuer()) == "/desk?sign_in=sign_in_refused"
    assert await stage.who() is None


async def test_a_code_that_another_browser_brings_is_worth_nothing(stage: Stage) -> None:
    address = await stage.to_issuer()
    kept = stage.odds.client.cookies[PENDING]
    stage.odds.client.cookies.clear()
    assert await stage.back(address) == "/desk?sign_in=sign_in_refused"  # no cookie: it did not begin it
    await stage.to_issuer()
    assert await stage.back(address) == "/desk?sign_in=sign_in_refused"  # another state
    assert await stage.who() is None
    stage.odds.client.cookies.set(PENDING, kept, domain="127.0.0.1", path="/desk/sign-in")
    assert await stage.back(address) == "/desk"
    stage.odds.client.cookies.clear()
    stage.odds.client.cookies.set(PENDING, kept, domain="127.0.0.1", path="/desk/sign-in")
    assert await stage.back(address) == "/desk?sign_in=sign_in_refused"  # the issuer takes a code once


async def test_the_address_to_the_issuer_has_what_it_needs(stage: Stage) -> None:
    answer = await stage.odds.client.get("/desk/sign-in")
    asked = {name: value for name, [value] in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert asked["redirect_uri"] == "http://127.0.0.1/desk/sign-in/done"
    assert asked["scope"] == "openid profile"
    assert len({asked[name] for name in ("state", "nonce", "code_challenge")}) == 3
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) == 43
    assert answer.headers["set-cookie"].endswith("; Max-Age=600; Path=/desk/sign-in; HttpOnly; SameSite=Lax")


async def test_an_issuer_that_does_not_answer(stage: Stage) -> None:
    address = await stage.to_issuer()
    stage.issuer.answer = None  # type: ignore[assignment]
    gone = httpx.AsyncClient(base_url=stage.issuer.url)
    await gone.aclose()
    page = PageSettings.model_validate(
        {"url": "http://127.0.0.1", "session_keys": "k:" + "k" * 32, "issuer": "http://127.0.0.1:1", "client_id": "x"}
    )
    odds = Odds(guarded=AccessSettings(), page=page)
    async with odds.client:
        answer = await odds.client.get("/desk/sign-in")
        assert (answer.status_code, answer.json()["code"]) == (503, "issuer_unavailable")
        answer = await odds.client.get(f"{address.raw_path.decode()}")
        assert answer.headers["location"] == "/desk?sign_in=sign_in_refused"
