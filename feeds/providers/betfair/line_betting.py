"""Line betting (betting types LINE and RANGE): what is on offer are lines, all at odds of 2.0. Pure.

Owns how they become markets of ours. The "prices" of such a ladder are lines: who backs SELLS the line and wins below
it, who lays BUYS it and wins above it; on the line the stake is returned. Source: Betfair API-NG, MarketBettingType.

So a runner has two sides, each a market of ours with one selection at odds 2.0: `under` at the highest line that can
be sold, `over` at the lowest that can be bought. A line is fixed for a market's life: when the best line of a side
moves, its market is gone, replaced by the one of the new line; when nothing is on offer, the last one stays without a
price. Never more than one market of a side at a time: deeper lines are worse for who takes them, at the same odds.
Which lines won, Betfair's stream does not say: the runner's status is all it tells, so there is no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.ids import slug
from feeds.contract.model import Market, Side
from feeds.contract.prices import line_text, price_from_milli
from feeds.providers.betfair.layout import MarketPlan, Offer, Planner, SelectionPlan
from feeds.providers.betfair.parse import BetfairMarket
from feeds.providers.betfair.spec import RunnerDefinition
from feeds.providers.betfair.taxonomy import MarketKind

EVENS: Final = price_from_milli(2000)
"""The odds of every line."""


class _SideOfLine(NamedTuple):
    side: Side
    offer: Offer


_SIDES: Final = (_SideOfLine("under", "sell"), _SideOfLine("over", "buy"))


def line_plans(planner: Planner, market: BetfairMarket, published: Mapping[str, Market]) -> tuple[MarketPlan, ...]:
    """The markets of a line market as its ladders are now. `published`: what was last, by slot."""
    plans: list[MarketPlan] = []
    for runner in planner.runners:
        for way in _SIDES:
            slot = f"{runner.key[0]}/{line_text(runner.key[1])}/{way.side}"
            held = published.get(slot)
            line = _best_line(market, runner, way.offer) or (held.line if held else None)
            if line is not None:
                kind = MarketKind("special", slug(market.definition.market_type), line=line)
                plans.append(_plan(planner, runner, way, kind=kind, slot=slot))
    return tuple(plans)


def _best_line(market: BetfairMarket, runner: RunnerDefinition, offer: Offer) -> str | None:
    quote = market.quote(runner.key)
    best = quote.back if offer == "sell" else quote.lay
    if best is None:
        return None
    try:
        return line_text(repr(best[0]))
    except Refused:
        return None


def _plan(planner: Planner, runner: RunnerDefinition, way: _SideOfLine, *, kind: MarketKind, slot: str) -> MarketPlan:
    line = kind.line or ""
    market_id = planner.market_id(kind, slot)
    name = planner.runner_name(runner)
    shown = f"{way.side.capitalize()} {line}"
    st = planner.status(runner)
    selection = SelectionPlan(
        key=runner.key,
        id=planner.selection_id(market_id, runner, way.side, line, side=way.side, name=shown),
        name=f"{name} {shown.lower()}" if name else shown,
        st=st,
        side=way.side,
        line=line,
        quoted=st == "open",
        offer=way.offer,
    )
    return MarketPlan(slot, market_id, kind.cls, kind.type, kind.period, line, planner.group(kind), (selection,))
