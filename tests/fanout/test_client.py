"""The reference client against real shards over one log in memory."""

from __future__ import annotations

import asyncio

import pytest

from fanout.client import Notice, OddsStream, StreamRefused
from tests.fanout.memory_log import MemoryLog
from tests.fanout.serving import QUICK, event, live, price, priced, shard, spread, until, url_of

both_ways = pytest.mark.parametrize("sse", [False, True], ids=["websocket", "sse"])


@both_ways
async def test_an_image_then_deltas(sse: bool) -> None:
    log = MemoryLog()
    log.append(event())
    log.append(spread())
    async with shard(log) as server, OddsStream(["football"], urls=[url_of(server)], conflate_ms=0, sse=sse) as stream:
        await live(stream)
        assert stream.live
        assert price(stream) == -110
        assert stream.replica.events["E1"]["score"] == {"home": 7, "away": 3}

        log.append(spread(home=-112))
        await until(stream, lambda message: message["t"] == "d")  # the first change a shard sends is whole
        log.append(spread(home=-115))
        message = await until(stream, lambda message: message["t"] == "d")
        assert message["m"][0]["x"] == [{"id": "M1h", "a": -115, "d": "1.870"}]
        assert price(stream) == -115
        assert stream.replica.cursor == message["cursor"]


@both_ways
async def test_resumes_on_another_shard_with_what_it_missed_alone(sse: bool) -> None:
    log = MemoryLog()
    log.append(spread())
    log.append(spread("M2"))
    notices: list[Notice] = []
    async with shard(log, name="second") as second:
        async with shard(log, name="first") as first:
            urls = [url_of(first), url_of(second)]
            stream = OddsStream(["football"], urls=urls, sse=sse, limits=QUICK, on_notice=notices.append)
            await stream.__aenter__()
            await live(stream)
        log.append(spread(home=-120))
        answer = await until(stream, lambda message: message["t"] == "subscribed")
        assert answer["topics"] == {"football": "delta"}
        caught_up = await until(stream, lambda message: message["t"] == "d")
        assert [market["id"] for market in caught_up["m"]] == ["M1"]
        await live(stream)
        assert price(stream) == -120
        await stream.close()
    assert [notice.kind for notice in notices] == ["connected", "reconnecting", "connected"]
    assert notices[-1].url == url_of(second)


@both_ways
async def test_a_drain_is_a_move_without_a_lost_change(sse: bool) -> None:
    log = MemoryLog()
    log.append(spread())
    notices: list[Notice] = []
    async with (
        shard(log, name="second") as second,
        shard(log, name="first", peers=(url_of(second),)) as first,
        OddsStream(
            ["football"], urls=[url_of(first)], conflate_ms=0, sse=sse, limits=QUICK, on_notice=notices.append
        ) as stream,
    ):
        await live(stream)
        draining = asyncio.ensure_future(first.drain())
        for american in range(-111, -400, -1):
            log.append(spread(home=american))
            await priced(stream, american)
            if draining.done() and stream.live:
                break
        await draining
        assert stream.replica.gaps == 0
        assert second.front.connections
    assert [notice.kind for notice in notices] == ["connected", "moved"]


@both_ways
async def test_a_refused_topic_is_raised_with_its_name(sse: bool) -> None:
    async with (
        shard(MemoryLog()) as server,
        OddsStream(["football", "No Such"], urls=[url_of(server)], sse=sse) as stream,
    ):
        with pytest.raises(StreamRefused, match="a topic is") as refused:
            await live(stream)
        assert refused.value.code == "bad_topic"
        assert sse or refused.value.topic == "No Such"


@both_ways
async def test_too_many_topics_are_refused(sse: bool) -> None:
    async with (
        shard(MemoryLog(), topics=1) as server,
        OddsStream(["football", "soccer"], urls=[url_of(server)], sse=sse) as stream,
    ):
        with pytest.raises(StreamRefused) as refused:
            await live(stream)
        assert refused.value.code == "topic_limit"


