"""XML to messages: what is read, what is tolerated, and what is refused, whatever bytes come."""

from __future__ import annotations

from random import Random

import pytest

from feeds.contract.errors import Refused
from feeds.contract.model import Market
from feeds.contract.records import decode_record, encode_record
from feeds.contract.subjects import event_subject, market_subject
from feeds.providers.sportradar.documents import parse_document
from feeds.providers.sportradar.mapping import Told
from feeds.providers.sportradar.parse import MARKETS_MAX, parse
from feeds.providers.sportradar.recorded import read_any
from feeds.providers.sportradar.spec import (
    Alive,
    BetCancel,
    BetSettlement,
    BetStop,
    Cashout,
    Description,
    EventMessage,
    Fixture,
    FixtureChange,
    Line,
    OddsChange,
    Player,
    Producer,
    ProductDown,
    RollbackBetCancel,
    RollbackBetSettlement,
    SnapshotComplete,
)
from feeds.providers.sportradar.specifiers import SPECIFIERS_MAX, canonical, values
from feeds.providers.sportradar.xml import DEPTH_MAX, DOCUMENT_BYTES_MAX
from tests.feeds.uof_messages import (
    DESCRIPTIONS,
    FIXTURE,
    PLAYER,
    T,
    market,
    message,
    odds,
    settled,
    settlement,
    state,
    translator,
)

_GOOD = [
    odds(market(18, "total=2.5", {"12": "1.9", "13": "1.95"}, favourite=1), status=state(1, 2), request_id=4),
    odds(market(1, "", {"1": "2", "2": ""}, status=-1), market(3, status=0), market(4, "setnr=1|gamenr=3-2")),
    message("bet_stop", groups="score|corners", market_status=0),
    settlement(settled(18, "total=2.5", {"12": 'result="1" void_factor="0.5"', "13": 'result="0"'}), certainty=1),
    message("rollback_bet_settlement", market(18, "total=2.5")),
    message("bet_cancel", market(18, void_reason=12), start_time=1, end_time=2),
    message("rollback_bet_cancel", market(18)),
    message("fixture_change", change_type=2),
    message("cashout"),
    b'<alive product="1" timestamp="5" subscribed="0"/>',
    b'<snapshot_complete product="1" timestamp="5" request_id="9"/>',
    b'<product_down product="1" timestamp="5"/>',
]


def _code(data: bytes) -> str:
    with pytest.raises(Refused) as refused:
        parse(data)
    return refused.value.code


def test_each_kind_of_message_is_read() -> None:
    kinds = [type(parse(data)) for data in _GOOD]
    assert kinds == [
        *(OddsChange, OddsChange, BetStop, BetSettlement, RollbackBetSettlement, BetCancel, RollbackBetCancel),
        *(FixtureChange, Cashout, Alive, SnapshotComplete, ProductDown),
    ]


def test_an_odds_change() -> None:
    change = parse(_GOOD[0])
    assert isinstance(change, OddsChange)
    assert (change.event_id, change.timestamp, change.product, change.request_id) == ("sr:match:1", T, 1, 4)
    assert change.status is not None
    assert (change.status.status, change.status.home_score) == (1, 2)
    (total,) = change.markets
    assert (total.line, total.status, total.favourite) == (Line("18", "total=2.5"), None, True)
    assert [(outcome.id, outcome.odds, outcome.active) for outcome in total.outcomes] == [
        ("12", "1.9", True),
        ("13", "1.95", True),
    ]


def test_a_settlement_and_its_factors_stay_text() -> None:
    told = parse(_GOOD[3])
    assert isinstance(told, BetSettlement)
    assert (told.certainty, told.markets[0].outcomes[0].void_factor) == (1, "0.5")
    assert told.markets[0].outcomes[1].dead_heat_factor is None


def test_what_the_samples_hold_is_tolerated() -> None:
    bom = b"\xef\xbb\xbf" + message(
        "odds_change",
        '<odds some="new"><market id="1" extended_specifers="a=b"><market_metadata next_betstop="1"/>'
        '<outcome id="1" odds="1.5" probabilities="NaN"/><outcome id="2" odds="NaN" probabilities="8.97094E-4"/>'
        "<unheard/></market></odds>",
    )
    change = parse(bom)
    assert isinstance(change, OddsChange)
    first, second = change.markets[0].outcomes
    assert (first.probabilities, first.active, second.odds, second.probabilities) == (None, None, None, "8.97094E-4")
    rollback = parse(
        b'<rollback_bet_cancel event_id="sr:match:4444" timestamp="1239"><market id="48"/></rollback_bet_cancel>'
    )
    assert isinstance(rollback, RollbackBetCancel)
    assert rollback.product is None


