"""One game: its teams, scoreboard, forecast and all of its markets, from the opening line to the settlement.

Owns the order of what happens in a game: plays, suspensions on a possible score, re-opening, line moves, the end. It
decides nothing about other games, nor how often it may speak (slate.py).
"""

from __future__ import annotations

from msgspec.structs import replace

from feeds.contract.model import Event, Market, Subject
from feeds.ports import State
from feeds.providers.simulator import names
from feeds.providers.simulator.forecast import Forecast
from feeds.providers.simulator.lines import LineGroup, Sides, halves_text, over_under
from feeds.providers.simulator.listing import Outcome, Run
from feeds.providers.simulator.offer import Offer
from feeds.providers.simulator.pricing import ThreeWay, TwoWay
from feeds.providers.simulator.scoreboard import NO_POINTS, Points, scoreboard_of
from feeds.providers.simulator.spec import (
    DANGER_MS,
    OVERROUND,
    PLAYS_PER_GAME,
    League,
    Lines,
    Prop,
)
from feeds.providers.times import utc_text_of_ms

_TEAM_TOTALS_CHANCE = 0.5
_QUIET_PLAY_CHANCE = 0.5
_BURST_SHARE = 0.6
_DRIFT_CHANCE = 0.05


class Game:
    """A game. `event` is its newest state, `due_ms` when it next does something by itself."""

    def __init__(self, league: League, teams: tuple[str, str], run: Run, duration_ms: int) -> None:
        self.league = league
        self._rng = run.rng
        self._luck = run.luck
        self._home, self._away = teams
        self._listing = run.listing(league, "game")
        self._board = scoreboard_of(league)
        self._forecast = Forecast(league.scoring, self._board, self._rng)
        self._duration_ms = duration_ms
        self._kickoff_ms = 0
        self._played = 0.0
        self._pending: Points | None = None
        self._groups: list[LineGroup] = []
        self._fixed: list[Offer] = []
        self._offers: list[Offer] = []
        self.due_ms = 0
        self.finished = False
        self.event = self._announced()

    @property
    def suspended(self) -> bool:
        """Whether its markets wait for a possible score."""
        return self._pending is not None

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What is on offer now."""
        return tuple(self._offers)

    @property
    def closed_offers(self) -> tuple[Offer, ...]:
        """What was on offer and ended before the game; what was bet on it is settled all the same."""
        return tuple(offer for group in self._groups for offer in group.closed)

    def announce(self, start_ms: int, now_ms: int) -> Event:
        """The game is on the slate, to begin at `start_ms`."""
        self.event = replace(self.event, ts=now_ms, start=utc_text_of_ms(start_ms))
        return self.event

    def list_markets(self) -> tuple[Offer, ...]:
        """Makes its markets; they are yet to be opened, one by one."""
        sport = self.league.sport
        sides = Sides(self._home, self._away)
        self._groups = [self._line_group(lines, sides) for lines in sport.lines]
        if self._rng.random() < _TEAM_TOTALS_CHANCE:
            self._groups += [self._team_total(lines, sides) for lines in sport.team_totals]
        self._fixed = [self._winner(), *(self._prop(prop, who) for prop, who in self._props())]
        self._arrange()
        return self.offers

    def kick_off(self, now_ms: int, progress: float = 0.0) -> Event:
        """The game is live. With `progress` it began a while ago, and points were scored."""
        progress = min(progress, self._board.progress_max_at_opening)
        self._kickoff_ms = now_ms - int(progress * self._duration_ms)
        self._board.progress = self._played = progress
        self._count(self._board.draw(self._forecast.expected_points(progress), self._rng), now_ms)
        self.event = replace(self.event, state="live", start=utc_text_of_ms(self._kickoff_ms))
        return self._told(now_ms)

    def open(self, offer: Offer, now_ms: int) -> Market:
        """Opens one of its listed markets."""
        return offer.open(now_ms, self._rng, live=self._live)

    def quote(self, now_ms: int) -> list[Market]:
        """One market, the main ones more often, gets new prices; or a main line moves."""
        rng = self._rng
        if rng.random() < _DRIFT_CHANCE:
            self._forecast.drift(self._board, rng)
        index = int(len(self._offers) * rng.random() ** 2)
        if index < len(self._groups) and not self.suspended:
            moved = self._groups[index].follow(now_ms, rng, live=self._live)
            if moved:
                self._arrange()
                return moved
        return [self._offers[index].quote(now_ms, rng, live=self._live)]

    def act(self, now_ms: int) -> list[State]:
        """What is due: the markets open again, something happens on the field, or the game is over."""
        self._board.progress = (now_ms - self._kickoff_ms) / self._duration_ms
        if self._pending is not None:
            return self._resolve(self._pending, now_ms)
        if self._board.over:
            return self._finish(now_ms)
        share = self._board.progress - self._played
        self._played = self._board.progress
        return self._play(self._board.draw(self._forecast.expected_points(share), self._rng), now_ms)

    def end(self, now_ms: int) -> Event:
        """The last state of the game; all of its markets are gone by now."""
        self.event = replace(self.event, ts=now_ms, state="ended")
        return self.event

    @property
    def _live(self) -> bool:
        return self.event.state == "live"

    def _play(self, points: Points, now_ms: int) -> list[State]:
        scoring = self.league.scoring
        scored = points != NO_POINTS
        if (scored and scoring.suspends) or self._rng.random() < scoring.alarm:
            self._pending = points
            self.due_ms = now_ms + self._rng.randint(*DANGER_MS)
            return [offer.suspend(now_ms, "possible_score") for offer in self._offers]
        self._count(points, now_ms)
        if self._board.over:
            return self._finish(now_ms)
        states: list[State] = [self._told(now_ms)]
        if self._rng.random() >= _QUIET_PLAY_CHANCE:
            states += self._burst(now_ms)
        return states

    def _burst(self, now_ms: int) -> list[Market]:
        """The prices of a game move together."""
        rng = self._rng
        states = self._follow(now_ms)
        states += [
            offer.quote(now_ms, rng, live=True)
            for offer in self._offers
            if offer.state.ts < now_ms and rng.random() < _BURST_SHARE
        ]
        return states

    def _resolve(self, points: Points, now_ms: int) -> list[State]:
        """The possible score counted, or did not: told first, then every market opens at its new price."""
        self._pending = None
        self._count(points, now_ms)
        if self._board.over:
            return self._finish(now_ms)
        states: list[State] = [self._told(now_ms), *self._follow(now_ms)]
        states += [offer.open(now_ms, self._rng, live=True) for offer in self._offers if offer.state.st == "suspended"]
        return states

    def _count(self, points: Points, now_ms: int) -> None:
        self._board.add(points)
        self._forecast.drift(self._board, self._rng)
        self.due_ms = now_ms + int(self._duration_ms / PLAYS_PER_GAME * self._rng.uniform(0.5, 1.5))

    def _finish(self, now_ms: int) -> list[State]:
        """The final whistle: no bets any more, though the settlement may take a while."""
        if not self.league.sport.draws:
            self._board.break_tie(self._rng)
        self.finished = True
        return [self._told(now_ms), *(offer.suspend(now_ms, "game_over") for offer in self._offers)]

    def _follow(self, now_ms: int) -> list[Market]:
        moved = [state for group in self._groups for state in group.follow(now_ms, self._rng, live=True)]
        if moved:
            self._arrange()
        return moved

    def _told(self, now_ms: int) -> Event:
        clock = "Final" if self.finished else self._board.clock()
        self.event = replace(self.event, ts=now_ms, score=self._board.score, clock=clock)
        return self.event

    def _arrange(self) -> None:
        """Main lines first: quote() finds the group of a main line by its place, and picks the front more often."""
        self._offers = [group.main for group in self._groups]
        self._offers += self._fixed[:1]
        for group in self._groups:
            self._offers += group.alternates
        self._offers += self._fixed[1:]

    def _announced(self) -> Event:
        between = (self._away, " @ ", self._home) if self.league.sport.away_first else (self._home, " v ", self._away)
        return Event(
            id=self._listing.event,
            topic=self._listing.topic,
            name="".join(between),
            start="",
            state="upcoming",
            ts=0,
            home=self._home,
            away=self._away,
        )

    def _winner(self) -> Offer:
        home, draw, away = Outcome(self._home, "home"), Outcome("Draw", "draw"), Outcome(self._away, "away")
        sport = self.league.sport
        if sport.draws:
            market = self._listing.market("main", sport.winner, (home, draw, away))
            return Offer(market, ThreeWay(self._forecast.match_result, OVERROUND["main"]), self._won_of_three)
        market = self._listing.market("main", sport.winner, (home, away))
        return Offer(market, TwoWay(self._forecast.home_wins, OVERROUND["main"]), self._won_of_two)

    def _won_of_two(self) -> int:
        return 0 if self._board.winning > 0 else 1

    def _won_of_three(self) -> int:
        return (1, 0, 2)[_sign(self._board.winning)]

    def _team_total(self, lines: Lines, sides: Sides) -> LineGroup:
        team = self._home if lines.on == "home" else self._away
        about = sides._replace(subject=names.team_subject(self.league.slug, team))
        return self._line_group(lines, about)

    def _line_group(self, lines: Lines, sides: Sides) -> LineGroup:
        return LineGroup(lines, self._listing, forecast=self._forecast, board=self._board, sides=sides)

    def _props(self) -> list[tuple[Prop, Subject]]:
        league = self.league
        squads = [names.squad(league.slug, team, solo=league.sport.solo) for team in (self._home, self._away)]
        return [
            (prop, player)
            for prop in league.sport.props
            for squad in squads
            for player in self._rng.sample(squad, min(prop.players, len(squad)))
        ]

    def _prop(self, prop: Prop, who: Subject) -> Offer:
        rng, luck = self._rng, self._luck
        fair = min(max(prop.fair + rng.uniform(-0.08, 0.08), 0.08), 0.92)
        if prop.high:
            line = rng.randrange(prop.low, prop.high + 1, 2)
            market = replace(
                self._listing.market("prop", prop.type, over_under(line)), line=halves_text(line), subject=who
            )
        else:
            yes_no = (Outcome("Yes", "yes"), Outcome("No", "no"))
            market = replace(self._listing.market("prop", prop.type, yes_no), subject=who)
        pricer = TwoWay(lambda: fair, OVERROUND["prop"], keep=0.98, step=0.04)
        return Offer(market, pricer, lambda: 0 if luck.random() < fair else 1)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
