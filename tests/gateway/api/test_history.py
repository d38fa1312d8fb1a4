"""History over REST: what it says of an archive, page after page, and what it refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from fanout.contract.cursor import encode_cursor
from feeds.adapters.server import free_port
from feeds.contract.model import Market, Selection, Subject
from feeds.contract.prices import price_from_milli
from gateway.access.principal import Plan, Principal
from gateway.api import past, schemas
from gateway.api.edge import App, Exchange, Receive, Scope, Send
from gateway.read.paging import make_token
from gateway.store.migrations import migrate
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from tests.bus import event, market
from tests.gateway.api.odds import Odds
from tests.gateway.history.made import LANE, MadeArchive, beat

BEGAN = datetime(2023, 11, 15, tzinfo=UTC)


def priced(milli: int, market_id: str = "M1", **changes: Any) -> Market:
    selections = (Selection("O1", "A", price=price_from_milli(milli)),)
    made = market(market_id, "E1", lanes=1, ts=milli)
    return msgspec.structs.replace(made, selections=selections, src="alpha-0", **changes)


def moment(after_s: float) -> str:
    return datetime.fromtimestamp(BEGAN.timestamp() + after_s, UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
async def made(settings: DatabaseSettings, database: Database) -> MadeArchive:
    await migrate(settings)
    return MadeArchive(database)


@pytest.fixture
async def odds(database: Database) -> AsyncIterator[Odds]:
    odds = Odds(database=database)
    async with odds.client:
        yield odds


async def refused(odds: Odds, path: str, **headers: str) -> str:
    answer = await odds.get(path, **headers)
    problem = answer.json()
    assert answer.status_code == problem["status"]
    assert ("retry-after" in answer.headers) is (answer.status_code in (429, 503))
    return str(problem["code"])


async def pages_of(odds: Odds, path: str) -> list[list[Any]]:
    pages: list[list[Any]] = []
    token: str | None = ""
    while token is not None:
        body = await odds.body(f"{path}{'&page_token=' + token if token else ''}")
        pages.append(body["items"])
        token = body["next_page_token"]
    return pages


async def test_every_past_state_page_after_page(made: MadeArchive, odds: Odds, monkeypatch: pytest.MonkeyPatch) -> None:
    states = [priced(milli) for milli in range(2_000, 2_050, 10)]
    await made.write(enumerate(states))
    [items] = await pages_of(odds, f"/v1/markets/M1/history?from={moment(1.5)}&to={moment(4)}")
    assert [item["at"] for item in items] == [f"2023-11-15T00:00:0{n}.000000Z" for n in (1, 2, 3)]
    assert [item["market"]["x"][0]["d"] for item in items] == ["2.010", "2.020", "2.030"]
    monkeypatch.setattr(past, "PAGE_STATES", 2)
    pages = await pages_of(odds, "/v1/markets/M1/history?odds_format=fractional")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [item["market"]["s"] for page in pages for item in page] == [1, 2, 3, 4, 5]
    assert pages[0][0]["market"]["x"][0]["f"] == "1/1"
    msgspec.convert(pages[0], list[schemas.PastState])


async def test_bars_by_interval_in_bounded_pages(
    made: MadeArchive, odds: Odds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(past.PAGE_INTERVALS, "1m", 2)
    await made.write([(30, priced(2_000)), (50, priced(2_500)), (70, priced(1_500)), (250, priced(1_800))])
    pages = await pages_of(odds, f"/v1/markets/M1/history?interval=1m&to={moment(300)}&odds_format=decimal")
    assert [len(page) for page in pages] == [2, 0, 1]
    first, second = pages[0]
    assert (first["open"], first["high"], first["changes"]) == ({"d": "2.000"}, {"d": "2.500"}, 2)
    assert (second["start"], second["close"]) == ("2023-11-15T00:01:00.000000Z", {"d": "1.500"})
    msgspec.convert([bar for page in pages for bar in page], list[schemas.Bar])


async def test_a_board_as_it_stood_beside_the_board_as_it_stands(made: MadeArchive, odds: Odds) -> None:
    props = [priced(3_000, f"P{n}", cls="prop", subject=Subject("player", f"P{n}", "N")) for n in (2, 1)]
    await made.write(
        [(0, event("E1")), (0, priced(2_000)), *((0, one) for one in props), beat(0.5), (1, priced(2_100))]
    )
    board = "/v1/events/E1/markets"
    before = await odds.body(f"{board}?as_of={moment(0.9)}")
    assert [(one["id"], one["x"][0]["d"]) for one in before["items"]] == [
        *(("M1", "2.000"), ("P1", "3.000"), ("P2", "3.000"))
    ]
    assert (before["event"]["id"], before["src"]) == ("E1", {})
    msgspec.convert(before, schemas.Board)
    [by_player] = (await odds.body(f"{board}?as_of={moment(0.9)}&class=prop&player=P2"))["items"]
    assert by_player["id"] == "P2"
    by_cursor = await odds.body(f"{board}?as_of={encode_cursor('e1', [(LANE, 6)])}&class=main&odds_format=american")
    assert [one["x"][0]["a"] for one in by_cursor["items"]] == [110]
    assert await refused(odds, board) == "not_found"
    for as_of, code in (
        ("yesterday", "bad_parameter"),
        ("", "bad_parameter"),
        ("2023-11-15T00:00:00", "bad_parameter"),
        (moment(1).replace("2023", "1066"), "not_found"),
        (encode_cursor("e1", [(LANE, 2**66)]), "bad_cursor"),
        (encode_cursor("e1", [(LANE, 60)]), "not_archived_yet"),
        (encode_cursor("e9", [(LANE, 1)]), "not_in_history"),
    ):
        assert await refused(odds, f"{board}?as_of={as_of}") == code
    assert await refused(odds, f"{board}?as_of={moment(1)}&player=P1") == "contradictory_parameters"


async def test_how_a_line_opened_and_closed(made: MadeArchive, odds: Odds, monkeypatch: pytest.MonkeyPatch) -> None:
    await made.write(
        [
            (1, priced(2_010)),
            (2, priced(2_020)),
            (3, priced(2_020, st="closed", gone=True, replaced_by="M2")),
            (3, priced(1_900, "M2", replaces="M1", st="inactive")),
        ]
    )
    monkeypatch.setattr(past, "PAGE_LINES", 1)
    [[first], [second]] = await pages_of(odds, "/v1/markets/M2/line?odds_format=decimal")
    assert [first[name]["market"]["x"][0]["d"] for name in ("opening", "closing")] == ["2.010", "2.020"]
    assert second == {"market": "M2", "whole": True, "opening": None, "closing": None}
    msgspec.convert([first, second], list[schemas.Line])


async def test_bad_questions_are_refused_and_unknown_markets_are_not_there(made: MadeArchive, odds: Odds) -> None:
    await made.write([(0, priced(2_000))])
    history = "/v1/markets/M1/history"
    scope = "history M1 raw None None"
    for path, code in (
        (f"{history}?from=0", "bad_parameter"),
        (f"{history}?from={moment(1)}&from={moment(1)}", "duplicate_parameter"),
        (f"{history}?from={moment(2)}&to={moment(1)}", "contradictory_parameters"),
        (f"{history}?interval=1d", "bad_parameter"),
        (f"{history}?page_token=AAAA", "bad_page_token"),
        (f"{history}?page_token={make_token(scope, ('9' * 30, '0'))}", "bad_page_token"),
        (f"{history}?page_token={make_token(scope, ('x', '0'))}", "bad_page_token"),
        (f"{history}?page_token={make_token(scope, ('1',))}", "bad_page_token"),
        ("/v1/markets/M9/history", "not_found"),
        ("/v1/markets/M9/line", "not_found"),
        ("/v1/markets/%20/line", "bad_parameter"),
    ):
        assert await refused(odds, path) == code, path
    for odd in ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"):
        assert (await odds.get(f"{history}?from={odd}&interval=1m")).status_code == 200


async def test_a_deadline_that_is_over_is_told_and_nothing_is_asked(made: MadeArchive, odds: Odds) -> None:
    await made.write([(0, priced(2_000))])
    odds.put(event("E1"), priced(2_000))
    soon, over = str(int(time.time() * 1_000) + 60_000), "1700000000000"
    for path in ("/v1/markets/M1/history", "/v1/markets/M1", "/v1/markets/M1"):
        assert (await odds.get(path, x_request_deadline=soon)).status_code == 200
        assert await refused(odds, path, x_request_deadline=over) == "deadline_passed"
        assert await refused(odds, path, x_request_deadline="soon") == "bad_deadline"


async def test_a_full_queue_turns_away_at_once_and_recovers(made: MadeArchive, settings: DatabaseSettings) -> None:
    await made.write([(0, priced(2_000))])
    async with open_database(settings) as pool:
        odds = Odds(database=pool, history_connections=1, history_waiting=1, history_wait_ms=50)
        async with odds.client:
            async with odds.gateway.past.queue.place():
                waiting = asyncio.ensure_future(refused(odds, "/v1/markets/M1/history"))
                async with asyncio.timeout(10):
                    while not len(odds.gateway.past.queue):  # noqa: ASYNC110 the queue knows of no watching
                        await asyncio.sleep(0)
                assert await refused(odds, "/v1/markets/M1/history") == "overloaded"
                assert await waiting == "overloaded"
            assert (await odds.get("/v1/markets/M1/history")).status_code == 200
            assert odds.gateway.past.health.shed == 2


async def test_without_its_database_history_alone_is_unavailable() -> None:
    away = DatabaseSettings(url=SecretStr(f"postgresql://me@127.0.0.1:{free_port()}/x"))
    async with open_database(away) as pool:
        for odds in (Odds(database=pool), Odds()):
            odds.put(event("E1"), priced(2_000))
            async with odds.client:
                for path in (
                    "/v1/markets/M1/history",
                    "/v1/markets/M1/line",
                    f"/v1/events/E1/markets?as_of={moment(1)}",
                ):
                    assert await refused(odds, path) == "history_unavailable"
                assert (await odds.body("/v1/events/E1/markets"))["items"]


async def test_a_plan_sees_of_history_what_it_would_see_of_the_odds(made: MadeArchive, database: Database) -> None:
    await made.write([(0, event("E1")), (0, priced(2_000)), (0, priced(3_000, "P1", cls="prop")), beat(0.5)])
    who = Principal(subject="key:K", account=None, scopes=frozenset({"odds", "history"}), plan=Plan(name="small"))

    def asking(app: App) -> App:
        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            exchange: Exchange = scope["exchange"]
            exchange.principal = who
            await app(scope, receive, send)

        return layer

    odds = Odds(database=database, access=(asking,))
    async with odds.client:
        board = f"/v1/events/E1/markets?as_of={moment(1)}"
        assert [one["id"] for one in (await odds.body(f"{board}&class=main"))["items"]] == ["M1"]
        assert await refused(odds, board) == "insufficient_scope"
        assert await refused(odds, f"{board}&class=prop") == "insufficient_scope"
        assert (await odds.get("/v1/markets/M1/history")).status_code == 200
        assert await refused(odds, "/v1/markets/P1/history") == "insufficient_scope"
        assert await refused(odds, "/v1/markets/P1/line") == "insufficient_scope"
        soon = Plan(name="soon", pre_match=True, classes=frozenset({"main"}))
        who = Principal(subject="key:K", account=None, scopes=frozenset({"odds", "props", "history"}), plan=soon)
        assert await refused(odds, f"{board}&class=main") == "not_in_plan", "it had begun"
        assert await refused(odds, "/v1/markets/P1/line") == "not_in_plan"
        who = Principal(subject="key:K", account=None, scopes=frozenset({"odds"}), plan=Plan(name="small"))
        assert await refused(odds, board) == "insufficient_scope"


async def test_where_requests_wait_history_goes_first_and_large_boards_next(
    made: MadeArchive, database: Database
) -> None:
    await made.write([(0, event("E1")), (0, priced(2_000))])
    odds = Odds(database=database, shed_history_ms=50, shed_boards_ms=100)
    odds.put(event("E1"), *(priced(2_000, f"M{n}") for n in range(400)))
    async with odds.client:
        board, now_s = "/v1/events/E1/markets", [100.0]
        assert (await odds.get(board)).status_code == 200
        pressure = odds.gateway.pressure
        pressure._clock = lambda: now_s[0]
        pressure.come_round()

        async def answers(delay_s: float) -> list[int]:
            now_s[0] = 100.0 + delay_s
            paths = ("/v1/markets/M1/history", board, "/v1/markets/M1")
            return [(await odds.get(path, accept_encoding="identity")).status_code for path in paths]

        assert await answers(0.04) == [200, 200, 200]
        assert await answers(0.08) == [503, 200, 200]
        assert await answers(0.15) == [503, 200, 200], "it is kept: to send it costs little more than to refuse it"
        odds.put(priced(2_100))
        assert await answers(0.15) == [503, 503, 200]
        assert await answers(0.0) == [200, 200, 200]
        assert await answers(0.3) == [503, 503, 200]