def test_scores_that_are_no_whole_numbers_are_none() -> None:
    for text, score in (("2.0", 2), ("2.5", None), ("abc", None)):
        change = parse(message("odds_change", f'<sport_event_status status="1" home_score="{text}"/>'))
        assert isinstance(change, OddsChange)
        assert change.status is not None
        assert change.status.home_score == score


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "xml_malformed"),
        (b"<odds_change", "xml_malformed"),
        (b"\xff\xfe<\x00a\x00/\x00>\x00", "xml_malformed"),
        ("<alive/>".encode("utf-16"), "xml_malformed"),
        (b'<?xml version="1.0" encoding="latin-1"?><a>\xe9</a>', "xml_malformed"),
        (b"<html/>", "unknown_message"),
        (FIXTURE, "unknown_message"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "doctype"),
        (b"<a>" + b" " * DOCUMENT_BYTES_MAX + b"</a>", "too_long"),
        (b"<a>" * (DEPTH_MAX + 2) + b"</a>" * (DEPTH_MAX + 2), "too_deep"),
        (b"<a>" + b"<b/>" * 900_000 + b"</a>", "too_many_elements"),
        (message("odds_change").replace(b"timestamp", b"time"), "bad_value"),
        (message("odds_change").replace(b'event_id="sr:match:1"', b""), "bad_value"),
        (message("odds_change", product="one"), "bad_value"),
        (odds(market("")), "bad_value"),
        (odds(market(1, status=5)), "bad_value"),
        (odds(market(1, "", {"1": "two"})), "bad_value"),
        (odds(market(1, "", {"1": "1e999"})), "bad_value"),
        (odds(market(1, "total")), "bad_specifiers"),
        (odds(market(1, "a=1|a=2")), "bad_specifiers"),
        (odds(*[market(1)] * (MARKETS_MAX + 1)), "bad_value"),
        (settlement(settled(1, "", {"1": 'result="2"'})), "bad_value"),
        (settlement(settled(1, "", {"1": ""})), "bad_value"),
        (settlement(settled(1, "", {"1": 'result="1" void_factor="1.5"'})), "bad_value"),
        (b'<snapshot_complete product="1" timestamp="5"/>', "bad_value"),
    ],
)
def test_what_is_refused(data: bytes, code: str) -> None:
    assert _code(data) == code


def test_specifiers_are_the_same_in_any_order() -> None:
    assert canonical("pointnr=3|gamenr=2|setnr=1") == canonical("setnr=1|pointnr=3|gamenr=2")
    assert values(canonical("hcp=0:1|variant=sr:winning_margin:3+|total=2.5")) == {
        "hcp": "0:1",
        "variant": "sr:winning_margin:3+",
        "total": "2.5",
    }
    for text in ("a", "=1", "|", "|".join(f"k{n}=1" for n in range(SPECIFIERS_MAX + 1)), "a=" + "1" * 600):
        with pytest.raises(Refused):
            canonical(text)


def test_documents() -> None:
    fixture = parse_document(FIXTURE)
    assert isinstance(fixture, Fixture)
    assert (fixture.start, fixture.sport_id, fixture.tournament_name) == (
        "2030-03-17T15:00:00Z",
        "sr:sport:1",
        "Premier League",
    )
    assert [(one.name, one.qualifier) for one in fixture.competitors] == [("Ayton", "home"), ("Beeham", "away")]
    assert parse_document(PLAYER) == Player("sr:player:7", "Sam Roe")
    bare = parse_document(b'<fixtures_fixture><fixture id="sr:match:2"/></fixtures_fixture>')
    assert bare == Fixture("sr:match:2")
    producers = parse_document(
        b'<producers><producer id="3" api_url="https://x/v1/pre/" scope="prematch"'
        b' stateful_recovery_window_in_minutes="4320"/></producers>'
    )
    assert producers == (Producer(3, "pre", "prematch", 4320),)
    descriptions = parse_document(DESCRIPTIONS)
    assert isinstance(descriptions, tuple)
    assert isinstance(descriptions[0], Description)
    assert descriptions[0].groups == {"all", "score", "regular_play"}


@pytest.mark.parametrize(
    "data",
    [
        b"<a/>",
        b"<fixtures_fixture/>",
        b'<fixtures_fixture><fixture id="x" start_time="soon"/></fixtures_fixture>',
        b'<fixtures_fixture><fixture id="x" start_time="0001-01-01T00:00:00+23:00"/></fixtures_fixture>',
        b'<producers><producer id="1" api_url="http://[/"/></producers>',
        b"<player_profile><player/></player_profile>",
    ],
)
def test_documents_that_are_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        parse_document(data)


def _mutated(rng: Random, data: bytes) -> bytes:
    """A message with some bytes changed, doubled, cut out or brought in from another."""
    text = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = min(start + rng.randint(0, 12), len(text))
        other = rng.choice(_GOOD)
        cut = rng.randrange(len(other))
        piece = rng.choice(
            [
                b"",
                rng.randbytes(3),
                other[cut : cut + 20],
                bytes(text[start:end]) * 2,
                b"<",
                b'"',
                b"-1",
                b"99999999999",
            ]
        )
        text[start:end] = piece
    return bytes(text)


def test_whatever_message_comes_the_states_are_records() -> None:
    rng = Random(20302)
    put, feed = 0, translator()
    for number in range(10_000):
        if number % 20 == 0:  # what has ended stays so
            feed = translator()
            feed.learn(parse_document(PLAYER), T)
        try:
            found = parse(_mutated(rng, rng.choice(_GOOD[:8])))
            told = feed.apply(found, T) if isinstance(found, EventMessage) else Told([], [])
        except Refused:
            continue
        for want in list(feed.directory.wanted):
            told = told.and_then(feed.give_up(want, T))
        for one in told.states:
            market_id = one.id if isinstance(one, Market) else None
            subject = event_subject(0, one.topic) if market_id is None else market_subject(0, one.topic, market_id)
            assert decode_record(subject, encode_record(one)) == one
            put += 1
    assert put > 200


def test_whatever_bytes_come_the_answer_is_a_message_or_a_refusal() -> None:
    rng = Random(20301)
    sources = [*_GOOD, FIXTURE, DESCRIPTIONS, PLAYER]
    understood = refused = 0
    for _ in range(20_000):
        try:
            read_any(_mutated(rng, rng.choice(sources)))
        except Refused:
            refused += 1
        else:
            understood += 1
    assert understood > 500
    assert refused > 500
