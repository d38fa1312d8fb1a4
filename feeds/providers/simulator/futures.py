"""Futures: one outright event a league, with one market on who wins the season. It outlives every game of a slate."""

from __future__ import annotations

import math
from random import Random

from feeds.contract.model import Event, Market
from feeds.providers.simulator.listing import Outcome, Run
from feeds.providers.simulator.offer import Offer
from feeds.providers.simulator.pricing import IMPLIED, Rungs, many_way, rung_of
from feeds.providers.simulator.spec import OVERROUND, League
from feeds.providers.times import utc_text_of_ms

_OVERROUND = OVERROUND["future"]
_DECIDED_IN_MS = 120 * 86_400_000
_STRENGTH_SD = 1.1
_CANDIDATES = 3
_SHORTEST = rung_of(0.75)


_FAVOURITE_ODDS_ON = 1.5
"""A season's favourite is at most 3 to 2 on, well below the shortest price of a season."""


class Season:
    """Pricer of a market with many sides. A few sides move a rung at a time, up where the book is short of its
    overround and down where it is over, so it stays within a rung of it; of some, the one that strayed most moves."""

    __slots__ = ("_usual",)

    def __init__(self, sides: int, rng: Random) -> None:
        strengths = sorted(math.exp(rng.gauss(0.0, _STRENGTH_SD)) for _ in range(sides))
        strengths[-1] = min(strengths[-1], _FAVOURITE_ODDS_ON * sum(strengths[:-1]))
        rng.shuffle(strengths)
        everything = sum(strengths)
        self._usual = many_way([strength / everything for strength in strengths], _OVERROUND)

    def reprice(self, shown: Rungs, rng: Random) -> Rungs:
        """Two to four sides move a rung."""
        if not shown:
            return self._usual
        rungs = list(shown)
        for _ in range(rng.randint(2, 4)):
            self._move_one(rungs, rng)
        return tuple(rungs)

    def _move_one(self, rungs: list[int], rng: Random) -> None:
        by = 1 if sum([IMPLIED[rung] for rung in rungs]) < _OVERROUND else -1
        candidates = [int(rng.random() * len(rungs)) for _ in range(_CANDIDATES)]
        side = min(candidates, key=lambda index: by * (rungs[index] - self._usual[index]))
        rungs[side] = min(max(rungs[side] + by, 0), _SHORTEST)


class Outright:
    """A season's event and its one market."""

    suspended = False

    def __init__(self, league: League, run: Run, now_ms: int) -> None:
        self._rng = run.rng
        listing = run.listing(league, "season")
        self.event = Event(
            id=listing.event,
            topic=listing.topic,
            name=f"{league.slug.upper()} {league.outright}",
            start=utc_text_of_ms(now_ms + _DECIDED_IN_MS),
            state="upcoming",
            ts=now_ms,
            kind="outright",
        )
        outcomes = tuple(Outcome(team) for team in league.teams)
        market = listing.market("future", "outright_winner", outcomes)
        self._offer = Offer(market, Season(len(outcomes), self._rng))

    def open(self, now_ms: int) -> Market:
        """The market's first state."""
        return self._offer.open(now_ms, self._rng, live=False)

    def quote(self, now_ms: int) -> list[Market]:
        """Some teams got better or worse odds."""
        return [self._offer.quote(now_ms, self._rng, live=False)]
