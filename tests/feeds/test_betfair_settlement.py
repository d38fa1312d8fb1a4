"""What CLOSED definitions pay: winners, dead heats, voids, each way, reductions, corrections, re-openings."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from feeds.contract.results import MarketResult, Reduction, SelectionResult, Share
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import StreamReader
from tests.feeds.betfair_stream import MARKET, change, definition, line, runner

_T = 1_900_000_000_000
_SETTLED = "2030-05-01T15:00:00.000Z"
_SETTLED_MS = 1_903_878_000_000
_VOID = (Fraction(0), Fraction(1), Fraction(1))
_LOST = (Fraction(0), Fraction(0), Fraction(1))
_WON = (Fraction(1), Fraction(0), Fraction(1))


class _Feed:
    def __init__(self) -> None:
        self.reader = StreamReader()
        self.translator = Translator(feed="betfair", lanes=4, catalogue=Catalogue())
        self.pt = _T

    def results(self, status: str, runners: list[dict[str, Any]], **more: Any) -> list[MarketResult]:
        self.pt += 1_000
        told = self.reader.read(line(change(marketDefinition=definition(status, runners=runners, **more)), pt=self.pt))
        self.translator.states(self.reader.markets, told.markets, 1)
        return self.translator.results(told.markets, self.pt)


def _closed(*runners: dict[str, Any], **more: Any) -> MarketResult:
    (result,) = _Feed().results("CLOSED", list(runners), **more)
    return result


def _fraction(share: Share) -> Fraction:
    return Fraction(share.num, share.den)


def _shares(each: SelectionResult) -> tuple[Fraction, Fraction, Fraction]:
    return _fraction(each.w), _fraction(each.v), _fraction(each.dh)


def _payout(each: SelectionResult, price: Fraction) -> Fraction:
    w, v, dh = _shares(each)
    return v + w * price * dh


def test_winners_are_paid_losers_are_not_and_the_removed_are_refunded() -> None:
    result = _closed(runner(11, "WINNER"), runner(12, "LOSER"), runner(13, "REMOVED"), runner(14, "REMOVED_VACANT"))
    assert (result.kind, result.certainty, result.ts) == ("settled", 2, _T + 1_000)
    assert [_shares(each) for each in result.selections] == [_WON, _LOST, _VOID, _VOID]


def test_the_settled_time_is_the_time_of_the_saying() -> None:
    assert _closed(runner(11, "WINNER"), settledTime=_SETTLED).ts == _SETTLED_MS


def test_places_are_won() -> None:
    runners = [runner(11, "WINNER"), runner(12, "PLACED"), runner(13, "LOSER")]
    result = _closed(*runners, marketType="PLACE", numberOfWinners=2)
    assert [_shares(each) for each in result.selections] == [_WON, _WON, _LOST]


@pytest.mark.parametrize(
    ("expected", "winners", "factor"),
    [(1, 2, Fraction(1, 2)), (1, 3, Fraction(1, 3)), (3, 4, Fraction(3, 4)), (2, 2, Fraction(1)), (0, 2, Fraction(1))],
)
def test_a_dead_heat_reduces_the_stake_exactly(expected: int, winners: int, factor: Fraction) -> None:
    result = _closed(*(runner(11 + each, "WINNER") for each in range(winners)), numberOfWinners=expected)
    assert {_shares(each) for each in result.selections} == {(Fraction(1), Fraction(0), factor)}


def test_a_market_without_any_outcome_says_nothing() -> None:
    assert _Feed().results("CLOSED", [runner(11), runner(12)]) == []
    assert _Feed().results("OPEN", [runner(11), runner(12, "REMOVED")]) == []


def test_a_runner_without_an_outcome_is_left_out() -> None:
    result = _closed(runner(11, "WINNER"), runner(12, "HIDDEN"))
    assert len(result.selections) == 1


def test_a_void_market_refunds_everything() -> None:
    result = _closed(runner(11, "REMOVED"), runner(12, "REMOVED"))
    assert {_shares(each) for each in result.selections} == {_VOID}


def test_the_same_closing_again_says_nothing_and_a_corrected_one_says_it_later() -> None:
    feed = _Feed()
    won, lost = [runner(11, "WINNER"), runner(12, "LOSER")], [runner(11, "LOSER"), runner(12, "WINNER")]
    (first,) = feed.results("CLOSED", won, settledTime=_SETTLED)
    assert feed.results("CLOSED", won, settledTime=_SETTLED, version=2) == []
    (second,) = feed.results("CLOSED", lost, settledTime=_SETTLED)
    assert second.ts > first.ts
    assert (second.market, second.kind) == (first.market, "settled")
    assert [_shares(each) for each in second.selections] == [_LOST, _WON]


def test_a_reopened_market_takes_its_result_back_once_and_may_settle_again() -> None:
    feed = _Feed()
    runners = [runner(11, "WINNER"), runner(12, "LOSER")]
    (settled,) = feed.results("CLOSED", runners, settledTime=_SETTLED)
    (back,) = feed.results("SUSPENDED", [runner(11), runner(12)])
    assert (back.kind, back.market, back.selections) == ("rollback", settled.market, ())
    assert back.ts > settled.ts
    assert feed.results("OPEN", [runner(11), runner(12)]) == []
    (again,) = feed.results("CLOSED", runners, settledTime=_SETTLED)
    assert (again.kind, again.ts > back.ts) == ("settled", True)


@pytest.mark.parametrize("price", [Fraction(11), Fraction(3, 2)])
def test_each_way_pays_half_on_the_win_and_half_on_the_place(price: Fraction) -> None:
    runners = [runner(11, "WINNER"), runner(12, "PLACED"), runner(13, "LOSER")]
    result = _closed(*runners, marketType="EACH_WAY", numberOfWinners=2, eachWayDivisor=5)
    place = (1 + (price - 1) / 5) / 2
    assert [_payout(each, price) for each in result.selections] == [price / 2 + place, place, 0]


def test_each_way_has_a_dead_heat_for_each_half() -> None:
    runners = [runner(11, "WINNER"), runner(12, "WINNER"), runner(13, "PLACED")]
    result = _closed(*runners, marketType="EACH_WAY", numberOfWinners=2, eachWayDivisor=4)
    price = Fraction(9)
    place = Fraction(2, 3) * (1 + (price - 1) / 4) / 2
    assert [_payout(each, price) for each in result.selections] == [price / 4 + place, price / 4 + place, place]


def _removed(runner_id: int, factor: float, minute: int) -> dict[str, Any]:
    return runner(runner_id, "REMOVED", adjustmentFactor=factor, removalDate=f"2030-05-01T13:{minute:02}:00.000Z")


def test_a_removed_runner_reduces_what_was_bet_before_on_the_others() -> None:
    result = _closed(runner(11, "WINNER", adjustmentFactor=40), _removed(12, 26.678, 40), _removed(13, 2.5, 20))
    by_id = {each.id: index for index, each in enumerate(result.selections)}
    assert [(by_id[each.removed], each.share, each.of) for each in result.reductions] == [
        (2, Share(1, 40), "price"),
        (1, Share(13_339, 50_000), "price"),
    ]
    assert [each.to_ms for each in result.reductions] == [_SETTLED_MS - 6_000_000, _SETTLED_MS - 4_800_000]


def test_a_small_factor_reduces_places_but_not_wins() -> None:
    assert _closed(runner(11, "WINNER"), _removed(12, 2.49, 20)).reductions == ()
    (reduction,) = _closed(runner(11, "WINNER"), _removed(12, 2.49, 20), marketType="PLACE").reductions
    assert (reduction.of, reduction.share) == ("winnings", Share(249, 10_000))


def test_no_time_or_no_factor_is_no_reduction() -> None:
    gone = runner(12, "REMOVED", adjustmentFactor=20)
    assert _closed(runner(11, "WINNER"), gone, runner(13, "REMOVED")).reductions == ()


def test_each_line_of_an_asian_handicap_has_its_own_result() -> None:
    runners = [
        runner(11, "LOSER", hc=-1.5),
        runner(12, "WINNER", hc=1.5),
        runner(11, "REMOVED", hc=-1),
        runner(12, "REMOVED", hc=1),
        runner(11, "WINNER", hc=-0.5),
        runner(12, "LOSER", hc=0.5),
    ]
    more = {"bettingType": "ASIAN_HANDICAP_DOUBLE_LINE", "marketType": "ASIAN_HANDICAP", "numberOfWinners": 0}
    results = _Feed().results("CLOSED", runners, **more)
    assert [[_shares(each) for each in result.selections] for result in results] == [
        [_LOST, _WON],
        [_VOID, _VOID],
        [_WON, _LOST],
    ]


def test_line_betting_tells_no_result() -> None:
    feed = _Feed()
    feed.reader.read(
        line(change({"id": 11, "atb": [[45.5, 5]]}, marketDefinition=definition(bettingType="LINE"), market=MARKET))
    )
    assert feed.results("CLOSED", [runner(11, "WINNER")], bettingType="LINE") == []


def test_reductions_are_left_out_where_there_are_none() -> None:
    assert MarketResult("M", "E", "a.b.E", "settled", 1).reductions == ()
    assert Reduction("O", Share(1, 4), 5).of == "winnings"
