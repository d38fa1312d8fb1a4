"""Bad input: every way in answers with a problem of the table, never a fault, and repeats nothing it should not."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.api.app import HEADERS_BYTES_MAX, TARGET_BYTES_MAX
from gateway.api.edge import App, Exchange, Receive, Scope, Send
from gateway.api.parameters import PARAMETERS_MAX
from gateway.api.problems import PROBLEMS, answer, of_status
from tests.fanout.serving import event, spread
from tests.gateway.api.odds import Odds


@pytest.fixture
async def odds() -> AsyncIterator[Odds]:
    made = Odds()
    made.put(event(), spread(), *(event(f"N{n:03d}") for n in range(101)))
    async with made.client:
        yield made


def is_problem(answer: httpx.Response, code: str) -> bool:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.status_code == problem["status"] == PROBLEMS[code].status
    assert problem["request_id"] == answer.headers["request-id"]
    assert problem["type"] == f"/docs#{problem['code']}"
    return bool(problem["code"] == code)


LONGEST_ID = "a" * 64


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/markets/" + LONGEST_ID, "not_found"),
        ("/v1/markets/" + LONGEST_ID + "a", "bad_parameter"),
        ("/v1/markets/M1?odds_format=roman", "bad_parameter"),
        ("/v1/markets/M1?odds_format=", "bad_parameter"),
        ("/v1/markets/M1?odds_format=all&odds_format=all", "duplicate_parameter"),
        ("/v1/markets/M1?odds_format=all&odds_format=decimal", "duplicate_parameter"),
        ("/v1/markets/E1", "not_found"),
        ("/v1/events/M1", "not_found"),
        ("/v1/events/E1/markets?class=every", "bad_parameter"),
        ("/v1/events/E1/markets?player=P1", "contradictory_parameters"),
        ("/v1/events/E1/markets?class=main&player=P1", "contradictory_parameters"),
        ("/v1/events/E1/markets?class=prop&player=" + "p" * 65, "bad_parameter"),
        ("/v1/events?state=over", "bad_parameter"),
        ("/v1/events?league=a.b.c", "bad_parameter"),
        ("/v1/events?league=../../etc", "bad_parameter"),
        ("/v1/leagues?sport=Football", "bad_parameter"),
        ("/v1/events?page_token=AAAA", "bad_page_token"),
        ("/v1/events?page_token=A", "bad_page_token"),
        ("/v1/events?page_token=" + "A" * 512, "bad_page_token"),
        ("/v1/events?page_token=" + "A" * 513, "bad_parameter"),
        ("/v1/events?page_token=%F0%9F%8F%88", "bad_parameter"),
        ("/v1/events?page_token=", "bad_parameter"),
        ("/v1/events?league=%ff%fe", "bad_encoding"),
        ("/v1/events?" + "&".join("x" * 3 for _ in range(PARAMETERS_MAX + 1)), "bad_parameter"),
        ("/v1/events?x=" + "y" * TARGET_BYTES_MAX, "target_too_long"),
        ("/v1/events/", "no_such_route"),
        ("/v1/markets/../../etc/passwd", "no_such_route"),
        ("/v1/markets/a%2Fb", "no_such_route"),
        ("/V1/markets/M1", "no_such_route"),
        ("//v1/markets/M1", "no_such_route"),
        ("/", "no_such_route"),
    ],
)
async def test_every_parameter_at_its_limits_and_beyond(path: str, code: str, odds: Odds) -> None:
    url = httpx.URL("http://gateway").copy_with(raw_path=path.encode())
    assert is_problem(await odds.client.get(url), code)


async def test_parameters_nobody_knows_are_ignored_and_fill_no_memory(odds: Odds) -> None:
    plain = await odds.get("/v1/markets/M1")
    known = len(odds.gateway.shelf.targets)
    for n in range(100):
        answer = await odds.get(f"/v1/markets/M1?utm_source={n}&utm_source={n}")
        assert answer.content == plain.content or is_problem(answer, "duplicate_parameter")
        assert (await odds.get(f"/v1/markets/M1?nonsense={n}")).content == plain.content
        assert (await odds.get(f"/v1/markets/nothing{n}")).status_code == 404
    assert len(odds.gateway.shelf.targets) == known


async def test_a_token_of_another_list_is_refused(odds: Odds) -> None:
    token = (await odds.body("/v1/events"))["next_page_token"]
    assert token
    assert (await odds.get(f"/v1/events?page_token={token}")).status_code == 200
    for path in (f"/v1/events?league=nfl&page_token={token}", f"/v1/futures?page_token={token}"):
        assert is_problem(await odds.get(path), "bad_page_token")
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        answer = await odds.get(f"/v1/events?page_token={changed}")
        assert answer.status_code == 400 or answer.content == (await odds.get(f"/v1/events?page_token={token}")).content


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_are_refused_with_what_is_allowed(method: str, odds: Odds) -> None:
    await odds.get("/v1/markets/M1")
    for path in ("/v1/markets/M1", "/v1/events", "/live"):
        answer = await odds.client.request(method, path)
        assert is_problem(answer, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_large_headers_are_refused_where_a_request_is_routed(odds: Odds) -> None:
    answer = await odds.get("/v1/events", cookie="c" * HEADERS_BYTES_MAX)
    assert is_problem(answer, "headers_too_large")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": '"><script>alert(1)</script>'},
        {"x-forwarded-host": "evil.example"},
        {"if-none-match": '"' * 5_000},
        {"if-none-match": "\x80\xff"},
        {"accept-encoding": ";q=;;,,gzip;q=nan,zstd;q=1e999,*;q=-1"},
        {"accept-encoding": "gzip," * 2_000},
        {"accept": "text/html;q=0.0000000000001"},
        {"range": "bytes=0-0"},
        {"content-length": "0", "content-type": "application/json"},
    ],
)
async def test_hostile_headers_change_nothing(headers: dict[str, str], odds: Odds) -> None:
    for path in ("/v1/markets/M1", "/v1/markets/none", "/docs", "/openapi.json"):
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = await odds.client.get(path, headers=raw)
        assert answer.status_code in (200, 404)
        assert "evil" not in answer.text
        assert "evil" not in str(answer.headers)
        assert "alert(1)" not in answer.text


async def test_sane_request_ids_are_echoed_and_others_replaced(odds: Odds) -> None:
    for sane in ("a", "b" * 64, "req_1.2-3"):
        assert (await odds.get("/v1/markets/M1", request_id=sane)).headers["request-id"] == sane
    given = set()
    for bad in ("", "b" * 65, "a b", 'a"b', "<script>"):
        for path in ("/v1/markets/M1", "/v1/none", "/live"):
            given.add((await odds.get(path, request_id=bad)).headers["request-id"])
    assert len(given) == 15
    assert not given & {"", "b" * 65, "a b", 'a"b', "<script>"}


async def test_what_nobody_expected_is_a_problem_that_tells_nothing(odds: Odds) -> None:
    del odds.gateway.book.lanes
    for path in ("/v1/leagues", "/v1/markets/M9", "/ready"):
        answer = await odds.get(path)
        assert is_problem(answer, "internal")
        assert "lanes" not in answer.text


async def test_a_layer_for_access_stands_ahead_of_kept_bytes() -> None:
    def keyed(app: App) -> App:
        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            exchange: Exchange = scope["exchange"]
            if exchange.headers.get(b"x-api-key") == b"right":
                await app(scope, receive, send)
            else:
                await exchange.answer(answer("not_found", exchange.request_id.decode()))

        return layer

    guarded = Odds(access=(keyed,))
    guarded.put(event(), spread())
    async with guarded.client:
        for _ in range(2):
            assert (await guarded.get("/v1/markets/M1", x_api_key="right")).status_code == 200
            refused = await guarded.get("/v1/markets/M1", request_id="r1")
            assert is_problem(refused, "not_found")
            assert refused.headers["request-id"] == "r1"


def test_statuses_of_the_framework_have_codes() -> None:
    assert [of_status(status) for status in (404, 405, 413, 500)] == [
        "no_such_route",
        "method_not_allowed",
        "bad_parameter",
        "internal",
    ]
