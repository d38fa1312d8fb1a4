"""A device's way through the line, over real sockets and a real nats-server: PROTOCOL.md sections 2 to 4."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse
from websockets.frames import Frame, Opcode

from fanout.contract.replica import Replica
from fanout.server import Server
from feeds.adapters.server import NatsServer
from tests.bus import event, eventually
from tests.journeys.line import Line, priced, the_line, url

pytestmark = pytest.mark.journey


@pytest.fixture
async def line(nats_server: NatsServer) -> AsyncIterator[Line]:
    async with the_line(nats_server) as line:
        yield line


async def test_image_then_deltas(line: Line) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football.nfl")
    assert [message["t"] for message in device.messages[:4]] == ["welcome", "subscribed", "img", "live"]
    assert device.told("subscribed")[0]["topics"] == {"football.nfl": "image"}
    assert device.american("M1") == -110
    line.put(priced("M1", "E1", -115), priced("M2", "E1", 150))
    await eventually(lambda: device.american("M1") == -115 and device.american("M2") == 150)
    line.put(priced("M1", "E1", -120))
    await eventually(lambda: device.american("M1") == -120)
    first, second = (market for frame in device.told("d") for market in frame["m"] if market["id"] == "M1")
    assert first["p"] == 0
    assert (second["p"], set(second)) == (first["s"], {"id", "p", "s", "ts", "x"})
    assert line.log_holds(device, "football.nfl")


async def test_resume_on_another_shard_after_changes(line: Line) -> None:
    first, second = await line.shard("fanout-1"), await line.shard("fanout-2")
    device = await line.device(first)
    await device.subscribe("football", conflate_ms=100)
    line.put(priced("M1", "E1", -120), event("E2"), priced("M9", "E2", 200))
    await eventually(lambda: device.american("M9") == 200)
    await device.die()
    line.put(priced("M1", "E1", -125), priced("M9", "E2", 210, st="closed", gone=True), priced("M3", "E1", 300))
    await eventually(lambda: line.mirror.state("M3") is not None)
    again = await line.device(second, device.replica)
    await again.subscribe("football", conflate_ms=100, cursor=device.replica.cursor)
    assert again.told("subscribed")[0]["topics"] == {"football": "delta"}
    await eventually(lambda: line.log_holds(again, "football") and again.american("M3") == 300)
    assert again.replica.gaps == 0
    assert not again.told("img")
    assert "M9" not in again.replica.markets


async def test_nothing_changed_is_current(line: Line) -> None:
    shard = await line.shard()
    device = await line.device(shard)
    await device.subscribe("football.nfl.E1")
    await device.die()
    again = await line.device(shard, device.replica)
    await again.subscribe("football.nfl.E1", cursor=device.replica.cursor)
    assert again.told("subscribed")[0]["topics"] == {"football.nfl.E1": "current"}
    assert not again.told("img")
    assert again.american("M1") == -110


@pytest.mark.parametrize("cursor", ["", "rubbish", "1.zzz.0-1", "9" * 5000, "1..", "1.a.0-99999999999999999999"])
async def test_a_rubbish_cursor_costs_an_image_and_says_why(line: Line, cursor: str) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football.nfl", cursor=cursor)
    answer = device.told("subscribed")[0]
    assert answer["topics"] == {"football.nfl": "image"}
    assert answer["why"]["football.nfl"] in ("bad_cursor", "epoch_changed")
    assert device.american("M1") == -110


async def test_a_shard_behind_a_cursor_never_answers_from_the_past(line: Line) -> None:
    shard = await line.shard(behind_ms=100, peers=("ws://127.0.0.1:1/v1/stream",))
    device = await line.device(shard)
    await device.subscribe("football.nfl.E1")
    assert device.replica.cursor is not None
    head, _, position = device.replica.cursor.rpartition("-")
    ahead = await line.device(shard)
    await ahead.say("subscribe", topics=["football.nfl.E1"], cursor=f"{head}-{position}zz")
    await eventually(lambda: ahead.close_code == 4010)
    assert ahead.told("drain")[0]["url"] == "ws://127.0.0.1:1/v1/stream"
    assert not ahead.told("subscribed")


async def sse_events(server: Server, until: int, **headers: str) -> list[ServerSentEvent]:
    address = f"http://127.0.0.1:{server.port}/v1/stream/sse"
    events: list[ServerSentEvent] = []
    async with httpx.AsyncClient(timeout=20) as client:
        parameters = {"topics": "football.nfl", "conflate_ms": "0"}
        async with aconnect_sse(client, "GET", address, params=parameters, headers=headers) as source:
            async for told in source.aiter_sse():
                events.append(told)
                if len(events) == until:
                    return events
    return events


async def test_sse_resumes_by_last_event_id_on_another_shard(line: Line) -> None:
    first, second = await line.shard("fanout-1"), await line.shard("fanout-2")
    events = await sse_events(first, until=4)
    assert [told.event for told in events] == ["welcome", "subscribed", "img", "live"]
    replica = Replica()
    for told in events:
        replica.receive(told.json())
    assert events[-1].id == replica.cursor
    assert 1000 <= (events[0].retry or 0) <= 3000
    line.put(priced("M1", "E1", -130))
    await eventually(lambda: replica.cursor is not None and bool(line.mirror.state("M1")) and _price(line) == -130)
    resumed = await sse_events(second, until=4, **{"Last-Event-ID": replica.cursor or ""})
    replica.reconnected()
    for told in resumed:
        replica.receive(told.json())
    assert resumed[1].json()["topics"] == {"football.nfl": "delta"}
    assert replica.markets["M1"]["x"][0]["a"] == -130


def _price(line: Line) -> int:
    state = line.mirror.state("M1")
    assert state is not None
    return state.selections[0].price.american  # type: ignore[union-attr]


async def test_a_slow_reader_catches_up_and_costs_nobody_else(line: Line) -> None:
    shard = await line.shard(send_buffer_bytes=16_384)
    slow = await line.device(shard, max_queue=1)
    quick = await line.device(shard)
    await slow.subscribe("football.nfl")
    await quick.subscribe("football.nfl")
    raw: socket.socket = slow.socket.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    slow.socket.transport.pause_reading()
    american = 100

    async def flood_until_full() -> None:
        nonlocal american
        while not shard.shard.placement.full:
            american = 100 + (american - 99) % 800
            line.put(*(priced(f"M{n}", "E1", american) for n in range(60)))
            await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await flood_until_full()
    line.put(*(priced(f"M{n}", "E1", 999) for n in range(60)))
    await eventually(lambda: quick.american("M59") == 999)
    slow.socket.transport.resume_reading()
    await eventually(lambda: slow.american("M59") == 999 and slow.american("M0") == 999)
    assert slow.told("slow")
    assert any(message.get("why") == "slow" for message in slow.messages)
    assert slow.replica.gaps == 0
    assert line.log_holds(slow, "football.nfl")


async def test_one_who_never_drains_is_closed(line: Line) -> None:
    shard = await line.shard(slow_close_ms=300, close_grace_s=0.2, send_buffer_bytes=16_384)
    stuck = await line.device(shard)
    await stuck.subscribe("football.nfl")
    stuck.socket.transport.pause_reading()
    async with asyncio.timeout(60):
        while not shard.shard.sessions.closed.get(4008):
            line.put(*(priced(f"M{n}", "E1", 100 + n, ts=n) for n in range(60)), priced("M1", "E1", 500))
            await asyncio.sleep(0.01)
    await eventually(lambda: not shard.front.connections)
    await stuck.die()


async def test_one_who_talks_and_never_reads_is_not_listened_to(line: Line) -> None:
    shard = await line.shard(send_buffer_bytes=16_384, slow_close_ms=600_000)
    deaf = await line.device(shard)
    await deaf.subscribe("football.nfl.E1")
    transport = deaf.socket.transport
    transport.pause_reading()
    ping = Frame(Opcode.PING, b"x" * 125).serialize(mask=True) * 64
    async with asyncio.timeout(60):
        while transport.get_write_buffer_size() < 4_000_000:
            transport.write(ping)
            await asyncio.sleep(0)
    (connection,) = shard.front.connections
    assert connection._transport.get_write_buffer_size() < 500_000
    await deaf.die()


async def test_a_suspension_waits_for_no_tick_and_reopening_does(line: Line) -> None:
    device = await line.device(await line.shard(tiers_ms=(0, 60_000)))
    await device.subscribe("football.nfl", conflate_ms=60_000)
    line.put(priced("M1", "E1", -110, st="suspended", reason="possible_score"))
    await eventually(lambda: device.shows("M1")["st"] == "suspended")
    frame = device.told("d")[-1]
    assert "cursor" not in frame
    assert frame["m"][0]["reason"] == "possible_score"
    line.put(priced("M1", "E1", -150))
    await eventually(lambda: _price(line) == -150)
    line.put(priced("M1", "E1", -150, st="suspended", reason="var"))
    await eventually(lambda: any(m.get("reason") == "var" for frame in device.told("d") for m in frame["m"]))
    assert all(m.get("st") != "open" for frame in device.told("d") for m in frame["m"])


async def test_topics_of_a_class_and_unsubscribe(line: Line) -> None:
    device = await line.device(await line.shard())
    line.put(priced("P1", "E1", 120, cls="prop"), event("E2"), priced("M5", "E2", 180))
    await device.subscribe("football.nfl:prop", "football.nfl.E2")
    await eventually(lambda: set(device.replica.markets) == {"P1", "M5"})
    await device.say("unsubscribe", topics=["football.nfl:prop"])
    await eventually(lambda: len(device.told("live")) > 1)
    line.put(priced("P1", "E1", 130, cls="prop"), priced("M5", "E2", 185))
    await eventually(lambda: device.american("M5") == 185)
    assert device.american("P1") == 120


async def test_refusals_name_what_is_wrong_and_change_nothing(line: Line) -> None:
    device = await line.device(await line.shard(topics=2))
    await device.subscribe("football.nfl")
    await device.socket.send("{")
    await device.socket.send('{"op":"dance","id":"x"}')
    await device.say("subscribe", topics=["football.nfl", "No Topic"])
    await device.say("subscribe", topics=["a", "b"])
    await device.say("subscribe", topics=["account"])
    await device.say("ping")
    await eventually(lambda: bool(device.told("pong")))
    codes = [error["code"] for error in device.told("error")]
    assert codes == ["bad_json", "bad_op", "bad_topic", "topic_limit", "unauthenticated"]
    assert device.told("error")[2]["topic"] == "No Topic"
    assert not any(error["fatal"] for error in device.told("error"))
    line.put(priced("M1", "E1", -140))
    await eventually(lambda: device.american("M1") == -140)


@pytest.mark.parametrize(
    ("sent", "code"), [(b"\x00\x01", 1003), ("x" * 20_000, 1009), (b"", 1003)], ids=["binary", "too large", "empty"]
)
async def test_frames_that_are_no_messages_close_as_rfc_6455_says(line: Line, sent: bytes | str, code: int) -> None:
    device = await line.device(await line.shard())
    await device.socket.send(sent)
    await eventually(lambda: device.close_code == code)
    if code == 1009:
        assert [error["code"] for error in device.told("error")] == ["message_too_large"]


async def test_ops_limit(line: Line) -> None:
    device = await line.device(await line.shard(ops_per_s=5))
    for _ in range(30):
        await device.say("ping")
    await eventually(lambda: bool(device.told("error")))
    assert device.told("error")[0]["code"] == "ops_limit"
    assert device.told("error")[0]["retry"] == "backoff"


async def test_who_says_nothing_is_closed(line: Line) -> None:
    device = await line.device(await line.shard(speak_s=0.2))
    await eventually(lambda: device.close_code == 4400)


async def test_a_session_has_a_lifetime(line: Line) -> None:
    device = await line.device(await line.shard(session_s=1))
    await device.subscribe("football.nfl")
    await eventually(lambda: device.close_code == 4009, within_s=30)


async def test_heartbeats_move_the_cursor_of_quiet_topics(line: Line) -> None:
    device = await line.device(await line.shard(hb_ms=200))
    await device.subscribe("football.nfl.E1", conflate_ms=100)
    cursor = device.replica.cursor
    await eventually(lambda: len(device.told("hb")) >= 2)
    beat = device.told("hb")[-1]
    assert beat["cursor"] != cursor
    assert beat["src"] == {}
    assert all(age < 3000 for age in beat["age_ms"].values())
    assert set(beat["lag_ms"]) == {"p50", "p99"}


async def test_a_draining_shard_says_where_to_go_and_serves_meanwhile(line: Line) -> None:
    peers = ("ws://127.0.0.1:1/v1/stream",)
    shard = await line.shard(peers=peers, drain_window_s=0.2, drain_deadline_s=20)
    device = await line.device(shard)
    await device.subscribe("football.nfl")
    draining = asyncio.ensure_future(shard.drain())
    await eventually(lambda: bool(device.told("drain")))
    assert device.told("drain")[0]["url"] == peers[0]
    line.put(priced("M1", "E1", -145))
    await eventually(lambda: device.american("M1") == -145)
    async with httpx.AsyncClient() as client:
        refused = await client.get(f"http://127.0.0.1:{shard.port}/v1/stream/sse?topics=football")
        assert (refused.status_code, refused.json()["code"]) == (503, "draining")
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await client.get(f"http://127.0.0.1:{shard.port}/ready")).status_code == 503
        assert (await client.get(f"http://127.0.0.1:{shard.port}/live")).status_code == 200
    await device.close()
    await asyncio.wait_for(draining, 20)


async def test_http_side(line: Line) -> None:
    shard = await line.shard(origins=("https://app.example",))
    base = f"http://127.0.0.1:{shard.port}"
    async with httpx.AsyncClient(base_url=base) as client:
        assert (await client.get("/ready")).json()["ready"] is True
        metrics = (await client.get("/metrics")).text
        assert "oddswire_fanout_sockets 0.0" in metrics
        assert 'oddswire_fanout_lane_joined{lane="0"} 1.0' in metrics
        assert (await client.get("/nothing")).json()["code"] == "not_found"
        assert (await client.post("/live")).status_code in (400, 405)
        assert (await client.get("/v1/stream")).status_code == 426
        for query in ("", "?topics=", "?topics=No+Topic", "?topics=football&conflate_ms=soon"):
            answer = await client.get(f"/v1/stream/sse{query}")
            assert answer.status_code == 400
            assert answer.headers["content-type"] == "application/problem+json"
        foreign = await client.get("/v1/stream/sse?topics=football", headers={"Origin": "https://evil.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "origin_not_allowed")
        preflight = await client.options("/v1/stream/sse", headers={"Origin": "https://app.example"})
        assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert url(shard).endswith("/v1/stream")
