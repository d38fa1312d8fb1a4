"""Every trap of Betfair's stream, one by one (semantics: Exchange Stream API)."""

from __future__ import annotations

import pytest

from feeds.contract.errors import Refused
from feeds.providers.betfair.parse import LINE_BYTES_MAX, BetfairMarket, StreamReader
from tests.feeds.betfair_stream import MARKET, change, definition, line, opening, runner


def _read(*lines: bytes) -> StreamReader:
    reader = StreamReader()
    for data in lines:
        reader.read(data)
    return reader


def _market(*lines: bytes) -> BetfairMarket:
    return _read(*lines).markets[MARKET]


def _refusal(reader: StreamReader, data: bytes) -> str:
    with pytest.raises(Refused) as refusal:
        reader.read(data)
    return refusal.value.code


def test_an_image_in_mid_stream_drops_everything_held() -> None:
    market = _market(
        opening({"id": 11, "atb": [[3.0, 5], [2.9, 7]], "ltp": 3.0, "tv": 9}, {"id": 12, "atl": [[4, 1]]}),
        line(change({"id": 12, "atb": [[3.5, 2]]}, img=True, tv=4, marketDefinition=definition())),
    )
    assert market.runner((11, 0)).atb == {}
    assert market.runner((11, 0)).ltp is None
    assert market.runner((12, 0)).atl == {}
    assert market.runner((12, 0)).atb == {3.5: 2}
    assert market.tv == 4


def test_a_market_not_yet_held_is_an_image_without_saying_so() -> None:
    market = _market(opening({"id": 11, "atb": [[3.0, 5]]}))
    assert market.runner((11, 0)).atb == {3.0: 5}


def test_an_image_without_a_definition_forgets_the_market() -> None:
    reader = _read(opening({"id": 11, "atb": [[3.0, 5]]}))
    forgotten = reader.read(line(change({"id": 11, "atb": [[2, 5]]}, img=True)))
    assert forgotten.markets == (MARKET,)
    assert reader.markets == {}
    assert _refusal(reader, line(change({"id": 11, "atb": [[2, 6]]}))) == "no_market_definition"


def test_the_definition_is_replaced_whole_and_applied_before_the_runners() -> None:
    market = _market(
        opening({"id": 11, "atb": [[3.0, 5]]}, bspMarket=True, venue="Elm Park"),
        line(change({"id": 13, "ltp": 8}, marketDefinition=definition(runners=[runner(13)]))),
    )
    assert market.definition.venue is None
    assert [held.key for held in market.definition.runners] == [(13, 0)]
    assert market.runner((13, 0)).ltp == 8
    assert market.runner((11, 0)).atb == {3.0: 5}


def test_a_definition_counts_although_its_version_is_the_same() -> None:
    market = _market(opening(complete=False), line(change(marketDefinition=definition(complete=True))))
    assert market.definition.complete


def test_the_same_runner_several_times_is_applied_in_order_of_the_list() -> None:
    market = _market(
        opening(),
        line(
            change(
                {"id": 11, "atb": [[3.0, 5]]},
                {"id": 11, "atb": [[3.0, 0], [2.9, 1]]},
                {"id": 11, "ltp": 2.9},
                {"id": 11, "atb": [[2.9, 4]]},
            )
        ),
    )
    assert market.runner((11, 0)).atb == {2.9: 4}
    assert market.runner((11, 0)).ltp == 2.9


def test_a_runner_is_its_id_and_its_handicap() -> None:
    market = _market(
        opening(
            {"id": 11, "atb": [[1.5, 1]]},
            {"id": 11, "hc": -0.5, "atb": [[2.5, 2]]},
            {"id": 11, "hc": 0.5, "atb": [[1.9, 3]]},
        ),
        line(change({"id": 11, "hc": 0, "ltp": 7})),
    )
    assert market.runner((11, 0)).atb == {1.5: 1}
    assert market.runner((11, -0.5)).atb == {2.5: 2}
    assert market.runner((11, 0.5)).atb == {1.9: 3}
    assert (market.runner((11, 0)).ltp, market.runner((11, 0.5)).ltp) == (7, None)


def test_a_runner_id_may_be_text() -> None:
    assert _market(opening({"id": "11", "ltp": 4})).runner((11, 0)).ltp == 4


@pytest.mark.parametrize("ladder", ["atb", "atl", "trd", "spb", "spl"])
def test_size_0_removes_a_price_and_an_absent_price_may_be_removed(ladder: str) -> None:
    market = _market(
        opening({"id": 11, ladder: [[3.0, 5], [2.9, 7]]}),
        line(change({"id": 11, ladder: [[3.0, 0], [50, 0]]})),
    )
    assert getattr(market.runner((11, 0)), ladder) == {2.9: 7}


