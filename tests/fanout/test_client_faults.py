"""The reference client against a scripted server: gaps, refusals, close codes, silence, moves that go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response

from fanout.client import Notice, OddsStream, StreamRefused
from fanout.client.route import Route
from fanout.contract.replica import Message
from tests.fanout.scripted import ScriptedConnection, ScriptedShard, changes, live, market, subscribed
from tests.fanout.serving import QUICK


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedShard]:
    async with ScriptedShard().serving() as server:
        yield server


class Reading:
    """A stream that is read all the time, as a user does."""

    def __init__(self, stream: OddsStream, notices: list[Notice]) -> None:
        self.stream = stream
        self.notices = notices
        self.messages: list[Message] = []
        self._moved = asyncio.Event()

    async def run(self) -> None:
        async for message in self.stream:
            self.messages.append(message)
            self._moved.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for messages until the condition holds."""
        async with asyncio.timeout(10):
            while not condition():
                self._moved.clear()
                await self._moved.wait()


@asynccontextmanager
async def reading(*urls: str, topics: tuple[str, ...] = ("football",), **options: object) -> AsyncIterator[Reading]:
    """A stream with quick limits, read in the background."""
    notices: list[Notice] = []
    limits = QUICK._replace(**options)  # type: ignore[arg-type]
    async with OddsStream(topics, urls=urls, limits=limits, on_notice=notices.append) as stream:
        reader = Reading(stream, notices)
        running = asyncio.ensure_future(reader.run())
        yield reader
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def goes_live(connection: ScriptedConnection, cursor: str = "c1", *parts: Message) -> Message:
    """Answers the first subscribe with an image; gives what was said."""
    said = await connection.hears()
    await connection.says(subscribed(said), {"t": "img", "m": list(parts or (market(),))}, live(cursor))
    return said


async def refused(scripted: ScriptedShard, act: Callable[[], Awaitable[None]]) -> StreamRefused:
    """What the stream raises when the server does this."""
    async with OddsStream(["football"], urls=[scripted.url], limits=QUICK) as stream:
        acting = asyncio.ensure_future(act())
        with pytest.raises(StreamRefused) as caught:
            async for _ in stream:
                pass
        await acting
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    return caught.value


async def test_the_first_gap_asks_with_the_cursor_and_the_second_without(scripted: ScriptedShard) -> None:
    async with reading(scripted.url) as reader:
        connection = await scripted.accepts()
        assert (await goes_live(connection)).get("cursor") is None
        await connection.says(changes({"id": "M1", "p": 14, "s": 15, "ts": 1}, cursor="c2"))
        first = await connection.hears()
        assert (first["topics"], first["cursor"]) == (["football"], "c1")
        await connection.says(subscribed(first, "delta"), changes(market(s=15)), live("c3"))
        await reader.until(lambda: reader.stream.live and reader.stream.replica.cursor == "c3")

        await connection.says(changes({"id": "M9", "p": 14, "s": 17, "ts": 1}, cursor="c4"))
        second = await connection.hears()
        assert (second["topics"], second.get("cursor")) == (["football"], None)
        await connection.says(subscribed(second), changes(market("M9", s=17)), live("c5"))
        await reader.until(lambda: reader.stream.replica.cursor == "c5")
        assert set(reader.stream.replica.markets) == {"M9"}


async def test_a_cursor_is_claimed_only_for_topics_that_were_held(scripted: ScriptedShard) -> None:
    async with reading(scripted.url) as reader:
        connection = await scripted.accepts()
        await goes_live(connection)
        await reader.until(lambda: reader.stream.live)
        await reader.stream.subscribe(["soccer"])
        added = await connection.hears()
        assert (added["topics"], added.get("cursor")) == (["soccer"], None)
        await connection.says(subscribed(added))
        await connection.closes(4010)

        connection = await scripted.accepts()
        resumed, anew = await connection.hears(), await connection.hears()
        assert (resumed["topics"], resumed["cursor"]) == (["football"], "c1")
        assert (anew["topics"], anew.get("cursor")) == (["soccer"], None)
        await connection.says(subscribed(resumed, "current"), subscribed(anew), live("c2", "football", "soccer"))
        await reader.until(lambda: reader.stream.live)
        await connection.closes(4010)

        both = await (await scripted.accepts()).hears()
        assert (both["topics"], both["cursor"]) == (["football", "soccer"], "c2")


@pytest.mark.parametrize("code", [4001, 4003, 4400])
async def test_a_final_close_is_raised(scripted: ScriptedShard, code: int) -> None:
    async def act() -> None:
        await (await scripted.accepts()).closes(code, "because")

    assert (await refused(scripted, act)).code == f"close_{code}"