@both_ways
async def test_topics_come_and_go(sse: bool) -> None:
    log = MemoryLog()
    log.append(spread())
    log.append(spread("M2", event_id="E2"))
    async with shard(log) as server, OddsStream(["football.nfl.E1"], urls=[url_of(server)], sse=sse) as stream:
        await live(stream)
        assert set(stream.replica.markets) == {"M1"}
        await stream.subscribe(["football.nfl.E2"])
        await until(stream, lambda message: message["t"] == "live" and "M2" in stream.replica.markets)
        assert set(stream.replica.markets) == {"M1", "M2"}
        await stream.unsubscribe(["football.nfl.E1"])
        await until(stream, lambda _: set(stream.replica.markets) == {"M2"})
        assert stream.topics == ("football.nfl.E2",)


async def test_a_full_shard_is_left_for_another() -> None:
    log = MemoryLog()
    log.append(spread())
    notices: list[Notice] = []
    async with (
        shard(log, sockets=1) as full,
        shard(log) as other,
        OddsStream(["football"], urls=[url_of(full)]) as first,
    ):
        await live(first)
        urls = [url_of(full), url_of(other)]
        async with OddsStream(["football"], urls=urls, limits=QUICK, on_notice=notices.append) as second:
            await live(second)
    assert [(notice.kind, notice.url) for notice in notices] == [("unreachable", urls[0]), ("connected", urls[1])]
    assert "HTTP 503" in notices[0].reason


@both_ways
async def test_nobody_there_is_told_and_tried_again(sse: bool, unused_tcp_port: int) -> None:
    log = MemoryLog()
    log.append(spread())
    told = asyncio.Event()
    notices: list[Notice] = []

    def hear(notice: Notice) -> None:
        notices.append(notice)
        told.set()

    url = f"ws://127.0.0.1:{unused_tcp_port}/v1/stream"
    async with OddsStream(["football"], urls=[url], sse=sse, limits=QUICK, on_notice=hear) as stream:
        reading = asyncio.ensure_future(live(stream))
        await told.wait()
        assert notices[0] == Notice("unreachable", url, "connection refused")
        async with shard(log, port=unused_tcp_port):
            await reading
            assert price(stream) == -110


@both_ways
async def test_another_log_starts_anew(sse: bool) -> None:
    log = MemoryLog()
    log.append(spread())
    async with shard(log) as server, OddsStream(["football"], urls=[url_of(server)], sse=sse) as stream:
        await live(stream)
        epoch = stream.replica.epoch
        log.new_epoch()
        log.append(spread("M2"))
        await until(stream, lambda message: message["t"] == "live")
        assert set(stream.replica.markets) == {"M2"}
        assert stream.replica.epoch != epoch


async def test_a_stream_needs_topics_and_urls() -> None:
    with pytest.raises(ValueError, match="at least one"):
        OddsStream([], urls=["ws://127.0.0.1:1/v1/stream"])
    with pytest.raises(ValueError, match="at least one"):
        OddsStream(["football"], urls=[])


@both_ways
async def test_begins_with_a_board_and_goes_on_from_its_cursor(sse: bool) -> None:
    log = MemoryLog()
    log.append(event())
    log.append(spread())
    async with shard(log) as server:
        async with OddsStream(["football.nfl.E1"], urls=[url_of(server)]) as stream:
            await live(stream)
            held = stream.replica
            board = {"event": held.events["E1"], "items": list(held.markets.values()), "src": {}}
        told: list[tuple[str, str]] = []
        stream = OddsStream(
            ["football.nfl.E1"], urls=[url_of(server)], sse=sse, on_state=lambda *turned: told.append(turned)
        )
        assert held.cursor is not None
        stream.hold("football.nfl.E1", board, held.cursor)
        with pytest.raises(ValueError, match="one board"):
            stream.hold("football.nfl.E1", board, held.cursor)
        assert price(stream) == -110
        log.append(spread(home=-120))
        async with stream:
            answer = await until(stream, lambda message: message["t"] == "subscribed")
            assert answer["topics"] == {"football.nfl.E1": "delta"}
            await live(stream)
            assert price(stream) == -120
            assert stream.states == {"football.nfl.E1": "live"}
        assert told == [("football.nfl.E1", state) for state in ("rebuilding", "live", "closed")]