@pytest.mark.parametrize("ladder", ["batb", "batl", "bdatb", "bdatl"])
def test_size_0_removes_a_level_and_does_not_shift_the_others(ladder: str) -> None:
    market = _market(
        opening({"id": 11, ladder: [[0, 3.0, 5], [1, 2.9, 7], [2, 2.8, 1]]}),
        line(change({"id": 11, ladder: [[1, 2.9, 0], [0, 3.1, 2], [9, 0, 0]]})),
    )
    assert getattr(market.runner((11, 0)), ladder) == {0: (3.1, 2), 2: (2.8, 1)}


def test_an_empty_trd_clears_what_was_traded_and_no_other_ladder() -> None:
    market = _market(
        opening({"id": 11, "trd": [[3.0, 5]], "atb": [[3, 1]]}),
        line(change({"id": 11, "trd": [], "atb": []})),
    )
    assert market.runner((11, 0)).trd == {}
    assert market.runner((11, 0)).atb == {3: 1}


@pytest.mark.parametrize("projection", ["NaN", "Infinity", 4.7])
def test_starting_prices_may_be_words(projection: str | float) -> None:
    market = _market(
        opening(
            {"id": 11, "spn": projection, "spf": projection},
            runners=[runner(11, bsp=projection), runner(12, bsp="NaN")],
        )
    )
    held = market.runner((11, 0))
    assert (held.spn, held.spf) == (projection, projection)
    assert market.definition.runners[0].bsp == projection


def test_a_ladder_with_a_word_in_it_is_refused() -> None:
    assert _refusal(_read(opening()), line(change({"id": 11, "atb": [["NaN", 2]]}))) == "bad_shape"


def test_absent_and_null_fields_change_nothing() -> None:
    market = _market(
        opening({"id": 11, "ltp": 3, "tv": 5, "trd": [[3, 5]], "spn": 2}),
        line(change({"id": 11, "ltp": None, "tv": None, "trd": None, "spn": None, "hc": None})),
    )
    held = market.runner((11, 0))
    assert (held.ltp, held.tv, held.trd, held.spn) == (3, 5, {3: 5}, 2)


def test_ladders_stay_when_a_market_is_suspended() -> None:
    market = _market(
        opening({"id": 11, "atb": [[3.0, 5]]}), line(change(marketDefinition=definition("SUSPENDED", inPlay=True)))
    )
    assert market.quote((11, 0)).back == (3.0, 5)
    assert (market.definition.status, market.definition.in_play) == ("SUSPENDED", True)


def test_the_fullest_ladder_that_is_sent_is_quoted() -> None:
    reader = _read(opening({"id": 11, "bdatb": [[0, 3.2, 5]], "bdatl": [[0, 3.3, 4]]}))
    market = reader.markets[MARKET]
    assert market.quote((11, 0)) == ((3.2, 5), (3.3, 4), None)
    reader.read(line(change({"id": 11, "batb": [[0, 3.1, 6], [1, 3, 9]]})))
    assert market.quote((11, 0)) == ((3.1, 6), None, None)
    reader.read(line(change({"id": 11, "atb": [[2.9, 7], [3.0, 8], [2.8, 9]], "atl": [[3.5, 1], [3.4, 2]]})))
    assert market.quote((11, 0)) == ((3.0, 8), (3.4, 2), None)
    reader.read(line(change({"id": 11, "bdatb": [[0, 9, 9]], "atb": [[2.9, 0], [3.0, 0], [2.8, 0]]})))
    assert market.quote((11, 0)) == (None, (3.4, 2), None)


def test_a_heartbeat_says_nothing_of_markets() -> None:
    reader = _read(opening())
    beat = reader.read(b'{"op":"mcm","id":2,"clk":"BBB","pt":1900000000001,"ct":"HEARTBEAT"}')
    assert (beat.op, beat.pt, beat.markets, beat.image) == ("mcm", 1900000000001, (), False)
    assert reader.clk == "BBB"


def test_resume_tokens_and_intervals_are_kept() -> None:
    reader = _read(
        line(
            change(marketDefinition=definition()),
            initialClk="III",
            clk="C1",
            ct="SUB_IMAGE",
            heartbeatMs=5000,
            conflateMs=0,
        ),
        line(change({"id": 11, "ltp": 3}), clk="C2"),
    )
    assert (reader.initial_clk, reader.clk, reader.heartbeat_ms, reader.conflate_ms) == ("III", "C2", 5000, 0)


def test_the_publishers_503_is_kept_until_it_is_healthy() -> None:
    reader = _read(opening(), line(change({"id": 11, "ltp": 3}), status=503))
    assert reader.degraded
    assert reader.markets[MARKET].runner((11, 0)).ltp == 3
    reader.read(line(status=None))
    assert not reader.degraded


def test_conflated_changes_say_so() -> None:
    reader = _read(opening(), line(change({"id": 11, "ltp": 3}, con=True)))
    assert reader.markets[MARKET].conflated
    reader.read(line(change({"id": 11, "ltp": 3.1})))
    assert not reader.markets[MARKET].conflated