@pytest.mark.parametrize("code", [1011, 4000, 4008, 4009, 4010, 4029])
async def test_every_other_close_resumes(scripted: ScriptedShard, code: int) -> None:
    async with reading(scripted.url) as reader:
        connection = await scripted.accepts()
        await goes_live(connection)
        await reader.until(lambda: reader.stream.live)
        await connection.closes(code)
        assert (await (await scripted.accepts()).hears())["cursor"] == "c1"
        assert [notice.kind for notice in reader.notices[:2]] == ["connected", "reconnecting"]


async def test_an_error_never_to_be_repeated_is_raised(scripted: ScriptedShard) -> None:
    async def act() -> None:
        connection = await scripted.accepts()
        said = await connection.hears()
        error = {"t": "error", "id": said["id"], "code": "not_entitled", "message": "no", "topic": "football"}
        await connection.says(error | {"retry": "never", "fatal": False})

    error = await refused(scripted, act)
    assert (error.code, error.topic, str(error)) == ("not_entitled", "football", "no")


async def test_an_error_that_may_pass_is_tried_again(scripted: ScriptedShard) -> None:
    async with reading(scripted.url) as reader:
        connection = await scripted.accepts()
        said = await connection.hears()
        error = {
            "t": "error",
            "id": said["id"],
            "code": "internal",
            "message": "oh",
            "retry": "backoff",
            "fatal": False,
        }
        await connection.says(error)
        await connection.closed()
        await goes_live(await scripted.accepts())
        await reader.until(lambda: reader.stream.live)


def answering(status: HTTPStatus, **headers: str) -> Callable[[ServerConnection], Response]:
    def answer(connection: ServerConnection) -> Response:
        response = connection.respond(status, "no\n")
        response.headers.update(headers)
        return response

    return answer


async def test_an_http_refusal_is_raised(scripted: ScriptedShard) -> None:
    scripted.refuse = answering(HTTPStatus.FORBIDDEN)

    async def act() -> None:
        return None

    assert (await refused(scripted, act)).code == "http_403"


async def test_a_refusal_that_may_pass_is_tried_again(scripted: ScriptedShard) -> None:
    answers = [answering(HTTPStatus.SERVICE_UNAVAILABLE), answering(HTTPStatus.TOO_MANY_REQUESTS)]
    scripted.refuse = lambda connection: answers.pop(0)(connection) if answers else None
    async with reading(scripted.url) as reader:
        await goes_live(await scripted.accepts())
        await reader.until(lambda: reader.stream.live)
        assert [notice.reason.split(",")[0] for notice in reader.notices] == ["HTTP 503", "HTTP 429", ""]


def test_a_retry_after_is_obeyed_at_the_address_that_gave_it() -> None:
    alone = Route(["ws://a"], QUICK)
    alone.failed("ws://a", 30.0, 1000.0)
    assert 30 < alone.after_failure(1000.0).delay_s < 31
    pair = Route(["ws://a", "ws://b"], QUICK)
    pair.failed(pair.first().url, 30.0, 1000.0)
    assert pair.after_failure(1000.0).url == "ws://b"
    again = pair.after_failure(1000.0)
    assert (again.url, again.delay_s < 1) == ("ws://b", True)


def test_an_address_that_failed_is_not_the_next_one() -> None:
    route = Route(["ws://a", "ws://b", "ws://c"], QUICK)
    route.first()
    route.prefer("ws://b")
    assert route.moving(0.0, 0.0).url == "ws://b"
    route.failed("ws://b", 0.0, 0.0)
    assert route.after_failure(0.0).url == "ws://c"
    route.failed("ws://elsewhere", 0.0, 0.0)
    assert route.after_failure(0.0).url == "ws://a"


def test_waits_grow_to_a_bound_until_one_attempt_is_live() -> None:
    route = Route(["ws://a"], QUICK)
    waits = [route.after_failure(0.0).delay_s for _ in range(40)]
    assert QUICK.backoff_s / 2 <= waits[0] <= QUICK.backoff_s
    assert all(QUICK.backoff_max_s / 2 <= wait <= QUICK.backoff_max_s for wait in waits[5:])
    route.succeeded()
    assert route.after_failure(0.0).delay_s <= QUICK.backoff_s


async def test_three_heartbeats_of_silence_are_the_end(scripted: ScriptedShard) -> None:
    async with reading(scripted.url) as reader:
        connection = await scripted.accepts(hb_ms=50)
        await goes_live(connection)
        await (await scripted.accepts()).hears()
        assert reader.notices[1].kind == "reconnecting"
        assert reader.notices[1].reason.startswith("nothing was heard")


