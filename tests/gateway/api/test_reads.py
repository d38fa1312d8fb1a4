"""Reads of the odds, through the whole service: bodies, forms, positions, paging, freshness."""

import gzip
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import orjson
import pytest
import zstandard

from fanout.contract.codec import event_json, market_json
from fanout.contract.cursor import decode_cursor
from feeds.contract.model import Subject
from feeds.contract.subjects import lane_of
from gateway.api.routes import READS
from gateway.read.views import PAGE_ITEMS
from tests.fanout.serving import event, spread
from tests.gateway.api.odds import LANES, Odds


@pytest.fixture
async def odds() -> AsyncIterator[Odds]:
    made = Odds()
    async with made.client:
        yield made


def changed(market: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(market, **changes)


async def test_a_market_is_what_the_wire_says(odds: Odds) -> None:
    odds.put(event(), spread())
    answer = await odds.get("/v1/markets/M1")
    assert answer.content == market_json(spread(), 2)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=5"


async def test_a_read_shows_the_newest_state_at_once(odds: Odds) -> None:
    odds.put(event(), spread(home=-110))
    for price in (-110, -120, -130):
        odds.put(spread(home=price))
        for path in ("/v1/markets/M1", "/v1/events/E1/markets", "/v1/events/E1/markets?class=main"):
            body = await odds.body(path)
            market = body["items"][0] if "items" in body else body
            assert market["x"][0]["a"] == price, path


async def test_a_body_is_made_once_for_each_change_and_encoding(odds: Odds) -> None:
    odds.put(event(), *(spread(f"M{n}") for n in range(9)))
    for _ in range(5):
        await odds.get("/v1/events/E1/markets", accept_encoding="gzip")
        await odds.get("/v1/events/E1/markets", accept_encoding="zstd")
    shelf, encoded = odds.gateway.shelf, odds.gateway.reading.encoded
    assert (shelf.made, shelf.compressed, encoded.made) == (1, 2, 10)
    odds.put(spread("M3", home=-150))
    await odds.get("/v1/events/E1/markets", accept_encoding="gzip")
    assert (shelf.made, shelf.compressed, encoded.made) == (2, 3, 11)


async def test_every_encoding_holds_the_same_body_and_small_ones_are_not_compressed(odds: Odds) -> None:
    odds.put(event(), *(spread(f"M{n}") for n in range(9)))
    path = "/v1/events/E1/markets"
    plain = await odds.get(path, accept_encoding="identity")
    raw = {}
    for encoding in ("gzip", "zstd"):
        async with odds.client.stream("GET", path, headers={"accept-encoding": encoding}) as answer:
            assert answer.headers["content-encoding"] == encoding
            assert answer.headers["vary"] == "accept-encoding"
            raw[encoding] = b"".join([part async for part in answer.aiter_raw()])
    assert gzip.decompress(raw["gzip"]) == zstandard.decompress(raw["zstd"]) == plain.content
    small = await odds.get("/v1/markets/M1", accept_encoding="gzip, zstd")
    assert "content-encoding" not in small.headers


async def test_not_modified_until_it_is(odds: Odds) -> None:
    odds.put(event(), spread())
    first = await odds.get("/v1/markets/M1")
    etag = first.headers["etag"]
    for held in (etag, f'"other", W/{etag}', "*"):
        again = await odds.get("/v1/markets/M1", if_none_match=held)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert "odds-cursor" in again.headers
    odds.put(spread(home=-125))
    after = await odds.get("/v1/markets/M1", if_none_match=etag)
    assert after.status_code == 200
    assert after.headers["etag"] != etag


async def test_two_processes_that_hold_the_same_give_the_same_etag(odds: Odds) -> None:
    other = Odds()
    for each in (odds, other):
        each.put(event(), spread())
    async with other.client:
        for path in ("/v1/markets/M1", "/v1/events/E1/markets?odds_format=all", "/v1/events"):
            assert (await odds.get(path)).headers["etag"] == (await other.get(path)).headers["etag"]


async def test_the_cursor_is_the_streams_for_exactly_this_body(odds: Odds) -> None:
    odds.put(event(), spread())
    lane = lane_of("E1", LANES)
    board = decode_cursor((await odds.get("/v1/events/E1/markets")).headers["odds-cursor"])
    assert board is not None
    assert (board.epoch, board.positions) == ("e1", {lane: 2})
    everything = decode_cursor((await odds.get("/v1/events")).headers["odds-cursor"])
    assert everything is not None
    assert everything.positions == {lane: 2, 1 - lane: 0}


async def test_a_board_is_an_event_its_markets_and_the_sources_that_are_not_live(odds: Odds) -> None:
    odds.put(event(), spread("M2"), spread("M1"), spread("M3", gone=True, st="closed"))
    answer = await odds.get("/v1/events/E1/markets")
    event_bytes, one, two = event_json(event(), 1), market_json(spread("M1"), 3), market_json(spread("M2"), 2)
    assert answer.content == b'{"event":%b,"items":[%b,%b],"src":{}}' % (event_bytes, one, two)
    assert (await odds.get("/v1/events/E1")).content == event_bytes


async def test_a_silent_source_is_told_on_boards_and_single_markets(odds: Odds) -> None:
    lane = lane_of("E1", LANES)
    odds.put(event(), spread(src=f"alpha-{lane}"))
    odds.beat("alpha", "live", lane, time.time_ns() // 1_000_000)
    assert (await odds.body("/v1/events/E1/markets"))["src"] == {}
    odds.beat("alpha", "recovering", lane, time.time_ns() // 1_000_000)
    assert (await odds.body("/v1/events/E1/markets"))["src"] == {f"alpha-{lane}": "stale"}
    assert (await odds.get("/v1/markets/M1")).headers["odds-source"] == "stale"
    odds.gateway.book.now_ms += 60_000
    odds.gateway.book.tick()
    assert (await odds.body("/v1/events/E1/markets"))["src"] == {f"alpha-{lane}": "down"}


async def test_classes_players_and_alternates_with_their_main_line(odds: Odds) -> None:
    odds.put(
        event(),
        spread("A1", group="G1"),
        spread("A2", group="G1", cls="alternate", line="-4.5"),
        spread("A3", group="G1", cls="alternate", line="-2.5"),
        spread("B1", type="total", group="G2"),
        spread("P1", cls="prop", subject=Subject("player", "P7", "Seven")),
        spread("P2", cls="prop", subject=Subject("player", "P8", "Eight")),
    )

    async def ids(query: str) -> list[str]:
        return [market["id"] for market in (await odds.body(f"/v1/events/E1/markets?{query}"))["items"]]

    assert await ids("class=main") == ["A1", "B1"]
    assert await ids("class=alternate") == ["A1", "A2", "A3"]
    assert await ids("class=prop&player=P8") == ["P2"]
    assert await ids("class=prop&player=P9") == []
    assert await ids("") == ["A1", "B1", "A2", "A3", "P1", "P2"]


@pytest.mark.parametrize(
    ("odds_format", "prices"),
    [
        ("", {"a": -110, "d": "1.909"}),
        ("american", {"a": -110}),
        ("decimal", {"d": "1.909"}),
        ("fractional", {"f": "10/11"}),
        ("all", {"a": -110, "d": "1.909", "f": "10/11"}),
    ],
)
async def test_odds_in_every_format(odds: Odds, odds_format: str, prices: dict[str, object]) -> None:
    withdrawn = changed(spread("M2"), selections=(changed(spread("M2").selections[0], price=None),))
    odds.put(event(), spread(), withdrawn)
    query = f"?odds_format={odds_format}" if odds_format else ""
    selection = (await odds.body(f"/v1/markets/M1{query}"))["x"][0]
    assert {name: value for name, value in selection.items() if name in "adf"} == prices
    gone = (await odds.body(f"/v1/markets/M2{query}"))["x"][0]
    assert {name: value for name, value in gone.items() if name in "adf"} == dict.fromkeys(prices)
    assert list(gone)[-1] == "st"


async def test_a_market_that_ended_is_read_until_it_left_the_log(odds: Odds) -> None:
    odds.put(event(), spread(), spread(st="closed", gone=True, replaced_by="M2"), spread("M2"))
    body = await odds.body("/v1/markets/M1")
    assert (body["st"], body["replaced_by"]) == ("closed", "M2")
    odds.gateway.relay.floor(lane_of("E1", LANES), 4)
    assert (await odds.get("/v1/markets/M1")).status_code == 404
    assert (await odds.get("/v1/markets/M2")).status_code == 200


async def test_the_catalogue(odds: Odds) -> None:
    odds.put(
        event("E1", state="live", start="2026-01-02T00:00:00Z"),
        event("E2", state="upcoming", start="2026-01-01T00:00:00Z"),
        event("E3", topic="soccer.epl.E3", state="ended"),
    )
    assert (await odds.body("/v1/sports"))["items"] == [{"id": "football"}, {"id": "soccer"}]
    assert (await odds.body("/v1/leagues"))["items"][1] == {"id": "epl", "sport": "soccer", "topic": "soccer.epl"}
    assert [one["id"] for one in (await odds.body("/v1/leagues?sport=football"))["items"]] == ["nfl"]
    assert [one["id"] for one in (await odds.body("/v1/events"))["items"]] == ["E2", "E1", "E3"]
    for query, ids in (("league=nfl", ["E2", "E1"]), ("league=soccer.epl", ["E3"]), ("state=live", ["E1"])):
        assert [one["id"] for one in (await odds.body(f"/v1/events?{query}"))["items"]] == ids
    odds.put(event("E2", state="live", start="2026-01-01T00:00:00Z"))
    assert [one["id"] for one in (await odds.body("/v1/events?state=live"))["items"]] == ["E2", "E1"]


async def test_futures_are_boards_of_outrights(odds: Odds) -> None:
    odds.put(event("E1"), event("E9", kind="outright"), spread("F1", event_id="E9", cls="future"))
    [board] = (await odds.body("/v1/futures?league=nfl"))["items"]
    assert (board["event"]["id"], [one["id"] for one in board["items"]]) == ("E9", ["F1"])
    odds.put(spread("F1", home=500, event_id="E9", cls="future"))
    [board] = (await odds.body("/v1/futures?league=nfl"))["items"]
    assert board["items"][0]["x"][0]["a"] == 500


async def test_pages_follow_each_other_without_gap_though_events_come(odds: Odds) -> None:
    odds.put(*(event(f"E{n:03d}") for n in range(0, 2 * PAGE_ITEMS + 2, 2)))
    seen: list[str] = []
    path = "/v1/events"
    while path:
        page = await odds.body(path)
        seen += [one["id"] for one in page["items"]]
        token = page["next_page_token"]
        path = f"/v1/events?page_token={token}" if token else ""
        odds.put(event("E001"))
    assert seen == [f"E{n:03d}" for n in range(0, 2 * PAGE_ITEMS + 2, 2)]


async def test_before_the_log_is_held_nothing_is_said_to_be_absent() -> None:
    odds = Odds(joined=False)
    async with odds.client:
        for path in ("/v1/markets/M1", "/v1/events/E1", "/v1/events/E1/markets", "/v1/events", "/v1/sports"):
            answer = await odds.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert answer.headers["retry-after"] == "1"
        assert (await odds.get("/live")).status_code == 200
        assert (await odds.get("/ready")).status_code == 503


async def test_another_log_is_another_book(odds: Odds) -> None:
    odds.put(event(), spread())
    await odds.body("/v1/markets/M1")
    odds.gateway.relay.epoch("e2")
    assert (await odds.get("/v1/markets/M1")).status_code == 503


async def test_kept_bodies_are_bounded_and_answers_right_beyond() -> None:
    odds = Odds(bodies_mib=1, encoded_mib=1)
    async with odds.client:
        odds.put(event(), *(spread(f"M{n}") for n in range(2_000)))
        for n in range(2_000):
            assert (await odds.body(f"/v1/markets/M{n}"))["id"] == f"M{n}"
        shelf, encoded = odds.gateway.shelf, odds.gateway.reading.encoded
        assert shelf.held_bytes <= 1 << 20
        assert encoded.held_bytes <= 1 << 20
        assert len((await odds.get("/v1/events/E1/markets")).json()["items"]) == 2_000
        odds.gateway.shelf.now_ms += 120_000
        shelf.expire()
        assert (len(shelf), shelf.held_bytes, len(shelf.targets)) == (0, 0, 0)


async def test_bodies_are_what_the_types_of_the_description_say(odds: Odds) -> None:
    odds.put(event("E1"), spread("M1"), event("E9", kind="outright"), spread("F1", event_id="E9", cls="future"))
    for read in READS:
        path = read.path.replace("{id}", "M1" if "markets/{" in read.path else "E1")
        body = (await odds.get(path)).content
        decoded = msgspec.json.decode(body, type=read.answer)
        assert orjson.loads(msgspec.json.encode(decoded)) == orjson.loads(body), path
