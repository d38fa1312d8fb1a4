"""Results that wait: order within a market, limits, and what makes two sayings the same one."""

from __future__ import annotations

import msgspec
import pytest

from feeds.contract.errors import Refused
from feeds.contract.records import decode_settlement, encode_settlement
from feeds.contract.results import WHOLE, MarketResult, SelectionResult, Settlement, Share, saying_id
from feeds.results import HELD_MS_MAX, WAITING_MAX, WaitingResults

RESULT = MarketResult("M1", "E1", "football.nfl.E1", "settled", 5, 2, (SelectionResult("O1", w=WHOLE),))


def result(market: str, ts: int = 5) -> MarketResult:
    return msgspec.structs.replace(RESULT, market=market, ts=ts)


def due(waiting: WaitingResults, limit: int = 9, now_ms: int = 0, unready: str = "") -> list[tuple[str, int]]:
    found = waiting.due(lambda result: result.market != unready, limit, now_ms)
    return [(result.market, result.ts) for result in found]


def test_a_markets_next_result_waits_for_the_one_before_and_others_do_not() -> None:
    waiting = WaitingResults()
    first, second = result("M1", 1), result("M1", 2)
    for each in (first, second, result("M2", 3)):
        waiting.put(each, 0)
    assert due(waiting) == [("M1", 1), ("M2", 3)]
    assert due(waiting) == [("M1", 1), ("M2", 3)]
    waiting.published(first)
    assert due(waiting, limit=1) == [("M1", 2)]
    waiting.published(second)
    assert due(waiting) == [("M2", 3)]
    assert len(waiting) == 1


def test_what_is_not_ready_waits_and_is_given_up_in_the_end() -> None:
    waiting = WaitingResults()
    waiting.put(result("M1"), 0)
    assert due(waiting, unready="M1", now_ms=HELD_MS_MAX) == []
    assert (len(waiting), waiting.dropped) == (1, 0)
    assert due(waiting, unready="M1", now_ms=HELD_MS_MAX + 1) == []
    assert (len(waiting), waiting.dropped) == (0, 1)


def test_at_the_limit_the_oldest_is_dropped_and_counted_also_where_it_is_on_its_way() -> None:
    waiting = WaitingResults()
    oldest = result("M1", 0)
    waiting.put(oldest, 0)
    for ts in range(1, WAITING_MAX + 1):
        waiting.put(result("M1", ts), 0)
    assert (len(waiting), waiting.dropped) == (WAITING_MAX, 1)
    waiting.published(oldest)
    assert due(waiting) == [("M1", 1)]


@pytest.mark.parametrize(
    "change",
    [{"market": "M2"}, {"kind": "rollback"}, {"ts": 6}, {"certainty": 1}, {"selections": ()}, {"to_ms": 9}],
)
def test_another_meaning_is_another_saying(change: dict[str, object]) -> None:
    assert saying_id("alpha", msgspec.structs.replace(RESULT, **change)) != saying_id("alpha", RESULT)


def test_the_same_meaning_is_the_same_saying_whatever_the_reason() -> None:
    again = msgspec.structs.replace(RESULT, reason="as told")
    assert saying_id("alpha", again) == saying_id("alpha", RESULT)
    assert saying_id("beta", RESULT) != saying_id("alpha", RESULT)


def test_a_settlement_survives_the_bus_and_carries_its_version() -> None:
    half = (SelectionResult("O1", w=Share(1, 2), v=Share(1, 2), dh=Share(1, 3)), SelectionResult("O2"))
    settlement = Settlement("alpha", 2, "2030", 7, msgspec.structs.replace(RESULT, selections=half, from_ms=1))
    data = encode_settlement(settlement)
    assert data.startswith(b'{"v":1,')
    assert decode_settlement("settle.2.E1.M1", data) == settlement


@pytest.mark.parametrize(
    ("data", "code"), [(b'{"v":2}', "bus_version"), (b"{}", "bus_malformed"), (b"x", "bus_malformed")]
)
def test_what_cannot_be_a_settlement_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        decode_settlement("settle.2.E1.M1", data)
    assert refused.value.code == code
