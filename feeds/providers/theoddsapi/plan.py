"""What the settings ask The Odds API for: which questions, how often, at which address, at what cost. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from feeds.providers.theoddsapi.agenda import Question, QuestionKind
from feeds.providers.theoddsapi.budget import Wish
from feeds.providers.theoddsapi.mapping import Listed
from feeds.providers.theoddsapi.settings import TheOddsApiSettings, keys
from feeds.providers.theoddsapi.taxonomy import is_outright
from feeds.providers.theoddsapi.tracks import Scope

_OUTRIGHTS: Final = ("outrights",)
_SCORES_COST: Final = 2.0
"""Credits of an answer about scores that has those of yesterday."""

_NEWEST_SHARE: Final = 0.2
"""Weight of what the last answer cost in what the next is expected to."""


class Plan:
    """Knows which events are live by what it was last given."""

    def __init__(self, settings: TheOddsApiSettings) -> None:
        self._settings = settings
        self._keys = tuple(key for key in keys(settings.markets) if key not in _OUTRIGHTS)
        self._event_keys = keys(settings.event_markets)
        self._sports = keys(settings.sports)
        self._live: set[str] = set()
        self._costs: dict[QuestionKind, float] = {
            "odds": float(len(self._keys) or 1),
            "event": float(len(self._event_keys)),
            "scores": _SCORES_COST,
        }

    def questions(self, events: Iterable[Listed], now_ms: int) -> list[Question]:
        """All questions, given the events on offer: odds and scores of every sport, odds of events that begin soon."""
        listed = list(events)
        self._live = {word for event in listed if event.started for word in (event.id, event.sport)}
        found = [Question("odds", sport) for sport in self._sports]
        found += [Question("scores", sport) for sport in self._sports if not is_outright(sport)]
        if self._event_keys:
            until_ms = now_ms + self._settings.event_horizon_s * 1000
            found += [
                Question("event", event.sport, event.id)
                for event in listed
                if event.start_ms <= until_ms and not is_outright(event.sport)
            ]
        return found

    def interval_s(self, question: Question) -> float:
        """How often it is to be asked where quota is no matter."""
        settings = self._settings
        if question.kind == "scores":
            return settings.scores_interval_s
        if question.kind == "odds":
            return settings.live_interval_s if question.sport in self._live else settings.interval_s
        return settings.event_live_interval_s if question.event in self._live else settings.event_interval_s

    def wish(self, question: Question) -> Wish:
        """What it costs and how often it is to be asked."""
        return Wish(self._costs[question.kind], self.interval_s(question))

    def cost(self, question: Question, credits_spent: int | None) -> None:
        """What the API says the last one cost."""
        if credits_spent is not None:
            before = self._costs[question.kind]
            self._costs[question.kind] = before + (credits_spent - before) * _NEWEST_SHARE

    def scope(self, question: Question) -> Scope:
        """What an answer to it tells all of."""
        return Scope(question.sport, question.event or None, frozenset(self._asked(question)))

    def path(self, question: Question) -> str:
        """Its address."""
        sport = f"/v4/sports/{question.sport}"
        if question.kind == "event":
            return f"{sport}/events/{question.event}/odds"
        return f"{sport}/{question.kind}"

    def parameters(self, question: Question) -> dict[str, str]:
        """Its query, without the key."""
        if question.kind == "scores":
            return {"daysFrom": "1", "dateFormat": "iso"}
        return {
            "bookmakers": self._settings.bookmaker,
            "markets": ",".join(self._asked(question)),
            "oddsFormat": self._settings.odds_format,
            "dateFormat": "iso",
        }

    def _asked(self, question: Question) -> tuple[str, ...]:
        if question.kind == "event":
            return self._event_keys
        return _OUTRIGHTS if is_outright(question.sport) else self._keys
