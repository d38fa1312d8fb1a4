"""The simulator as Betfair's exchange: its half of the conversation, what its board tells, its commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market, Selection
from feeds.contract.prices import price_from_milli
from feeds.contract.results import MarketResult, ResultKind, SelectionResult, Share
from feeds.providers.simulator.serving.betfair import BetfairServer
from feeds.providers.simulator.serving.betfair_board import CLOSED_KEPT_MS, BetfairBoard, Changed
from feeds.providers.simulator.serving.betfair_talk import SEGMENT_MARKETS, Talk
from feeds.providers.simulator.serving.certificate import loopback_certificate
from feeds.providers.simulator.serving.faults import FaultyLine

_NOW = 1_900_000_000_000
_EVENT = Event("E1", "soccer.epl.E1", "Elms v Oaks", "2030-05-01T14:30:00Z", "upcoming", 1)


def _market(number: int = 1, *, milli: int = 2_000, **changes: object) -> Market:
    selections = tuple(
        Selection(f"O{number}{side}", side, price=price_from_milli(milli + step), side=side)  # type: ignore[arg-type]
        for step, side in enumerate(("home", "draw", "away"))
    )
    made = Market(
        f"M{number}", "E1", "soccer.epl.E1", "main", "match_result", "game", "s-0", 1, "open", selections, group=None
    )
    return replace(made, **changes)


def _board(*markets: Market) -> BetfairBoard:
    board = BetfairBoard()
    board.apply([_EVENT, *markets], _NOW)
    return board


def _talk(board: BetfairBoard) -> Talk:
    return Talk(board, FaultyLine(), epoch="life", connection_id="c-1")


def _ask(
    talk: Talk, now_ms: int = _NOW, *, fail: str | None = None, degraded: bool = False, **request: Any
) -> list[Any]:
    return _read(talk.request(orjson.dumps(request), now_ms, fail=fail, degraded=degraded))


def _read(lines: Iterable[bytes]) -> list[Any]:
    return [orjson.loads(each) for each in lines]


def _subscribed(board: BetfairBoard, **request: Any) -> tuple[Talk, list[Any]]:
    talk = _talk(board)
    _ask(talk, op="authentication", id=1, appKey="k", session="s")
    return talk, _ask(talk, op="marketSubscription", id=2, **request)


def test_greeting_and_authentication() -> None:
    talk = _talk(_board())
    assert orjson.loads(talk.greeting()) == {"op": "connection", "connectionId": "c-1"}
    (status,) = _ask(talk, op="authentication", id=1, appKey="k", session="s")
    assert (status["statusCode"], status["id"]) == ("SUCCESS", 1)


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        ({"op": "authentication", "session": "s"}, "NO_APP_KEY"),
        ({"op": "authentication", "appKey": "k"}, "NO_SESSION"),
        ({"op": "marketSubscription"}, "NO_SESSION"),
        ({"op": 7}, "INVALID_REQUEST"),
    ],
)
def test_what_is_not_in_order_is_refused_and_ends(request_of: dict[str, Any], code: str) -> None:
    talk = _talk(_board())
    (status,) = _ask(talk, **request_of)
    assert (status["errorCode"], status["connectionClosed"], talk.ended) == (code, True, True)


def test_a_failure_on_command() -> None:
    (status,) = _ask(_talk(_board()), fail="TIMEOUT", op="authentication", id=1)
    assert (status["statusCode"], status["errorCode"]) == ("FAILURE", "TIMEOUT")


def test_an_image_is_cut_into_segments_where_that_is_wanted() -> None:
    board = _board(*(_market(number) for number in range(2 * SEGMENT_MARKETS + 1)))
    _, (status, *image) = _subscribed(board, segmentationEnabled=True, heartbeatMs=100)
    assert status["statusCode"] == "SUCCESS"
    assert [each["segmentType"] for each in image] == ["SEG_START", "SEG", "SEG_END"]
    assert {(each["ct"], each["heartbeatMs"], each["initialClk"]) for each in image} == {("SUB_IMAGE", 500, "life")}
    assert [each["pt"] for each in image] == [_NOW, _NOW + 1, _NOW + 2]
    _, (_, whole) = _subscribed(board)
    assert len(whole["mc"]) == 2 * SEGMENT_MARKETS + 1
    assert "segmentType" not in whole


def test_a_resume_gives_what_changed_since() -> None:
    board = _board(_market(1), _market(2))
    clk = str(board.seq)
    board.apply([_market(2, milli=3_000)], _NOW + 1)
    _, (_, resumed) = _subscribed(board, initialClk="life", clk=clk)
    assert resumed["ct"] == "RESUB_DELTA"
    (mc,) = resumed["mc"]
    assert mc["rc"][0]["atb"] == [[2.0, 0], [3.0, 40]]
    talk = _talk(board)
    _ask(talk, op="authentication", id=1, appKey="k", session="s")
    (refused,) = _ask(talk, op="marketSubscription", id=2, initialClk="another", clk=clk)
    assert refused["errorCode"] == "INVALID_CLOCK"


def test_who_was_away_for_too_long_gets_an_image() -> None:
    board = BetfairBoard(log_max=3)
    board.apply([_EVENT, _market()], _NOW)
    clk = board.seq
    for step in range(3):
        board.apply([_market(milli=3_000 + step)], _NOW)
    changes = board.since(clk)
    assert changes is not None
    assert len(changes) == 3
    board.apply([_market(milli=4_000)], _NOW)
    assert board.since(clk) is None
    assert board.since(board.seq) == []


def test_a_filter_holds_for_images_and_changes() -> None:
    board = _board(_market(1), _market(2, type="corners"))
    talk, (_, image) = _subscribed(board, marketFilter={"marketTypes": ["MATCH_ODDS"], "eventTypeIds": ["1"]})
    assert [each["marketDefinition"]["marketType"] for each in image["mc"]] == ["MATCH_ODDS"]
    changes = board.apply([_market(1, milli=3_000), _market(2, type="corners", milli=3_000)], _NOW)
    assert len(talk.changes(changes, _NOW, degraded=False)) == 1


def test_heartbeats_come_only_into_silence() -> None:
    talk, _ = _subscribed(_board(_market()), heartbeatMs=1_000)
    assert talk.heartbeat(_NOW + 999, degraded=False) == []
    (beat,) = _read(talk.heartbeat(_NOW + 1_000, degraded=True))
    assert (beat["ct"], beat["status"], "mc" in beat) == ("HEARTBEAT", 503, False)
    assert talk.heartbeat(_NOW + 1_001, degraded=False) == []


def test_a_line_that_lost_something_is_ended() -> None:
    board = _board(_market())
    talk, _ = _subscribed(board)
    talk.line.command("silence 1", _NOW)
    assert talk.changes(board.apply([_market(milli=3_000)], _NOW), _NOW, degraded=False) == []
    assert not talk.ended
    assert talk.changes(board.apply([_market(milli=4_000)], _NOW), _NOW + 1_000, degraded=False) == []
    assert talk.ended


def _result(kind: ResultKind = "settled", market: str = "M1") -> MarketResult:
    won = SelectionResult("O1draw", w=Share(1))
    selections = (SelectionResult("O1home"), won, SelectionResult("O1away", v=Share(1)))
    return MarketResult(market, "E1", "t", kind, 1, selections=selections if kind == "settled" else ())


def _closing(board: BetfairBoard) -> list[Changed]:
    board.apply([_market(st="settled", gone=True)], _NOW + 5)
    return board.settle([_result()], _NOW + 6)


def _statuses(definition: dict[str, Any]) -> list[str]:
    return [definition["status"], *(each["status"] for each in definition["runners"])]


def test_a_market_that_is_over_is_suspended_without_prices_until_its_result() -> None:
    board = _board(_market())
    (over,) = board.apply([_market(st="settled", gone=True)], _NOW + 5)
    assert _statuses(over.mc["marketDefinition"]) == ["SUSPENDED", "ACTIVE", "ACTIVE", "ACTIVE"]
    assert over.mc["rc"][0]["atb"] == [[2.0, 0]]
    (closed,) = board.settle([_result()], _NOW + 6)
    assert _statuses(closed.mc["marketDefinition"]) == ["CLOSED", "LOSER", "WINNER", "REMOVED"]
    assert closed.mc["marketDefinition"]["settledTime"] == "2030-03-17T17:46:40.005Z"


def test_a_market_that_ends_without_a_result_is_void() -> None:
    (closed,) = _board(_market()).apply([_market(st="closed", gone=True)], _NOW + 5)
    assert _statuses(closed.mc["marketDefinition"]) == ["CLOSED", "REMOVED", "REMOVED", "REMOVED"]


def test_a_result_that_is_taken_back_opens_the_market_again() -> None:
    board = _board(_market())
    _closing(board)
    (reopened,) = board.settle([_result("rollback")], _NOW + 7)
    assert _statuses(reopened.mc["marketDefinition"]) == ["SUSPENDED", "ACTIVE", "ACTIVE", "ACTIVE"]
    assert len(board.settle([_result()], _NOW + 8)) == 1
    assert board.settle([_result(market="M9")], _NOW + 9) == []


def test_a_rollback_comes_first_where_that_is_commanded() -> None:
    board = _board(_market())
    talk, _ = _subscribed(board)
    talk.line.command("rollback_first 60", _NOW)
    lines = _read(talk.changes(_closing(board), _NOW, degraded=False))
    assert [each["mc"][0]["marketDefinition"]["status"] for each in lines] == ["SUSPENDED", "CLOSED"]
    assert [int(each["clk"]) for each in lines] == [board.seq - 1, board.seq]


def test_closed_markets_leave_the_image_after_an_hour() -> None:
    board = _board(_market())
    _closing(board)
    board.apply([], _NOW + CLOSED_KEPT_MS)
    assert len(board.image()) == 1
    board.apply([], _NOW + CLOSED_KEPT_MS + 6)
    assert board.image() == []


def test_a_price_that_is_withdrawn_leaves_what_traded_last() -> None:
    board = _board(_market())
    bare = _market()
    board.apply([replace(bare, selections=tuple(replace(each, price=None) for each in bare.selections))], _NOW)
    assert board.image()[0]["rc"][0] == {"id": 1000, "ltp": 2.0}


@pytest.mark.parametrize("words", ["", "silence", "silence -1", "degraded x", "degraded 1e9", "explode 3", "refuse"])
def test_a_command_that_is_none_is_refused(words: str) -> None:
    server = BetfairServer(tls=loopback_certificate().tls)
    with pytest.raises(Refused) as refusal:
        server.command(words)
    assert refusal.value.code == "bad_fault"
