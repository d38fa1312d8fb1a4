"""Events and markets before they are on offer: their ids, where they stand, what they are made of. No prices."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from feeds.contract.ids import derive_id
from feeds.contract.model import Market, MarketClass, Selection, Side, event_topic
from feeds.contract.subjects import lane_of, source_id
from feeds.providers.simulator.spec import League


class Outcome(NamedTuple):
    """A selection before it has an id and a price."""

    name: str
    side: Side | None = None
    line: str | None = None


class Ids:
    """Ids of one run: the same seed and run give the same ids, another run gives others."""

    __slots__ = ("_count", "_scope")

    def __init__(self, feed: str, seed: int, run: str) -> None:
        self._scope = (feed, seed, run)
        self._count = 0

    def next(self, prefix: str) -> str:
        """An id never given before."""
        self._count += 1
        return derive_id(prefix, "simulator", *self._scope, self._count)


class Listing(NamedTuple):
    """What all markets of one event have in common."""

    ids: Ids
    event: str
    topic: str
    src: str
    period: str

    def market(self, cls: MarketClass, market_type: str, outcomes: tuple[Outcome, ...]) -> Market:
        """A new market that was not published yet: no prices."""
        return Market(
            id=self.ids.next("M"),
            event=self.event,
            topic=self.topic,
            cls=cls,
            type=market_type,
            period=self.period,
            src=self.src,
            ts=0,
            st="open",
            selections=tuple(
                Selection(self.ids.next("O"), outcome.name, side=outcome.side, line=outcome.line)
                for outcome in outcomes
            ),
        )


class Chance(NamedTuple):
    """What chance is drawn from: the same values, the same games. `run` empty: a run of its own at every start.
    `corrections`: part of the markets whose result is taken back and said anew; odds do not depend on it."""

    seed: int
    run: str = ""
    corrections: float = 0.0


class Run(NamedTuple):
    """What all events of one run share. `rng` is the source of all chance but for results, which come of `luck`: so
    odds are the same whether or not results are corrected."""

    ids: Ids
    rng: Random
    luck: Random
    feed: str
    lanes: int

    def listing(self, league: League, period: str) -> Listing:
        """The listing of a new event."""
        event = self.ids.next("E")
        return Listing(
            ids=self.ids,
            event=event,
            topic=event_topic(league.sport.slug, league.slug, event),
            src=source_id(self.feed, lane_of(event, self.lanes)),
            period=period,
        )
