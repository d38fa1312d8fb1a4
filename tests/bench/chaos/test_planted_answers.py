"""What clients were told is changed, dropped or doubled: the checkers of bets and news say so."""

from __future__ import annotations

from typing import Any

import orjson

from bench.chaos.checkers.bets import check_answers, check_legs, check_resolved
from bench.chaos.checkers.log import Log, Record
from bench.chaos.checkers.news import check_told
from bench.chaos.device import Listener
from bench.chaos.heard import Answer, Resolved

MEANT = orjson.dumps({"stake": "1.50"})
BET = Answer("ann", "K1", "bet", MEANT, 201, orjson.dumps({"id": "B1", "stake": "1.50"}))
KEYS = {("ann", "K1"): {"verb": "bet", "subject": "B1", "stake": 150}}
TOMBSTONE = {("ann", "K1"): {"verb": "tombstone", "subject": "", "stake": None}}


def rules(found: Any) -> list[str]:
    return [violation.rule for violation in found]


def test_answers_that_are_as_they_must_be_are() -> None:
    refused = BET._replace(status=422, meaning=b"another", body=b"{}")
    assert rules(check_answers([BET, BET, refused], KEYS)) == []


def test_what_was_told_and_is_not_there() -> None:
    assert rules(check_answers([BET], {})) == ["B2"]
    assert rules(check_answers([BET], {("ann", "K1"): {"verb": "bet", "subject": "B2", "stake": 150}})) == ["B2"]
    assert rules(check_answers([BET._replace(meaning=orjson.dumps({"stake": "9.00"}))], KEYS)) == ["B2"]


def test_replays_that_differ() -> None:
    other = BET._replace(body=orjson.dumps({"stake": "1.50", "id": "B1"}))
    assert rules(check_answers([BET, other], KEYS)) == ["B3"]


def test_two_meanings_that_were_both_done() -> None:
    other = BET._replace(meaning=orjson.dumps({"stake": "1.50", "geo": "elsewhere"}))
    assert rules(check_answers([BET, other], KEYS)) == ["B4"]


def test_unknown_outcomes() -> None:
    bet, gone = (200, b'{"id":"B1"}'), (200, b'{"code":"key_tombstoned"}')
    assert rules(check_resolved([Resolved("ann", "K1", bet, bet, 201)], KEYS)) == []
    assert rules(check_resolved([Resolved("ann", "K1", gone, gone, 410)], TOMBSTONE)) == []
    assert rules(check_resolved([Resolved("ann", "K1", gone, bet, 201)], KEYS)) == ["B7"]
    assert rules(check_resolved([Resolved("ann", "K1", bet, bet, 410)], KEYS)) == ["B7"]
    assert rules(check_resolved([Resolved("ann", "K1", gone, gone, 410)], {})) == ["B7"]
    assert rules(check_resolved([Resolved("ann", "K1", gone, gone, 201)], TOMBSTONE)) == ["B8"]


def leg_found(status: str, milli: int, *, s: int = 7) -> list[str]:
    body = {"st": status, "x": [{"id": "O1", "price": [1900, -111]}]}
    log = Log(read={0: 9}, records={(0, 7): Record("M1", "market", 7, 0.0, 0, status == "open", False, body)})
    leg = {"bet": "B1", "event": "E1", "market": "M1", "selection": "O1", "milli": milli, "s": s}
    return rules(check_legs([leg], log))


def test_bets_on_what_the_log_does_not_offer() -> None:
    assert leg_found("open", 1900) == []
    assert leg_found("suspended", 1900) == leg_found("open", 1901) == leg_found("open", 1900, s=8) == ["B5"]


async def no_events(_after: int) -> list[dict[str, Any]]:
    return []


async def no_ticket() -> None:
    return None


def test_news_that_were_dropped_or_came_twice() -> None:
    listener = Listener("ann", ["ws://nowhere"], no_ticket, no_events)
    listener.began = 3
    listener.told = [(4, "balance", {}), (5, "bet_placed", {})]
    assert rules(check_told(listener, [(3, "balance"), (4, "balance"), (5, "bet_placed")])) == []
    assert rules(check_told(listener, [(4, "balance"), (5, "bet_placed"), (6, "bet_settled")])) == ["S4"]
    assert rules(check_told(listener, [(4, "balance"), (5, "bet_refused")])) == ["S4"]
    listener.told.append((5, "bet_placed", {}))
    assert rules(check_told(listener, [(4, "balance"), (5, "bet_placed")])) == ["S4"]
