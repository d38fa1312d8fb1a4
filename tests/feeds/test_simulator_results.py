"""How simulated markets end: each once settled has a result, true to the score, corrected as often as is asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from feeds.contract.results import WHOLE, MarketResult
from tests.feeds.test_simulator import START_MS, TICK_MS, UPDATES_A_TICK, Put, games_of, markets_of, slate


class Ended(NamedTuple):
    """What was said of one market's end, and by which call."""

    at: int
    result: MarketResult


def sayings(*, corrections: float) -> tuple[list[Put], dict[str, list[Ended]]]:
    """Three simulated minutes, and what was said of each market."""
    made = slate(corrections=corrections)
    puts = [Put(START_MS, made.open())]
    said: dict[str, list[Ended]] = defaultdict(list)
    for now_ms in range(START_MS + TICK_MS, START_MS + 180_000, TICK_MS):
        puts.append(Put(now_ms, made.advance(now_ms, UPDATES_A_TICK)))
        for result in made.results():
            said[result.market].append(Ended(len(puts) - 1, result))
    return puts, said


def winners(result: MarketResult) -> list[str]:
    return [selection.id for selection in result.selections if selection.w == WHOLE]


def test_every_settled_market_has_a_result_after_its_state_with_one_winner() -> None:
    puts, said = sayings(corrections=0.0)
    settled = {
        market.id: number for number, put in enumerate(puts) for market in markets_of([put]) if market.st == "settled"
    }
    assert len(settled) > 100
    for market_id, number in settled.items():
        assert said[market_id][0].at >= number
        assert said[market_id][0].result.kind == "settled"
    for ends in said.values():
        assert all(len(winners(ended.result)) == 1 for ended in ends)
        assert len({tuple(winners(ended.result)) for ended in ends}) == 1
        assert [ended.result.certainty for ended in ends] in ([2], [1], [1, 2])
    assert any(len(ends) == 2 for ends in said.values())


def test_winners_follow_the_final_score() -> None:
    puts, said = sayings(corrections=0.0)
    final = {event.id: event.score for event in games_of(puts) if event.state == "ended"}
    decided = [m for m in markets_of(puts) if m.st == "settled" and m.type == "moneyline" and m.event in final]
    assert decided
    for market in decided:
        score = final[market.event]
        assert score is not None
        sides = {selection.id: selection.side for selection in market.selections}
        assert sides[winners(said[market.id][0].result)[0]] == ("home" if score.home > score.away else "away")


def test_corrections_take_back_and_say_anew_and_odds_do_not_depend_on_them() -> None:
    puts, said = sayings(corrections=0.5)
    kinds = Counter(tuple(ended.result.kind for ended in ends if ended.result.certainty == 2) for ends in said.values())
    assert kinds[("settled", "rollback", "settled")] > 10
    assert kinds[("settled",)] > 10
    for ends in said.values():
        if ends[-1].result.kind == "settled" and len(ends) > 2:
            assert winners(ends[-1].result) != winners(ends[-3].result)
        assert [ended.result.ts for ended in ends] == sorted(ended.result.ts for ended in ends)
    assert puts == sayings(corrections=0.0)[0]
