"""The slate: which games there are, a third of them live, and how many states they may give in a stretch of time.

Pure: same arguments and same calls, same states. Reads no clock, waits for nothing. A caller gives the time and a
budget of updates; what a game does at once (a suspension, a burst) is never cut, but paid back from what follows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from random import Random
from typing import Protocol

from feeds.contract.model import Market
from feeds.contract.results import MarketResult
from feeds.ports import State
from feeds.providers.simulator.budget import Budget
from feeds.providers.simulator.fixtures import Fixtures
from feeds.providers.simulator.futures import Outright
from feeds.providers.simulator.game import Game
from feeds.providers.simulator.listing import Chance, Ids, Run
from feeds.providers.simulator.rulings import Rulings
from feeds.providers.simulator.spec import GAME_MS, LIVE_SHARE, ROTATION, League

_LIVE_QUOTES = 0.85
_UPCOMING_QUOTES = 0.98
"""Cumulative shares of the single quotes: live games, upcoming games, the rest futures."""


class _Quoted(Protocol):
    @property
    def suspended(self) -> bool: ...

    def quote(self, now_ms: int) -> list[Market]: ...


class Slate:
    """`events` games of which a third (rounded, at least one) is live at every moment, and their leagues' futures.

    When a live game is over, its markets are suspended, then settled one by one; then, in one stretch, it ends, the
    next upcoming game goes live and a new one of the same league joins the slate. One game is handed over at a time,
    so at a rate too low for the turnover a game stays live, suspended, until its turn.
    """

    def __init__(
        self,
        *,
        chance: Chance,
        events: int,
        feed: str,
        lanes: int,
        now_ms: int,
        game_ms: int = GAME_MS,
    ) -> None:
        self._rng = Random(f"{chance.seed}/{chance.run}")
        luck = Random(f"{chance.seed}/{chance.run}/luck")
        self._run = Run(Ids(feed, chance.seed, chance.run), self._rng, luck, feed, lanes)
        self._rulings = Rulings(luck, corrections=chance.corrections)
        self._events = events
        self._game_ms = game_ms
        self._now_ms = now_ms
        self._fixtures = Fixtures(self._rng)
        self._live: list[Game] = []
        self._upcoming: list[Game] = []
        self._outrights: list[Outright] = []
        self._agenda: list[tuple[int, int, Game]] = []
        self._planned = 0
        self._finished: deque[Game] = deque()
        self._handover: Iterator[list[State]] | None = None
        self._budget = Budget()

    def open(self) -> list[State]:
        """Everything there is, each event before its markets. To be called once, first."""
        return [state for part in self.parts() for state in part]

    def parts(self) -> Iterator[list[State]]:
        """The same, event by event as it is made, for who must not stop a loop for long."""
        live = live_games(self._events)
        leagues = [ROTATION[number % len(ROTATION)] for number in range(self._events)]
        for number, league in enumerate(leagues):
            game = self._game(league)
            if number < live:
                event = game.kick_off(self._now_ms, progress=(number + self._rng.random()) / live)
                self._go_live(game)
            else:
                event = game.announce(self._start_ms(number - live), self._now_ms)
                self._upcoming.append(game)
            yield [event, *(game.open(offer, self._now_ms) for offer in game.list_markets())]
        for league in dict.fromkeys(leagues):
            outright = Outright(league, self._run, self._now_ms)
            self._outrights.append(outright)
            yield [outright.event, outright.open(self._now_ms)]

    def advance(self, now_ms: int, updates: int) -> list[State]:
        """What happens up to `now_ms`, in about `updates` states: what was overspent is owed, nothing is saved up.

        `now_ms` never falls. Order matters: a later state of a market or event is the newer one.
        """
        self._now_ms = now_ms
        self._budget.earn(updates)
        states: list[State] = []
        self._turn_over(states)
        self._play(states)
        while self._budget.left > 0:
            quoted = self._quoted()
            states += quoted
            self._budget.spend_quote(len(quoted))
        return states

    def results(self) -> list[MarketResult]:
        """What is to be said by now of how markets ended. To be asked for after the states of `advance` were put."""
        return self._rulings.due(self._now_ms)

    def _quoted(self) -> list[Market]:
        rng = self._rng
        choice = rng.random()
        pool: Sequence[_Quoted]
        pool = self._live if choice < _LIVE_QUOTES else self._upcoming if choice < _UPCOMING_QUOTES else self._outrights
        pool = pool or self._outrights
        quoted = pool[int(rng.random() * len(pool))]
        if quoted.suspended:
            quoted = pool[int(rng.random() * len(pool))]
        return quoted.quote(self._now_ms)

    def _play(self, states: list[State]) -> None:
        agenda = self._agenda
        while agenda and agenda[0][0] <= self._now_ms and self._budget.may_play:
            game = heappop(agenda)[2]
            acted = game.act(self._now_ms)
            states += acted
            self._budget.spend_play(len(acted))
            if game.finished:
                self._live.remove(game)
                self._finished.append(game)
            else:
                self._plan(game)

    def _turn_over(self, states: list[State]) -> None:
        while self._budget.may_turn_over:
            if self._handover is None:
                if not self._finished:
                    return
                self._handover = self._hand_over(self._finished.popleft())
            step = next(self._handover, None)
            if step is None:
                self._handover = None
                continue
            states += step
            self._budget.spend_turnover(len(step))

    def _hand_over(self, ended: Game) -> Iterator[list[State]]:
        """Ends a finished game and fills its place. Time passes between the steps; nobody else touches these games."""
        for offer in ended.offers:
            yield [offer.settle(self._now_ms)]
            self._rulings.ended(offer, self._now_ms)
        for offer in ended.closed_offers:
            self._rulings.ended(offer, self._now_ms)
        newcomer = self._game(ended.league)
        announced = newcomer.announce(self._start_ms(len(self._upcoming)), self._now_ms)
        successor = self._upcoming.pop(0) if self._upcoming else newcomer
        yield [ended.end(self._now_ms), announced, successor.kick_off(self._now_ms)]
        for offer in successor.offers:
            yield [successor.open(offer, self._now_ms)]
        for offer in newcomer.list_markets():
            yield [newcomer.open(offer, self._now_ms)]
        if successor is not newcomer:
            self._upcoming.append(newcomer)
        self._go_live(successor)

    def _go_live(self, game: Game) -> None:
        self._live.append(game)
        self._plan(game)

    def _plan(self, game: Game) -> None:
        self._planned += 1
        heappush(self._agenda, (game.due_ms, self._planned, game))

    def _game(self, league: League) -> Game:
        duration_ms = int(self._game_ms * self._rng.uniform(0.85, 1.15))
        return Game(league, self._fixtures.next(league), self._run, duration_ms)

    def _start_ms(self, place: int) -> int:
        """When a game with so many before it is likely to begin."""
        return self._now_ms + self._game_ms * (place + 1) // live_games(self._events)


def live_games(events: int) -> int:
    """How many of so many games are live at every moment."""
    return max(1, round(events * LIVE_SHARE))