async def test_too_large_a_message_ends_the_connection(scripted: ScriptedShard) -> None:
    async with reading(scripted.url, message_bytes=1000) as reader:
        connection = await scripted.accepts()
        await connection.says({"t": "news", "text": "x" * 2000})
        await connection.closed()
        await goes_live(await scripted.accepts())
        await reader.until(lambda: reader.stream.live)


def draining(url: str | None) -> Message:
    message: Message = {"t": "drain", "after_ms": 0, "deadline_ms": 10_000}
    return message if url is None else message | {"url": url}


async def test_the_old_connection_delivers_until_the_new_one_is_live(scripted: ScriptedShard) -> None:
    async with ScriptedShard().serving() as other, reading(scripted.url) as reader:
        old = await scripted.accepts()
        await goes_live(old)
        await old.says(draining(other.url))
        new = await other.accepts()
        said = await new.hears()
        assert said["cursor"] == "c1"
        await old.says(changes({"id": "M1", "p": 10, "s": 11, "ts": 1}, cursor="c2"))
        await reader.until(lambda: reader.stream.replica.cursor == "c2")
        assert reader.stream.live
        await new.says(subscribed(said, "delta"), changes({"id": "M1", "p": 0, "s": 11, "ts": 1}), live("c2"))
        await old.closed()
        await new.says(changes({"id": "M1", "p": 11, "s": 12, "ts": 1}, cursor="c3"))
        await reader.until(lambda: reader.stream.replica.cursor == "c3")
        assert [notice.kind for notice in reader.notices] == ["connected", "moved"]
        assert reader.stream.replica.gaps == 0


async def test_a_gap_on_the_old_connection_comes_before_the_move(scripted: ScriptedShard) -> None:
    async with ScriptedShard().serving() as other, reading(scripted.url) as reader:
        old = await scripted.accepts()
        await goes_live(old)
        await old.says(draining(other.url))
        given_up = await other.accepts()
        await given_up.hears()
        await old.says(changes({"id": "M1", "p": 14, "s": 15, "ts": 1}, cursor="c2"))
        await given_up.closed()
        said = await old.hears()
        await old.says(subscribed(said, "delta"), changes(market(s=15)), live("c3"))
        new = await other.accepts()
        again = await new.hears()
        assert again["cursor"] == "c3"
        await new.says(subscribed(again, "current"), live("c3"))
        await reader.until(lambda: reader.notices[-1].kind == "moved")


async def test_another_log_on_the_new_connection_leaves_the_old_one_at_once(scripted: ScriptedShard) -> None:
    async with ScriptedShard().serving() as other, reading(scripted.url) as reader:
        old = await scripted.accepts()
        await goes_live(old, "c1", market(s=900))
        await old.says(draining(other.url))
        new = await other.accepts()
        said = await new.hears()
        await new.says(subscribed(said, epoch="b"))
        await old.closed()
        await new.says({"t": "img", "m": [market(s=3)]}, live("n1"))
        await reader.until(lambda: reader.stream.replica.cursor == "n1")
        assert reader.stream.replica.last == {"M1": 3}


async def test_a_move_that_fails_is_tried_again_while_the_old_connection_lives(scripted: ScriptedShard) -> None:
    async with ScriptedShard().serving() as other, reading(scripted.url, other.url) as reader:
        answers = [answering(HTTPStatus.FORBIDDEN), answering(HTTPStatus.SERVICE_UNAVAILABLE)]
        other.refuse = lambda connection: answers.pop(0)(connection) if answers else None
        old = await scripted.accepts()
        await goes_live(old)
        scripted.refuse = answering(HTTPStatus.SERVICE_UNAVAILABLE)
        await old.says(draining(other.url))
        new = await other.accepts()
        await new.says(subscribed(await new.hears(), "current"), live("c2"))
        await reader.until(lambda: reader.notices[-1].kind == "moved")


async def test_the_old_connection_may_end_before_the_new_one_is_live(scripted: ScriptedShard) -> None:
    async with ScriptedShard().serving() as other, reading(scripted.url) as reader:
        old = await scripted.accepts()
        await goes_live(old)
        await old.says(draining(other.url))
        new = await other.accepts()
        said = await new.hears()
        await old.closes(4010)
        await new.says(subscribed(said, "current"), live("c2"))
        await reader.until(lambda: reader.stream.live and reader.stream.replica.cursor == "c2")
        assert [notice.kind for notice in reader.notices] == ["connected", "reconnecting", "moved"]


async def test_sent_away_at_once_goes_where_it_was_told(scripted: ScriptedShard) -> None:
    async with ScriptedShard().serving() as other, reading(scripted.url) as reader:
        old = await scripted.accepts()
        await old.hears()
        await old.says(draining(other.url))
        await old.closes(4010)
        await goes_live(await other.accepts())
        await reader.until(lambda: reader.stream.live)
