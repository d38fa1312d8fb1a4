"""What is answered ahead of the routes is what they say; what Granian gives reaches them whole."""

import asyncio
from typing import Any

import httpx
import pytest

from gateway.api.listening import _Inbox
from gateway.api.rsgi import by_asgi
from tests.fanout.serving import event, spread
from tests.gateway.api.odds import Odds
from tests.gateway.rsgi import Answering, Asked, Given


@pytest.mark.parametrize("headers", [{}, {"accept-encoding": "gzip"}, {"if-none-match": "*"}, {"request-id": "r-1"}])
async def test_a_read_ahead_of_the_routes_says_what_its_route_says(headers: dict[str, str]) -> None:
    odds = Odds()
    odds.put(event(), *(spread(f"M{n}") for n in range(1, 9)))
    async with odds.client:
        for path in ("/v1/markets/M1", "/v1/events/E1/markets", "/v1/events?league=nfl"):
            routed, ahead = [await odds.client.get(path, headers=headers) for _ in range(2)]
            alike = {**ahead.headers, "request-id": ""}
            assert alike == {**routed.headers, "request-id": ""}
            assert (ahead.status_code, ahead.content) == (routed.status_code, routed.content)
        told = (await odds.get("/metrics")).text
    assert 'oddswire_gateway_request_seconds_count{route="market"} 2.0' in told


async def test_a_header_that_is_not_ascii_is_one_without_a_value() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del receive
        seen.update(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    asked = Asked(httpx.Request("GET", "http://[::1]/a%20b?c=%ff"))
    asked.headers = Given([(b"a", b"1"), (b"A", b"2"), (b"x-api-key", b"\xff")])
    asked.client = "[::1]:8"
    answering = Answering()
    await by_asgi(app, asked, answering)
    assert (await answering.answer)[0] == 204
    assert seen["headers"] == [(b"a", b"1"), (b"a", b"2"), (b"x-api-key", b"")]
    assert (seen["path"], seen["query_string"], seen["client"]) == ("/a b", b"c=%ff", ("::1", "8"))


async def test_a_body_that_ends_before_it_is_whole_is_told_and_nobody_waits_for_an_answer_that_failed() -> None:
    got: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope, send
        got.extend([await receive(), await receive()])
        raise LookupError

    answering = Answering(aiter(httpx.ByteStream(b"{}")))
    asked = Asked(httpx.Request("POST", "http://a/", headers={"content-length": "3"}))
    with pytest.raises(LookupError):
        await by_asgi(app, asked, answering)
    assert [message["type"] for message in got] == ["http.request", "http.disconnect"]
    assert (await answering.answer)[0] == 500


async def test_a_request_that_fails_is_not_the_others_fault() -> None:
    loop, taken, failed = asyncio.get_running_loop(), [], []
    loop.set_exception_handler(lambda _, context: failed.append(context["exception"]))
    done = asyncio.Event()

    class Request:
        def __init__(self, scope: int) -> None:
            self.scope, self.proto = scope, None

    def take(scope: Any, proto: Any) -> None:
        del proto
        if scope == 1:
            raise LookupError
        taken.append(scope)
        if scope == 3:
            done.set()

    inbox = _Inbox(loop, take)

    def put_all() -> None:
        for number in range(4):
            inbox.put(Request(number))

    await asyncio.to_thread(put_all)
    async with asyncio.timeout(5):
        await done.wait()
    assert taken == [0, 2, 3]
    assert [type(error) for error in failed] == [LookupError]
