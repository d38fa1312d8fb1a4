"""The client against the whole service over ASGI, and against servers that answer what a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.client import (
    ApiLimits,
    BadAnswer,
    Limited,
    NotFound,
    OddsApi,
    ProblemError,
    RetryBudget,
    Unavailable,
    Unreachable,
)
from gateway.read.views import PAGE_ITEMS
from tests.bus import event, market
from tests.gateway.api.odds import Odds
from tests.gateway.rsgi import RsgiTransport

QUICK = ApiLimits(backoff_s=0.001, backoff_max_s=0.002, call_s=10.0)


@asynccontextmanager
async def of(odds: Odds) -> AsyncIterator[OddsApi]:
    transport = RsgiTransport(odds.gateway.front())
    async with odds.client, OddsApi("http://gateway", transport=transport) as api:
        yield api


async def test_boards_are_typed_and_asked_for_by_etag() -> None:
    odds = Odds()
    odds.put(event("E1"), market("M1", "E1"), market("M2", "E1", ts=2))
    async with of(odds) as api:
        first = await api.board("E1", cls="main")
        assert {each.id for each in first.value.items} == {"M1", "M2"}
        assert first.value.items[0].x[0].a == 101
        assert first.cursor
        assert not first.unchanged
        again = await api.board("E1", cls="main")
        assert again.unchanged
        assert again.value == first.value
        assert again.message()["event"]["id"] == "E1"
        odds.put(market("M1", "E1", ts=7))
        changed = await api.board("E1", cls="main")
        assert not changed.unchanged
        assert changed.cursor != first.cursor


async def test_lists_go_on_page_after_page() -> None:
    odds = Odds()
    count = PAGE_ITEMS * 2 + 5
    odds.put(*(event(f"E{number:04d}") for number in range(count)))
    async with of(odds) as api:
        assert [each.id async for each in api.events(league="nfl")] == [f"E{number:04d}" for number in range(count)]
        assert [each.id async for each in api.sports()] == ["football"]
        assert [each.topic async for each in api.leagues(sport="football")] == ["football.nfl"]
        assert [each async for each in api.events(state="ended")] == []


async def test_a_problem_is_an_error_with_its_code_and_request() -> None:
    async with of(Odds()) as api:
        with pytest.raises(NotFound) as missing:
            await api.market("M404")
        assert missing.value.code == "not_found"
        assert missing.value.request_id
        assert missing.value.request_id in str(missing.value)
        with pytest.raises(ProblemError) as refused:
            await api.board("E1", cls="main", player="P1")
        assert (refused.value.code, refused.value.status) == ("contradictory_parameters", 400)


class Server:
    """Answers in turn, then the last for ever."""

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append((request.url.path, dict(request.headers), await request.body()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @asynccontextmanager
    async def serving(self, **options: Any) -> AsyncIterator[OddsApi]:
        """A client of it that has retries saved up."""
        app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])
        budget = RetryBudget()
        for _ in range(100):
            budget.called()
        limits = options.pop("limits", QUICK)
        options = {"budget": budget, **options}
        async with OddsApi("http://gateway", transport=httpx.ASGITransport(app), limits=limits, **options) as api:
            yield api


def refusal(status: int, code: str, **headers: str) -> Response:
    body = {"type": "about:blank", "title": "t", "status": status, "code": code, "request_id": "r-9"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(body, status, named, "application/problem+json")


EVENT = {"id": "E1", "topic": "a.b.E1", "name": "n", "start": "2030-01-01T00:00:00Z", "state": "live", "s": 1}


async def test_what_may_pass_is_tried_again() -> None:
    broken = Response("Bad Gateway", 502)
    server = Server(refusal(503, "not_ready", retry_after="0"), broken, httpx.ReadTimeout("late"), JSONResponse(EVENT))
    async with server.serving() as api:
        assert (await api.event("E1")).value.name == "n"
    assert len(server.asked) == 4


async def test_the_budget_ends_it() -> None:
    server = Server(refusal(503, "not_ready"))
    async with server.serving(budget=RetryBudget()) as api:
        for _ in range(40):
            with pytest.raises(Unavailable):
                await api.event("E1")
    assert len(server.asked) == 44


async def test_attempts_end_it() -> None:
    server = Server(httpx.ConnectError("refused"))
    async with server.serving() as api:
        with pytest.raises(Unreachable):
            await api.event("E1")
    assert len(server.asked) == QUICK.attempts


@pytest.mark.parametrize("answer", [refusal(404, "not_found"), refusal(429, "limited", retry_after="60")])
async def test_what_will_not_pass_soon_is_told_at_once(answer: Response) -> None:
    server = Server(answer)
    async with server.serving() as api:
        with pytest.raises((NotFound, Limited)):
            await api.event("E1")
    assert len(server.asked) == 1


class Placed(msgspec.Struct):
    id: str


async def test_a_write_is_tried_again_only_under_its_key() -> None:
    server = Server(httpx.ReadTimeout("late"), refusal(409, "key_running"), JSONResponse({"id": "B1"}, 201))
    async with server.serving() as api:
        placed = await api.write("/v1/bets", {"stake": "1.00"}, Placed, idempotency_key="k-1")
    assert placed.id == "B1"
    assert [(asked[1]["idempotency-key"], asked[2]) for asked in server.asked] == [("k-1", b'{"stake":"1.00"}')] * 3

    server = Server(httpx.ReadTimeout("late"), JSONResponse({"id": "B1"}, 201))
    async with server.serving() as api:
        with pytest.raises(Unreachable):
            await api.write("/v1/bets", {"stake": "1.00"}, Placed)
    assert len(server.asked) == 1


async def test_key_and_token_stand_in_their_headers_and_in_no_error() -> None:
    tokens = iter(("t-1", "t-2"))

    async def bearer() -> str:
        return next(tokens)

    server = Server(refusal(503, "not_ready"), refusal(401, "unauthenticated"))
    async with server.serving(key="secret-key", bearer=bearer) as api:
        with pytest.raises(ProblemError) as refused:
            await api.event("E1")
    assert [asked[1]["authorization"] for asked in server.asked] == ["Bearer t-1", "Bearer t-2"]
    assert server.asked[0][1]["x-api-key"] == "secret-key"
    assert "secret-key" not in repr(refused.value) + str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response("<html>", 200),
        lambda: JSONResponse({"id": 7}),
        lambda: Response(b"x" * 2_000, 200),
        lambda: Response(b"no gzip", 200, {"Content-Encoding": "gzip"}),
    ],
)
async def test_what_is_no_answer_of_this_api_is_said(answer: Callable[[], Response]) -> None:
    server = Server(answer())
    async with server.serving(limits=QUICK._replace(answer_bytes=1_000)) as api:
        with pytest.raises(BadAnswer):
            await api.event("E1")
    assert len(server.asked) == 1
