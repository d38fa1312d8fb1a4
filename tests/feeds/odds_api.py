"""The Odds API, simulated on a loopback port, a client of it, and what both of them hold, to be compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from feeds.contract.model import Event, FeedState, Market
from feeds.contract.results import MarketResult
from feeds.mapping import Names
from feeds.ports import State
from feeds.providers.simulator.listing import Chance
from feeds.providers.simulator.serving.theoddsapi import KEY, OddsApiServer
from feeds.providers.simulator.serving.theoddsapi_answers import BOOKMAKER
from feeds.providers.simulator.serving.uvicorn_server import serving
from feeds.providers.simulator.slate import Slate
from feeds.providers.theoddsapi.client import TheOddsApi
from feeds.providers.theoddsapi.mapping import PROVIDER
from feeds.providers.theoddsapi.settings import TheOddsApiSettings

EVENT_MARKETS = (
    "alternate_spreads,alternate_totals,team_totals,alternate_team_totals,player_pass_yds,player_rush_yds,"
    "player_reception_yds,player_anytime_td,player_points,player_rebounds,player_assists,player_threes,"
    "batter_hits,batter_home_runs,batter_total_bases,pitcher_strikeouts"
)
FAST = {
    "interval_s": 0.3,
    "live_interval_s": 0.2,
    "event_interval_s": 0.4,
    "event_live_interval_s": 0.3,
    "scores_interval_s": 0.3,
    "timeout_s": 1.0,
    "stale_s": 20,
    "down_s": 40,
}
_TYPES = {
    **dict.fromkeys(("run_line", "handicap", "puck_line", "game_spread"), "spread"),
    **dict.fromkeys(("total_runs", "total_goals", "total_games"), "total"),
    "outright_winner": "outright",
}

Priced = tuple[object, ...]


class Source:
    """A slate and a server that answers with it. `last`: the newest state of everything."""

    def __init__(self, *, events: int = 3, quota: int = 10**9, key: str = KEY) -> None:
        self.server = OddsApiServer(key=key, quota=quota)
        self.last: dict[str, State] = {}
        self._slate = Slate(
            chance=Chance(5, "test"), events=events, feed="source", lanes=1, now_ms=unix_ms(), game_ms=60_000
        )
        self._put(self._slate.open())

    def advance(self, updates: int = 40) -> None:
        """Something happens."""
        self._put(self._slate.advance(unix_ms(), updates))

    @property
    def sports(self) -> str:
        """All sport keys there are."""
        return ",".join(self.server.answers.sports())

    def _put(self, states: list[State]) -> None:
        self.server.put(states)
        self.last.update({state.id: state for state in states})


class Sink:
    """Remembers the newest state of everything, and how the feed was."""

    def __init__(self) -> None:
        self.last: dict[str, State] = {}
        self.healths: list[FeedState] = []
        self.states = 0

    def put(self, states: Iterable[State]) -> None:
        for state in states:
            self.states += 1
            self.last[state.id] = state

    def results(self, results: Iterable[MarketResult]) -> None:
        raise AssertionError(f"this provider knows no results: {list(results)}")

    def health(self, state: FeedState) -> None:
        self.healths.append(state)


class Troubled:
    """An application before which some answers come first, or always while `always` is set. Counts requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.first: list[Response] = []
        self.always: Response | None = None
        self.only = ""
        self.requests: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        self.requests.append(path)
        answer = self.first.pop(0) if self.first else self.always
        if answer is None or self.only not in path:
            await self._app(scope, receive, send)
        else:
            await answer(scope, receive, send)


def settings(port: int, sports: str, **changes: Any) -> TheOddsApiSettings:
    """Settings of an impatient client of a server on a port."""
    values = {
        "api_key": KEY,
        "url": f"http://127.0.0.1:{port}",
        "sports": sports,
        "bookmaker": BOOKMAKER,
        "event_markets": EVENT_MARKETS,
        **FAST,
        **changes,
    }
    return TheOddsApiSettings.model_validate(values)


def client(port: int, sports: str, **changes: Any) -> TheOddsApi:
    """A client with these settings."""
    return TheOddsApi(settings(port, sports, **changes), feed="odds", lanes=3, names=Names(PROVIDER), rng=Random(1))


@asynccontextmanager
async def polling(app: ASGIApp, sports: str, **changes: Any) -> AsyncIterator[tuple[TheOddsApi, Sink]]:
    """A client that polls an application meanwhile."""
    async with serving(app, 0) as port:
        provider, sink = client(port, sports, **changes), Sink()
        running = asyncio.create_task(provider.run(sink))
        try:
            yield provider, sink
        finally:
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled():
                await running


def on_offer(states: Iterable[State]) -> set[Priced]:
    """Every price there is to bet at, in words that do not depend on ids."""
    held = list(states)
    events = {state.id: state for state in held if isinstance(state, Event)}
    return {
        (
            _who(events[market.event]),
            market.topic.rpartition(".")[0],
            market.cls,
            _TYPES.get(market.type, market.type),
            market.line,
            market.subject.name if market.subject else None,
            selection.side or selection.name,
            selection.line if market.cls != "prop" else None,
            selection.price.milli,
        )
        for market in held
        if isinstance(market, Market) and market.st == "open" and not market.gone
        for selection in market.selections
        if selection.st == "open" and selection.price is not None
    }


def _who(event: Event) -> tuple[object, ...]:
    return (event.home, event.away, event.start) if event.kind == "game" else (event.name,)


def going(states: Iterable[State]) -> set[tuple[object, ...]]:
    """Every event that has not ended and has anything on offer, with its score."""
    held = list(states)
    offered = {market.event for market in held if isinstance(market, Market) and not market.gone}
    return {
        (_who(state), state.state, state.score)
        for state in held
        if isinstance(state, Event) and state.state != "ended" and state.id in offered
    }


def unix_ms() -> int:
    """Now."""
    return time.time_ns() // 1_000_000
