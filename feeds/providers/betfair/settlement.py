"""How Betfair's markets ended: a CLOSED definition's runner statuses as a result of ours. Exact, and pure.

Owns what a runner's status pays, and when a saying is new: the first CLOSED definition settles, a corrected one settles
again, one that is not CLOSED any more takes it back. Never decides what a bet is paid; that is the settlement's.

- WINNER and PLACED win, LOSER loses, REMOVED and REMOVED_VACANT are void. A runner of any other status has no result
  yet and is left out; where none has one, nothing is said.
- Dead heat: with more winners than `numberOfWinners` a stake is reduced to numberOfWinners / winners of it, the rest
  loses (Betfair Exchange Rules, "Dead Heat Rule"). Markets without a number of winners (Asian handicaps: 0) have none.
- Each way at 1/d the odds: half the stake on the win at p, half on the place at 1 + (p - 1)/d, so a WINNER is paid
  1/2 p + 1/2 (1 + (p - 1)/d), PLACED the second half alone. That is w and v in exact shares, each half with its own
  dead heat.
- A removed runner's adjustment factor, in percent, is told as a reduction: of the price in win and each-way markets,
  there only from 2.5 up; of the winnings in others (Betfair Exchange Rules, "Betfair Non-Runner Rule").
- Asian handicaps: each line is a market of its own here. A quarter line's half win or half loss follows only as far as
  runner statuses tell, and they tell of whole wins alone: WINNER, LOSER, REMOVED (a push) of each runner and handicap.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from feeds.contract.results import MarketResult, Reduction, SelectionResult, Share
from feeds.providers.betfair.layout import MarketPlan
from feeds.providers.betfair.spec import MarketDefinition, RunnerDefinition
from feeds.providers.betfair.taxonomy import EACH_WAY, kind_of
from feeds.providers.times import unix_ms_of

REDUCED_FROM_PERCENT: Final = Fraction(5, 2)
"""Win markets: a smaller adjustment factor reduces nothing."""

_WON: Final = frozenset({"WINNER", "PLACED"})
_VOID: Final = frozenset({"REMOVED", "REMOVED_VACANT"})
_PRICE_REDUCED: Final = frozenset({"win", EACH_WAY})
_HALF: Final = Fraction(1, 2)


def next_result(
    plan: MarketPlan, definition: MarketDefinition, *, told: MarketResult | None, event: str, topic: str, pt: int
) -> MarketResult | None:
    """What is to be said of a market now, where `told` was the last thing said. `pt`: when Betfair published it.

    A saying's `ts` is the settled time where Betfair gives one, the publish time else, and later than that of `told`.
    """
    settled = told is not None and told.kind == "settled"
    after = told.ts + 1 if told else 0
    if definition.status != "CLOSED":
        if not settled:
            return None
        return MarketResult(plan.id, event, topic, "rollback", max(pt, after), reason="reopened")
    selections = tuple(_selection_results(plan, definition))
    if not selections:
        return None
    result = MarketResult(
        plan.id,
        event,
        topic,
        "settled",
        _settled_ms(definition) or pt,
        selections=selections,
        reductions=_reductions(plan, definition),
    )
    if told is None:
        return result
    if settled and result == replace(told, ts=result.ts):
        return None
    return replace(result, ts=max(result.ts, pt, after))


def _selection_results(plan: MarketPlan, definition: MarketDefinition) -> Iterator[SelectionResult]:
    statuses = {runner.key: runner.status for runner in definition.runners}
    here = [statuses[selection.key] for selection in plan.selections]
    winners, placed = here.count("WINNER"), here.count("PLACED")
    each_way = _each_way(definition)
    for selection in plan.selections:
        if selection.offer != "odds":
            continue
        status = statuses[selection.key]
        if status in _VOID:
            yield SelectionResult(selection.id, v=Share(1))
        elif status == "LOSER":
            yield SelectionResult(selection.id)
        elif status in _WON and each_way is not None:
            places = _dead_heat(definition, winners + placed)
            yield _each_way_result(selection.id, status, divisor=each_way, wins=winners, places=places)
        elif status in _WON:
            yield SelectionResult(selection.id, w=Share(1), dh=_share(_dead_heat(definition, winners + placed)))


def _each_way(definition: MarketDefinition) -> Fraction | None:
    """The divisor of an each-way market's place odds."""
    if definition.each_way_divisor is None or kind_of(definition).type != EACH_WAY:
        return None
    return Fraction(repr(definition.each_way_divisor))


def _each_way_result(
    selection_id: str, status: str, *, divisor: Fraction, wins: int, places: Fraction
) -> SelectionResult:
    place_w = _HALF * places / divisor
    place_v = _HALF * places * (1 - 1 / divisor)
    win_w = _HALF / wins if status == "WINNER" else Fraction(0)
    return SelectionResult(selection_id, w=_share(win_w + place_w), v=_share(place_v))


def _dead_heat(definition: MarketDefinition, winners: int) -> Fraction:
    expected = definition.number_of_winners or 0
    return Fraction(expected, winners) if 0 < expected < winners else Fraction(1)


def _reductions(plan: MarketPlan, definition: MarketDefinition) -> tuple[Reduction, ...]:
    """Runners removed from this market, by the time of their removal. Without a time or a factor there is none."""
    of_price = plan.type in _PRICE_REDUCED
    ids = {selection.key: selection.id for selection in plan.selections}
    found: list[Reduction] = []
    for runner in definition.runners:
        percent = _percent(runner)
        if runner.status not in _VOID or runner.removal_date is None or not percent:
            continue
        if of_price and percent < REDUCED_FROM_PERCENT:
            continue
        at_ms = unix_ms_of(runner.removal_date)
        share = _share(percent / 100)
        if runner.key in ids:
            found.append(Reduction(ids[runner.key], share, at_ms, "price" if of_price else "winnings"))
    return tuple(sorted(found, key=lambda reduction: (reduction.to_ms, reduction.removed)))


def _percent(runner: RunnerDefinition) -> Fraction:
    """The adjustment factor, by the shortest text of the number; more than everything cannot be taken away."""
    return min(Fraction(repr(runner.adjustment_factor or 0.0)), Fraction(100))


def _settled_ms(definition: MarketDefinition) -> int | None:
    return None if definition.settled_time is None else unix_ms_of(definition.settled_time)


def _share(value: Fraction) -> Share:
    return Share(value.numerator, value.denominator)
