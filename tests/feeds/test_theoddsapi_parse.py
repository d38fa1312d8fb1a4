"""Whatever bytes come, an answer is a snapshot or refused."""

from __future__ import annotations

import time
from decimal import Decimal
from random import Random

import orjson
import pytest

from feeds.contract.errors import Refused
from feeds.contract.model import Event
from feeds.contract.records import decode_record, encode_record
from feeds.contract.subjects import event_subject, market_subject
from feeds.providers.theoddsapi.inspection import TheOddsApiInspector
from feeds.providers.theoddsapi.mapping import scopes
from feeds.providers.theoddsapi.parse import SNAPSHOT_BYTES_MAX, newest_update, parse, parse_problem
from tests.feeds.theoddsapi_answers import EVENT, HOME, Told, event, h2h, market, outcome, score, spread, total

_MUTATED = 12_000
_VALUES = (
    b"null",
    b"-0.0",
    b"1e300",
    b"0.00001",
    b'""',
    b'"Draw"',
    b"[]",
    b"true",
    b"-110",
    b'"1.5"',
    b"1e9999999",
    b"-1e9999999",
    b"1e-9999999",
    b'"0001-01-01T00:00:00+05:00"',
    b'"9999-12-31T23:59:59-05:00"',
    b'"2026-09-21T17:00:00"',
)
_WORST_S = 10.0


def _good() -> list[bytes]:
    full = event(
        h2h(1.8, 2.1, updated=10),
        market("h2h_lay", outcome(HOME, 1.85), updated=10),
        spread(-3.5, updated=11),
        total(47.5, updated=12),
        total(44.5, 50.5, key="alternate_totals"),
        market("player_pass_yds", outcome("Over", 1.87, 250.5, "Josh Allen"), updated=13),
        market("team_totals", outcome("Over", 1.87, 24.5, HOME), updated=13),
        last_update=None,
    )
    season = event(
        market("outrights", outcome("A", 7), outcome("B", 8)),
        event_id="c" * 32,
        sport_key="golf_masters_tournament_winner",
        home_team=None,
        away_team=None,
    )
    historical = {"timestamp": "2026-09-21T14:00:00Z", "previous_timestamp": None, "next_timestamp": None}
    return [
        orjson.dumps(each)
        for each in (
            [full, event(event_id="b" * 32), season],
            full,
            [score(7, 3), score(1, 0, completed=True, event_id="b" * 32)],
            {**historical, "data": [full]},
            {**historical, "data": full},
            [],
            {"message": "API key is not valid", "error_code": "INVALID_KEY"},
        )
    ]


def test_a_list() -> None:
    snapshot = parse(orjson.dumps([event(h2h(1.8, 2.1)), score(7, 3)]))
    odds, scores = snapshot.events
    assert snapshot.listed
    assert (odds.id, odds.completed) == (EVENT, None)
    assert odds.bookmakers is not None
    assert odds.bookmakers[0].markets[0].outcomes[0].price == Decimal("1.8")
    assert (scores.bookmakers, scores.completed) == (None, False)


def test_an_event_and_historical_answers() -> None:
    one = event(spread(-3.5, updated=7))
    assert not parse(orjson.dumps(one)).listed
    historical = parse(orjson.dumps({"timestamp": "2026-09-21T14:09:00Z", "data": [one]}))
    assert (historical.listed, len(historical.events)) == (True, 1)
    assert not parse(orjson.dumps({"timestamp": "2026-09-21T14:09:00Z", "data": one})).listed
    assert str(newest_update(historical)) == "2026-09-21 14:09:00+00:00"
    assert str(newest_update(parse(orjson.dumps(one)))) == "2026-09-21 14:00:07+00:00"
    assert newest_update(parse(b"[]")) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json_malformed"),
        (b"\xff", "json_malformed"),
        (b"[", "json_malformed"),
        (b"[" * 100_000, "bad_shape"),
        (b"7", "bad_shape"),
        (b"{}", "not_odds"),
        (b"[{}]", "bad_shape"),
        (b'{"message": "no", "error_code": "INVALID_KEY"}', "not_odds"),
        (b" " * (SNAPSHOT_BYTES_MAX + 1), "too_long"),
        (orjson.dumps([event(h2h(1.8, 2.1), sport_key="a.b")]), "bad_shape"),
        (orjson.dumps([event(h2h(1.8, 2.1), event_id="../../scores")]), "bad_shape"),
        (orjson.dumps([event(market("h2h", outcome(HOME, "NaN")))]), "bad_shape"),
        (orjson.dumps([event(market("h2h", outcome(HOME, "sNaN")))]), "bad_shape"),
        (orjson.dumps([event(h2h(1.8, 2.1), commence_time="0001-01-01T00:00:00+05:00")]), "bad_shape"),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse(data)
    assert refusal.value.code == code


def test_a_problem_tells_its_code() -> None:
    assert parse_problem(b'{"message": "m", "error_code": "INVALID_KEY"}') == "INVALID_KEY"
    assert parse_problem(b'{"message": "m"}') == "m"
    assert parse_problem(b"<html>") == ""


def _mutated(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        how = rng.randrange(5)
        place = rng.randrange(len(changed)) if changed else 0
        if how == 0:
            changed[place : place + 1] = bytes([rng.randrange(256)])
        elif how == 1:
            del changed[place : place + rng.randint(1, 40)]
        elif how == 2:
            changed[place:place] = rng.choice(
                [b"null", b"-", b"1e400", b'"NaN"', b"[]", b"{}", b"9" * 50, b'"', b"\\ud800"]
            )
        elif how == 3:
            changed[place:] = b""
        else:
            other = rng.randrange(len(changed)) if changed else 0
            changed[place:place] = changed[other : other + rng.randint(1, 200)]
    return bytes(changed)


def _swapped(data: bytes, rng: Random) -> bytes:
    """One number, word or null in it is another."""
    words = data.split(b",")
    place = rng.randrange(len(words))
    name, colon, _ = words[place].partition(b":")
    value = rng.choice(_VALUES)
    words[place] = name + colon + value
    return b",".join(words)


def test_mutated_answers_are_understood_or_refused_and_what_comes_of_them_is_sound() -> None:
    rng = Random(20260921)
    good = _good()
    started = time.monotonic()
    refused = 0
    told, inspector = Told(), TheOddsApiInspector()
    for number in range(_MUTATED):
        if number % 500 == 0:
            told, inspector = Told(), TheOddsApiInspector()
        mutate = _mutated if rng.random() < 0.5 else _swapped
        data = mutate(rng.choice(good), rng)
        try:
            snapshot = parse(data)
        except Refused:
            refused += 1
            with pytest.raises(Refused):
                inspector.read(data)
            continue
        inspector.read(data)
        states = [
            state for scope in scopes(snapshot) for state in told.translator.odds(snapshot, scope, number, number)
        ]
        states += told.translator.scores(snapshot, number)
        for state in states:
            topic = state.topic
            subject = event_subject(0, topic) if isinstance(state, Event) else market_subject(0, topic, state.id)
            assert decode_record(subject, encode_record(state)) == state
    orjson.dumps([len(inspector.markets()), len(inspector.winners()), len(inspector.removed())])
    assert 0.1 < refused / _MUTATED < 0.95
    assert time.monotonic() - started < _WORST_S
