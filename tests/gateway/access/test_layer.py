"""Who may ask what: credentials, scopes, plans, caches, and what is said to those who may not."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from gateway.access.development import ISSUER, development_keys
from gateway.access.layer import GUARDED
from gateway.access.plans import PLANS
from gateway.access.principal import Plan
from gateway.access.settings import AccessSettings
from gateway.access.verifier import Verifier
from gateway.api.routes import OPERATIONS, READS
from tests.fanout.serving import event, spread
from tests.gateway.access.issuing import Signer, claims
from tests.gateway.access.memory_keys import MemoryKeys
from tests.gateway.api.odds import Odds
from tests.gateway.api.test_refusals import is_problem

MARKET = "/v1/markets/M1"


def guarded(store: MemoryKeys | None, directory: Path | None = None, **settings: Any) -> Odds:
    """A gateway with two events, of which E2 has begun."""
    chosen: dict[str, Any] = {"coordination": "memory", **settings}
    if directory is not None:
        chosen |= {"environment": "development", "development_dir": directory}
    odds = Odds(guarded=AccessSettings.model_validate(chosen), store=store, access_log="routed")
    odds.put(event(state="upcoming"), spread(), spread("M3", cls="prop"), spread("M4", cls="alternate"))
    odds.put(event("E2", state="live"), spread("M2", event_id="E2"))
    return odds


def verifier_of(odds: Odds) -> Verifier:
    assert odds.gateway.guard is not None
    return odds.gateway.guard.verifier


@pytest.fixture
async def store() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
async def odds(store: MemoryKeys, tmp_path: Path) -> AsyncIterator[Odds]:
    made = guarded(store, tmp_path)
    await verifier_of(made).read_revocations()
    async with made.client:
        yield made


async def test_a_key_opens_odds_and_is_looked_up_once(odds: Odds, store: MemoryKeys) -> None:
    key = await store.make()
    answers = [await odds.get(MARKET, x_api_key=key) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert store.asked == 1
    assert answers[0].headers["cache-control"].startswith("private")
    assert "ratelimit" not in answers[0].headers
    again = await odds.get(MARKET, x_api_key=key, if_none_match=answers[0].headers["etag"])
    assert again.status_code == 304
    assert again.headers["cache-control"].startswith("private")


async def test_metrics_say_who_is_remembered_and_how_old_the_revocations_are(odds: Odds, store: MemoryKeys) -> None:
    await odds.get(MARKET, x_api_key=await store.make())
    told = dict(line.rsplit(" ", 1) for line in (await odds.get("/metrics")).text.splitlines() if line[0] != "#")
    assert told["oddswire_gateway_known_keys"] == "1.0"
    assert told["oddswire_gateway_known_tokens"] == "0.0"
    assert told["oddswire_gateway_quotas_unsettled_total"] == "0.0"
    assert 0 <= float(told["oddswire_gateway_revocations_age_seconds"]) < 300


async def test_without_one_nothing_under_v1_is_open_and_everything_else_is(odds: Odds) -> None:
    for path in (MARKET, "/v1/events", "/v1/none"):
        answer = await odds.get(path)
        assert is_problem(answer, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert all(read.path.startswith(GUARDED) for read in READS)
    for page in OPERATIONS:
        assert (await odds.get(page.path, x_api_key="nonsense")).status_code in (200, 503)


async def test_a_method_that_no_route_takes_is_told_so_to_who_may_ask(odds: Odds, store: MemoryKeys) -> None:
    key = {"X-API-Key": await store.make()}
    for method in ("TRACE", "OPTIONS", "POST", "PUT", "DELETE"):
        assert is_problem(await odds.client.request(method, MARKET, headers=key), "method_not_allowed")
        assert is_problem(await odds.client.request(method, MARKET), "unauthenticated")


async def test_where_odds_are_open_anybody_reads_them_and_caches_may_share(store: MemoryKeys) -> None:
    odds = guarded(store, anonymous=True)
    async with odds.client:
        for _ in range(2):
            anybody = await odds.get(MARKET)
            assert anybody.headers["cache-control"].startswith("public")
            somebody = await odds.get(MARKET, x_api_key=await store.make())
            assert somebody.headers["cache-control"].startswith("private")
            assert somebody.content == anybody.content
        assert is_problem(await odds.get(MARKET, x_api_key="ow_nonsense"), "bad_api_key")


@pytest.mark.parametrize("key", ["", "ow_", "x" * 79, "ow_" + "0" * 12 + "_" + "0" * 64, "OW_" + "0" * 77, "\x80" * 79])
async def test_bad_keys_are_refused(key: str, odds: Odds) -> None:
    raw = [(b"x-api-key", key.encode("latin-1"))]
    assert is_problem(await odds.client.get(MARKET, headers=raw), "bad_api_key")


async def test_a_key_with_another_secret_one_that_ended_and_a_revoked_one(odds: Odds, store: MemoryKeys) -> None:
    key, ended = await store.make(), await store.make(days=-1)
    forged = key[:-1] + ("0" if key[-1] != "0" else "1")
    for bad in (forged, forged, ended):
        assert is_problem(await odds.get(MARKET, x_api_key=bad), "bad_api_key")
    assert store.asked == 2, "a stranger is asked for once a second"
    assert (await odds.get(MARKET, x_api_key=key)).status_code == 200
    await store.revoke(key[3:15])
    await verifier_of(odds).read_revocations()
    assert is_problem(await odds.get(MARKET, x_api_key=key), "bad_api_key")


async def test_one_credential_a_request(odds: Odds, store: MemoryKeys, tmp_path: Path) -> None:
    key = await store.make()
    token = development_keys(tmp_path).token("a", ["odds", "props", "history"], ttl_s=60)
    bearer = f"Bearer {token}"
    assert (await odds.get(MARKET, authorization=bearer)).status_code == 200
    assert (await odds.get(MARKET, authorization=bearer.replace("Bearer", "bEARER"))).status_code == 200
    twice: list[list[tuple[str, str]]] = [
        [("x-api-key", key), ("x-api-key", key)],
        [("authorization", bearer), ("authorization", bearer)],
        [("x-api-key", "nonsense"), ("x-api-key", key)],
    ]
    for headers in twice:
        assert is_problem(await odds.client.get(MARKET, headers=headers), "duplicate_credentials")
    for both in ({"x_api_key": key, "authorization": bearer}, {"x_api_key": "", "authorization": bearer}):
        assert is_problem(await odds.get(MARKET, **both), "contradictory_credentials")
    other = [("x-api-key", key), ("accept", "a/b"), ("accept", "c/d")]
    assert (await odds.client.get(MARKET, headers=other)).status_code == 200
    for nonsense in ("Basic YTpi", "Bearer", "Bearer ", token, f"Bearer {key}", "Bearer a.b.c"):
        answer = await odds.get(MARKET, authorization=nonsense)
        assert is_problem(answer, "bad_token")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert is_problem(await odds.get(MARKET, x_api_key=bearer), "bad_api_key")


async def test_a_credential_in_the_address_is_refused_and_stands_in_no_log(odds: Odds, store: MemoryKeys) -> None:
    key = await store.make()
    with capture_logs() as lines:
        for path in (f"{MARKET}?api_key={key}", f"{MARKET}?x={key}", f"/v1/markets/{key}", f"/none/{key}"):
            assert is_problem(await odds.get(path), "credential_in_address")
            assert is_problem(await odds.get(path, x_api_key=key), "credential_in_address")
        await odds.get(MARKET, x_api_key=key)
        await odds.get(MARKET, x_api_key=key[:-1])
    said = str(lines)
    assert key[16:40] not in said
    assert f"key:{key[3:15]}" in said, "who asked is said by the public id"


async def test_scopes_open_what_they_name(odds: Odds, store: MemoryKeys) -> None:
    plain = await store.make("odds")
    for path, code in (
        (MARKET, None),
        ("/v1/events", None),
        ("/v1/events/E1/markets?class=main", None),
        ("/v1/events/E1/markets", "insufficient_scope"),
        ("/v1/events/E1/markets?class=prop", "insufficient_scope"),
        ("/v1/markets/M3", "insufficient_scope"),
        ("/v1/markets/none", "not_found"),
    ):
        for _ in range(2):
            answer = await odds.get(path, x_api_key=plain)
            assert answer.status_code == 200 if code is None else is_problem(answer, code)
            await odds.get(path, x_api_key=await store.make())
    for path in ("/v1/sports", MARKET, "/v1/events/E1"):
        assert is_problem(await odds.get(path, x_api_key=await store.make("stream")), "insufficient_scope")


async def test_a_plan_closes_classes_and_what_has_begun_and_never_thins_a_body(
    odds: Odds, store: MemoryKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANS, "small", Plan(name="small", pre_match=True, classes=frozenset(("main", "future"))))
    small, whole = await store.make(plan="small"), await store.make()
    for path, code in (
        ("/v1/sports", None),
        ("/v1/leagues", None),
        ("/v1/events", None),
        ("/v1/events/E2", None),
        ("/v1/futures", None),
        (MARKET, None),
        ("/v1/events/E1/markets?class=main", None),
        ("/v1/events/E1/markets", "not_in_plan"),
        ("/v1/events/E1/markets?class=alternate", "not_in_plan"),
        ("/v1/events/E2/markets?class=main", "not_in_plan"),
        ("/v1/markets/M2", "not_in_plan"),
        ("/v1/markets/M4", "not_in_plan"),
        ("/v1/events/none/markets?class=main", "not_found"),
    ):
        full = await odds.get(path, x_api_key=whole)
        answer = await odds.get(path, x_api_key=small)
        assert answer.content == full.content if code is None else is_problem(answer, code)
        if answer.status_code == 403:
            assert "small" in answer.json()["detail"]


async def test_an_event_that_begins_is_closed_to_a_plan_that_ends_then(odds: Odds, store: MemoryKeys) -> None:
    free = await store.make(plan="free")
    assert (await odds.get(MARKET, x_api_key=free)).status_code == 200
    odds.put(event(state="live"))
    assert is_problem(await odds.get(MARKET, x_api_key=free), "not_in_plan")


async def test_a_plan_s_limits_are_told_and_kept(odds: Odds, store: MemoryKeys) -> None:
    free = await store.make(plan="free")
    answers = [await odds.get(MARKET, x_api_key=free) for _ in range(40)]
    first = answers[0].headers
    assert first["ratelimit-policy"] == '"day";q=1000;w=86400, "burst";q=10;w=5'
    assert first["ratelimit"].startswith('"day";r=999;t=')
    denied = [answer for answer in answers if answer.status_code == 429]
    assert len(denied) >= 10
    for answer in denied:
        assert is_problem(answer, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
        assert '"burst";r=0' in answer.headers["ratelimit"]


async def test_while_the_database_is_away_the_known_go_on_and_strangers_are_not_called_bad(
    odds: Odds, store: MemoryKeys
) -> None:
    known, other = await store.make(), await store.make()
    assert (await odds.get(MARKET, x_api_key=known)).status_code == 200
    store.away = True
    assert (await odds.get(MARKET, x_api_key=known)).status_code == 200
    for _ in range(3):
        answer = await odds.get(MARKET, x_api_key=other)
        assert is_problem(answer, "access_unavailable")
        assert answer.headers["retry-after"] == "1"
    assert store.asked == 2, "it is not asked again at once"
    verifier_of(odds)._read_s -= 301
    verifier_of(odds)._forget_where_too_long()
    assert is_problem(await odds.get(MARKET, x_api_key=known), "access_unavailable")


async def test_tokens_of_a_revoked_account_are_worth_nothing(odds: Odds, store: MemoryKeys, tmp_path: Path) -> None:
    development = development_keys(tmp_path)
    tokens = {name: f"Bearer {development.token(name, ['odds'], ttl_s=60)}" for name in ("a", "b")}
    verifier = verifier_of(odds)
    for token in tokens.values():
        assert (await odds.get(MARKET, authorization=token)).status_code == 200
    await store.revoke_account("a")
    await verifier.read_revocations()
    other = development.token("a", ["odds", "props"], ttl_s=60, now_s=int(time.time()) - 5)
    for token in (tokens["a"], f"Bearer {other}"):
        assert is_problem(await odds.get(MARKET, authorization=token), "bad_token")
    anew = development.token("a", ["odds"], ttl_s=60, now_s=int(time.time()) + 5)
    assert (await odds.get(MARKET, authorization=f"Bearer {anew}")).status_code == 200
    assert (await odds.get(MARKET, authorization=tokens["b"])).status_code == 200


async def test_before_the_revocations_were_read_no_token_is_taken(store: MemoryKeys, tmp_path: Path) -> None:
    odds = guarded(store, tmp_path)
    async with odds.client:
        token = f"Bearer {development_keys(tmp_path).token('a', ['odds'], ttl_s=60)}"
        assert is_problem(await odds.get(MARKET, authorization=token), "access_unavailable")
        await verifier_of(odds).read_revocations()
        assert (await odds.get(MARKET, authorization=token)).status_code == 200


async def test_tokens_of_a_development_issuer_are_nothing_in_production(store: MemoryKeys, tmp_path: Path) -> None:
    development = development_keys(tmp_path)
    odds = guarded(store)
    async with odds.client:
        token = development.token("a", ["odds"], ttl_s=60)
        assert is_problem(await odds.get(MARKET, authorization=f"Bearer {token}"), "bad_token")
        assert is_problem(await odds.get(MARKET, x_api_key=development.key), "bad_api_key")
        forged = Signer("x").token(claims(ISSUER)).decode()
        assert is_problem(await odds.get(MARKET, authorization=f"Bearer {forged}"), "bad_token")


ORIGIN = "https://app.example"


async def test_pages_of_the_listed_origins_may_read_answers_and_refusals(store: MemoryKeys) -> None:
    odds = guarded(store, origins=f"{ORIGIN},http://127.0.0.1:3000")
    key = await store.make()
    async with odds.client:
        for answer in (await odds.get(MARKET, x_api_key=key, origin=ORIGIN), await odds.get(MARKET, origin=ORIGIN)):
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert "odds-cursor" in answer.headers["access-control-expose-headers"]
            assert "origin" in answer.headers.get_list("vary", split_commas=True)
        for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ORIGIN + ".evil"}, {}):
            answer = await odds.get(MARKET, x_api_key=key, **headers)
            assert "access-control-allow-origin" not in answer.headers
            assert "origin" in answer.headers.get_list("vary", split_commas=True)
        assert "access-control-allow-credentials" not in answer.headers


async def preflight(odds: Odds, origin: str) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-api-key"}
    return await odds.client.options(MARKET, headers=headers)


async def test_a_preflight_is_answered_without_a_credential(store: MemoryKeys) -> None:
    odds = guarded(store, origins=ORIGIN)
    async with odds.client:
        answer = await preflight(odds, ORIGIN)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "x-api-key" in answer.headers["access-control-allow-headers"]
        assert "access-control-allow-methods" not in (await preflight(odds, "https://evil.example")).headers
    assert store.asked == 0
    everyone = guarded(store, origins="*", anonymous=True)
    async with everyone.client:
        answer = await everyone.get(MARKET, origin="https://any.example")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["vary"] == "accept-encoding"
        assert (await preflight(everyone, "https://any.example")).headers["access-control-allow-origin"] == "*"
