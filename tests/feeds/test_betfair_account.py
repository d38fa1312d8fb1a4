"""Betfair's HTTP side: logins, keepAlive, names and events, over a transport that answers as Betfair documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest

from feeds.contract.errors import Refused
from feeds.providers.betfair.account import ANSWER_BYTES_MAX, Account, AccountUnavailable
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.naming import Naming
from feeds.providers.betfair.settings import BetfairSettings, words

_CATALOGUE = [
    {"marketId": "1.1", "event": {"id": "3", "name": "Elm v Oak"}, "competition": {"id": "9", "name": "Sylvan"}}
]
Handler = Callable[[httpx.Request], httpx.Response]


def _account(handler: Handler, **changes: object) -> Account:
    values = {"app_key": "key", "username": "me", "password": "secret", **changes}
    return Account(BetfairSettings.model_validate(values), transport=httpx.MockTransport(handler))


def _answering(body: object, status: int = 200) -> Handler:
    return lambda _: httpx.Response(status, json=body)


async def test_a_session_that_is_set_is_used() -> None:
    assert await _account(_answering({}, 500), session="token").session() == "token"


async def test_the_interactive_login() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"token": "T1", "product": "key", "status": "SUCCESS", "error": ""})

    account = _account(answer)
    assert await account.session() == await account.session() == "T1"
    (request,) = asked
    assert str(request.url) == "https://identitysso.betfair.com/api/login"
    assert (request.headers["X-Application"], request.headers["Accept"]) == ("key", "application/json")
    assert parse_qs(request.content.decode()) == {"username": ["me"], "password": ["secret"]}


@pytest.mark.parametrize(
    "status", ["INVALID_USERNAME_OR_PASSWORD", "ACCOUNT_PENDING_PASSWORD_CHANGE", "CERT_AUTH_REQUIRED"]
)
async def test_a_login_that_is_refused_is_refused_for_good(status: str) -> None:
    for answer in ({"loginStatus": status}, {"token": "", "status": "FAIL", "error": status}):
        with pytest.raises(Refused, match=status) as refusal:
            await _account(_answering(answer)).session()
        assert refusal.value.code == "betfair_login"
        assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "handler",
    [
        _answering({}, 503),
        _answering({"loginStatus": "TEMPORARY_BAN_TOO_MANY_REQUESTS"}),
        _answering([1]),
        lambda _: httpx.Response(200, content=b"<html>"),
        lambda _: httpx.Response(200, content=b" " * (ANSWER_BYTES_MAX + 1)),
    ],
)
async def test_a_login_that_may_come_later_is_tried_again(handler: Handler) -> None:
    with pytest.raises(AccountUnavailable):
        await _account(handler).session()


async def test_a_network_that_is_not_there_is_unavailable() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no answer", request=request)

    with pytest.raises(AccountUnavailable, match="ConnectTimeout"):
        await _account(fail).session()


async def test_nobody_to_log_in_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        await _account(_answering({}), username="").session()
    assert refusal.value.code == "betfair_login"


async def test_a_certificate_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        await _account(_answering({}), cert_file="/nowhere/client.pem").session()
    assert refusal.value.code == "unreadable"


async def test_keep_alive_keeps_a_session_or_forgets_it() -> None:
    told = {"status": "SUCCESS", "token": "T1"}
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(200, json=told)

    account = _account(answer)
    await account.keep_alive()
    assert paths == []
    await account.session()
    await account.keep_alive()
    await account.session()
    assert paths == ["/api/login", "/api/keepAlive"]
    told["status"] = "FAIL"
    await account.keep_alive()
    told["status"] = "SUCCESS"
    await account.session()
    assert paths == ["/api/login", "/api/keepAlive", "/api/keepAlive", "/api/login"]


async def test_a_bad_session_is_logged_in_anew_or_refused() -> None:
    account = _account(_answering({"status": "SUCCESS", "token": "T2"}), session="T1")
    account.session_is_bad()
    assert await account.session() == "T2"
    with pytest.raises(Refused):
        _account(_answering({}), session="T1", username="").session_is_bad()


async def test_events_of_competitions() -> None:
    asked: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, json.loads(request.content)))
        return httpx.Response(
            200, json=[{"event": {"id": "31", "name": "A"}, "marketCount": 2}, {"event": {"id": "32"}}]
        )

    assert await _account(answer, session="T").events(["9"]) == ["31", "32"]
    assert asked == [("/exchange/betting/rest/v1.0/listEvents/", {"filter": {"competitionIds": ["9"]}})]


async def test_names_are_asked_for_once_a_connection() -> None:
    asked: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["X-Authentication"] == "T"
        asked.append(json.loads(request.content)["filter"]["marketIds"])
        return httpx.Response(200, json=_CATALOGUE)

    catalogue = Catalogue()
    naming = Naming(catalogue, _account(answer, session="T"))
    await naming.learn([f"1.{number}" for number in range(250)])
    await naming.learn(["1.1", "1.2"])
    assert [len(part) for part in asked] == [200, 50]
    assert catalogue.event_name("1.1") == "Elm v Oak"
    naming.ask_again()
    await naming.learn(["1.1", "1.2"])
    assert asked[-1] == ["1.2"]
    naming.forget(["1.1"])
    assert catalogue.event_name("1.1") is None


@pytest.mark.parametrize("handler", [_answering({}, 500), _answering({"no": "catalogue"})])
async def test_a_stream_goes_on_without_names(handler: Handler) -> None:
    catalogue = Catalogue()
    await Naming(catalogue, _account(handler, session="T")).learn(["1.1"])
    assert "1.1" not in catalogue


async def test_without_an_account_nothing_is_asked() -> None:
    await Naming(Catalogue(), None).learn(["1.1"])


def test_words_of_a_list() -> None:
    assert words(" 1, 2,,7 ") == ["1", "2", "7"]
    assert words("") == []


def test_secrets_do_not_show() -> None:
    shown = repr(BetfairSettings.model_validate({"app_key": "AAA", "password": "BBB", "session": "CCC"}))
    assert not any(secret in shown for secret in ("AAA", "BBB", "CCC"))
