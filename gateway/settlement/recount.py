"""What bets come to, recounted from what was said of their markets and from nothing else. Pure.

It shares no code with the settler: sayings are folded anew, one after the other in the order of their times, and
fractions are multiplied as they come. Where the two differ, one of them is wrong.

R1 what the ledger holds of a bet is what the bet says; R6 what the bet says is what the results make of it. Steps are
dense, and the last one is the bet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from feeds.contract.results import MarketResult, Reduction, SelectionResult
from gateway.money.verifying import Difference

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEFORE, _AFTER = float("-inf"), float("inf")


class CountedBet(NamedTuple):
    """A bet as it is kept, what its journals moved, and its steps; `busy`: a market of it is still being settled."""

    bet: str
    owner: str
    state: str
    payout: int | None
    revision: int
    stake: int
    cashed_stake: int
    cashed_out: int
    placed: datetime
    held: int
    users: int
    houses: int
    corrections: int
    steps: int
    last_state: str | None
    last_payout: int | None
    waived: int
    legs: tuple[tuple[str, str, int], ...]
    busy: bool

    @property
    def open_stake(self) -> int:
        """What partial cash-outs left of the stake."""
        return self.stake - self.cashed_stake


class Ruling:
    """A market, read from its sayings."""

    def __init__(self, sayings: Iterable[tuple[str, MarketResult]]) -> None:
        self._results: dict[str, SelectionResult] = {}
        self._reductions: tuple[Reduction, ...] = ()
        self._void: list[tuple[float, float]] = []
        by_time = sorted(sayings, key=lambda said: (said[1].ts, said[1].kind.startswith("rollback"), said[0]))
        standing: MarketResult | None = None
        for _, result in by_time:
            match result.kind:
                case "settled" if standing is None or result.certainty >= standing.certainty:
                    standing = result
                case "rollback":
                    standing = None
                case "cancelled":
                    self._void.append(_times(result))
                case "rollback_cancel":
                    begin, end = _times(result)
                    self._void = [one for one in self._void if not (begin <= one[0] and one[1] <= end)]
        if standing is not None:
            self._results = {selection.id: selection for selection in standing.selections}
            self._reductions = standing.reductions

    def pays(self, selection: str, milli: int, placed_ms: int) -> tuple[Fraction, str] | None:
        """By what a leg multiplies the stake, and whether that is `won`, `void` or `lost`; None: undecided."""
        if any(begin <= placed_ms < end for begin, end in self._void):
            return Fraction(1), "void"
        result = self._results.get(selection)
        if result is None:
            return None
        won, void, heat = (Fraction(share.num, share.den) for share in (result.w, result.v, result.dh))
        word = "won" if won else "void" if void == 1 else "lost"
        return void + won * heat * self._price(selection, milli, placed_ms), word

    def _price(self, selection: str, milli: int, placed_ms: int) -> Fraction:
        price = struck = Fraction(milli, 1000)
        for reduction in self._reductions:
            if reduction.to_ms <= placed_ms or reduction.removed == selection:
                continue
            lost = (price if reduction.of == "price" else price - 1) * Fraction(
                reduction.share.num, reduction.share.den
            )
            price = max(price - lost, min(Fraction("1.01"), struck))
        return price


def _times(result: MarketResult) -> tuple[float, float]:
    begin = _BEFORE if result.from_ms is None else result.from_ms
    return begin, _AFTER if result.to_ms is None else result.to_ms


def check_counted(bet: CountedBet, rulings: Mapping[str, Ruling]) -> Iterator[Difference]:
    """What differs of one bet."""
    yield from _ledger_is_the_bet(bet)
    yield from _steps_are_the_bet(bet)
    if bet.busy or bet.state in ("pending_acceptance", "refused", "cashed_out"):
        return
    state, payout = recounted(bet, rulings)
    if (state, payout) != (bet.state, bet.payout):
        told = f"is {bet.state} {bet.payout}, and by the results {state} {payout}"
        yield Difference("R6", f"{bet.owner} {bet.bet}", told)


def recounted(bet: CountedBet, rulings: Mapping[str, Ruling]) -> tuple[str, int | None]:
    """State and payout of a bet by the results."""
    placed_ms = (bet.placed - _EPOCH) // timedelta(milliseconds=1)
    total, words, decided = Fraction(bet.open_stake), set(), True
    for market, selection, milli in bet.legs:
        leg = rulings[market].pays(selection, milli, placed_ms)
        if leg is None:
            decided = False
            continue
        total *= leg[0]
        words.add(leg[1])
    if total == 0:
        return "lost", 0
    if not decided:
        return "accepted", None
    word = "won" if "won" in words else "lost" if "lost" in words else "void"
    return word, round(total)


def _ledger_is_the_bet(bet: CountedBet) -> Iterator[Difference]:
    settled = bet.open_stake if bet.state in ("won", "lost") else 0
    paid = (bet.payout or 0) if bet.state in ("won", "lost") else 0
    held = bet.open_stake if bet.state in ("pending_acceptance", "accepted") else 0
    cashed = (0, 0) if bet.state == "refused" else (bet.cashed_stake, bet.cashed_out)
    houses = cashed[0] + settled - cashed[1] - paid
    expected = (held, houses, -bet.waived, bet.waived - held - houses)
    found = (bet.held, bet.houses, bet.corrections, bet.users)
    if found != expected:
        told = f"is {bet.state} {bet.payout}; holds, house, corrections, user: {found}, not {expected}"
        yield Difference("R1", f"{bet.owner} {bet.bet}", told)


def _steps_are_the_bet(bet: CountedBet) -> Iterator[Difference]:
    where = f"{bet.owner} {bet.bet}"
    if bet.steps != bet.revision:
        yield Difference("R1", where, f"is of revision {bet.revision}, and took {bet.steps} steps")
    if bet.steps and bet.state != "cashed_out" and (bet.last_state, bet.last_payout) != (bet.state, bet.payout):
        yield Difference("R1", where, f"is {bet.state} {bet.payout}, its last step {bet.last_state} {bet.last_payout}")
