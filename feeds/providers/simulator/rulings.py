"""How simulated markets ended, and when that is said: mostly at once and for good, now and then first by a scout, and
at a rate that is set taken back and said anew. Pure; prices and scores are not decided here.
"""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import Final

from feeds.contract.model import Market
from feeds.contract.results import WHOLE, Certainty, MarketResult, SelectionResult
from feeds.providers.simulator.offer import Offer

SCOUT_CHANCE: Final = 0.1
"""How often a result comes from a scout first."""

CONFIRMED_MS: Final = (2_000, 10_000)
"""How long the confirmation of a scout's result takes: shortest, longest."""

CORRECTED_MS: Final = (10_000, 60_000)
"""How long after its confirmation a wrong result is taken back. The right one comes with it, a millisecond later."""

_CORRECTION: Final = "stat_correction"


class Rulings:
    """Every saying of one slate that is still to be said. `corrections`: part of the markets first said wrong."""

    def __init__(self, luck: Random, *, corrections: float) -> None:
        self._luck = luck
        self._corrections = corrections
        self._agenda: list[tuple[int, int, MarketResult]] = []
        self._planned = 0

    def ended(self, offer: Offer, now_ms: int) -> None:
        """The market's game is over. Plans all that is said of it, the last of which is true."""
        if offer.decision is None:
            return
        market, winner, luck = offer.state, offer.decision(), self._luck
        scouted = luck.random() < SCOUT_CHANCE
        wrong = luck.random() < self._corrections
        said = (winner + 1) % len(market.selections) if wrong else winner
        at_ms = now_ms
        if scouted:
            self._plan(_settled(market, said, at_ms, certainty=1))
            at_ms += luck.randint(*CONFIRMED_MS)
        self._plan(_settled(market, said, at_ms))
        if wrong:
            at_ms += luck.randint(*CORRECTED_MS)
            self._plan(_rollback(market, at_ms))
            self._plan(_settled(market, winner, at_ms + 1))

    def due(self, now_ms: int) -> list[MarketResult]:
        """What is to be said by now, in order."""
        due: list[MarketResult] = []
        while self._agenda and self._agenda[0][0] <= now_ms:
            due.append(heappop(self._agenda)[2])
        return due

    def _plan(self, result: MarketResult) -> None:
        self._planned += 1
        heappush(self._agenda, (result.ts, self._planned, result))


def _settled(market: Market, winner: int, ts: int, *, certainty: Certainty = 2) -> MarketResult:
    selections = tuple(
        SelectionResult(selection.id, w=WHOLE) if place == winner else SelectionResult(selection.id)
        for place, selection in enumerate(market.selections)
    )
    return MarketResult(market.id, market.event, market.topic, "settled", ts, certainty, selections)


def _rollback(market: Market, ts: int) -> MarketResult:
    return MarketResult(market.id, market.event, market.topic, "rollback", ts, reason=_CORRECTION)