def test_a_segmented_image_is_told_at_its_end() -> None:
    reader = StreamReader()
    changes = [
        reader.read(line(change(market=market, marketDefinition=definition()), ct="SUB_IMAGE", segmentType=segment))
        for market, segment in (("1.1", "SEG_START"), ("1.2", "SEG"), ("1.3", "SEG_END"))
    ]
    assert [told.markets for told in changes] == [(), (), ("1.1", "1.2", "1.3")]
    assert [told.image for told in changes] == [False, False, True]
    assert set(reader.markets) == {"1.1", "1.2", "1.3"}


def test_a_line_of_markets_never_defined_is_refused_and_others_are_read() -> None:
    reader = _read(opening())
    assert _refusal(reader, line(change({"id": 1, "ltp": 2}, market="1.9"))) == "no_market_definition"
    told = reader.read(line(change({"id": 1, "ltp": 2}, market="1.9"), change({"id": 11, "ltp": 2})))
    assert told.markets == (MARKET,)
    assert set(reader.markets) == {MARKET}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json_malformed"),
        (b'{"op":"mcm","pt":1,"mc":[{"id":"1.5000', "json_malformed"),
        (b"\xff\xfe\x00", "json_malformed"),
        (b'{"op":"mcm","mc":' + b"[" * 100_000, "bad_shape"),
        (b'{"op":"mcm","x":' + b"[" * 100_000, "json_malformed"),
        (b"[]", "bad_shape"),
        (b"{}", "bad_shape"),
        (b'{"op":"mcm","pt":"late"}', "bad_shape"),
        (b'{"op":"mcm","pt":-5}', "bad_shape"),
        (b'{"op":"mcm","mc":[{"id":1.5}]}', "bad_shape"),
        (b'{"op":"mcm","mc":[{"id":"1.1","marketDefinition":{"status":"OPEN"}}]}', "bad_shape"),
        (b'{"op":"mcm","mc":[{"id":"1.1","rc":[{"id":"a"}]}]}', "bad_shape"),
        (b'{"op":"mcm","mc":[{"id":"1.1","rc":[{"id":1,"atb":[[1.5]]}]}]}', "bad_shape"),
        (b'{"op":"mcm","mc":[{"id":"1.1","rc":[{"id":1,"atb":[[1.5,-2]]}]}]}', "bad_shape"),
        (b'{"op":"mcm","mc":[{"id":"1.1","rc":[{"id":1,"batb":[[0.5,1,2]]}]}]}', "bad_shape"),
        (b'{"op":"mcm","mc":[{"id":"1.1","rc":[{"id":1,"ltp":1e999}]}]}', "bad_shape"),
        (b'{"op":"bet"}', "unknown_op"),
    ],
)
def test_what_is_no_message_is_refused_with_a_code(data: bytes, code: str) -> None:
    assert _refusal(StreamReader(), data) == code


def test_too_long_a_line_is_refused() -> None:
    assert _refusal(StreamReader(), b" " * (LINE_BYTES_MAX + 1)) == "line_too_long"


def test_a_failure_in_mid_line_changes_nothing() -> None:
    reader = _read(opening({"id": 11, "ltp": 3}))
    bad = line(change({"id": 11, "ltp": 4}), change({"id": 12, "ltp": "?"}), clk="ZZZ", status=503)
    assert _refusal(reader, bad) == "bad_shape"
    assert reader.markets[MARKET].runner((11, 0)).ltp == 3
    assert (reader.clk, reader.degraded) == ("AAA", False)


@pytest.mark.parametrize(
    "data",
    [
        b'{"op":"connection","connectionId":"002-1"}',
        b'{"op":"status","id":2,"statusCode":"SUCCESS","connectionClosed":false}',
        b'{"op":"ocm","pt":1,"oc":[{"id":"1.1","orc":[{"id":11,"uo":[{"id":"b","p":3,"status":"E"}]}]}]}',
        b'{"op":"rcm","pt":1518626764,"clk":12,"rc":[{"id":"1.1","rrc":[{"id":11,"spd":17.8}]}]}',
        b'{"op":"ccm","pt":1,"cc":[{"eventId":"3","marketId":"1.1","fixtureInfo":{"eventStatus":"X"}}]}',
    ],
)
def test_other_ops_are_understood_and_touch_no_market(data: bytes) -> None:
    reader = _read(opening({"id": 11, "ltp": 3}))
    told = reader.read(data)
    assert (told.markets, told.image, told.error) == ((), False, None)
    assert reader.markets[MARKET].runner((11, 0)).ltp == 3


def test_a_failed_status_tells_its_code() -> None:
    told = StreamReader().read(b'{"op":"status","statusCode":"FAILURE","errorCode":"TIMEOUT","connectionClosed":true}')
    assert told.error == "TIMEOUT"
