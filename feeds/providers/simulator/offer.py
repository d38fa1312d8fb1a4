"""One market on offer: from its first state to its last. Owns what follows what in a market's life; never its prices'
reasons (pricing.py) nor its neighbours (lines.py, game.py).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from feeds.contract.model import Market, Selection
from feeds.contract.prices import Price
from feeds.providers.simulator.pricing import LADDER, Pricer

_HELD_CHANCE = 0.004
"""How often a quote suspends one selection instead, until the next quote."""

_WITHDRAWN_CHANCE = 0.01
"""How often a quote of a prop withdraws its prices instead, until the next quote."""


Decision = Callable[[], int]
"""Which selection has won, by its place; asked once its game is over."""


class Offer:
    """A market and its pricer. `state` is the newest state; every method below makes and gives the next one."""

    __slots__ = ("_pricer", "_rungs", "decision", "state")

    def __init__(self, market: Market, pricer: Pricer, decision: Decision | None = None) -> None:
        self.state = market
        self.decision = decision
        self._pricer = pricer
        self._rungs: tuple[int, ...] = ()

    def open(self, now_ms: int, rng: Random, *, live: bool) -> Market:
        """Open with new prices: the first state, and the one after a suspension."""
        self._reprice(rng)
        self.state = replace(
            self.state, ts=now_ms, st="open", reason=None, live=live, selections=self._priced(self.state.selections)
        )
        return self.state

    def quote(self, now_ms: int, rng: Random, *, live: bool) -> Market:
        """New prices under the same status; now and then a selection held or a prop's prices withdrawn instead."""
        state = self.state
        chance = rng.random()
        if chance < _HELD_CHANCE and state.st == "open":
            selections = _held(state.selections, int(rng.random() * len(state.selections)))
        elif chance > 1.0 - _WITHDRAWN_CHANCE and state.cls == "prop":
            selections = tuple([replace(selection, price=None) for selection in state.selections])
        else:
            self._reprice(rng)
            selections = self._priced(state.selections)
        self.state = replace(state, ts=now_ms, live=live, selections=selections)
        return self.state

    def suspend(self, now_ms: int, reason: str) -> Market:
        """No bets for a while."""
        self.state = replace(self.state, ts=now_ms, st="suspended", reason=reason)
        return self.state

    def close(self, now_ms: int, replaced_by: str | None) -> Market:
        """Ends before its game does."""
        self.state = replace(self.state, ts=now_ms, st="closed", reason=None, gone=True, replaced_by=replaced_by)
        return self.state

    def settle(self, now_ms: int) -> Market:
        """Ends with its game, whose final score is known by now: this is the state in which a result is told."""
        self.state = replace(
            self.state,
            ts=now_ms,
            st="settled",
            reason=None,
            gone=True,
            selections=tuple([replace(selection, st="settled") for selection in self.state.selections]),
        )
        return self.state

    def _reprice(self, rng: Random) -> None:
        self._rungs = self._pricer.reprice(self._rungs, rng)

    def _priced(self, selections: tuple[Selection, ...]) -> tuple[Selection, ...]:
        return tuple([_at(selection, LADDER[rung]) for selection, rung in zip(selections, self._rungs)])


def _at(selection: Selection, price: Price) -> Selection:
    if selection.price is price and selection.st == "open":
        return selection
    return replace(selection, price=price, st="open")


def _held(selections: tuple[Selection, ...], index: int) -> tuple[Selection, ...]:
    held = replace(selections[index], st="suspended")
    return (*selections[:index], held, *selections[index + 1 :])
