"""One market line of one producer: what was said of it, and how it therefore stands. Pure, no names, no ids of ours.

Owns the order of things. Every kind of saying is kept with its own timestamp, and how the line stands follows from all
of them together, so that duplicates and any order of arrival give the same. A line that is settled or cancelled stays
so whatever odds come, until that is rolled back; after a rollback it is suspended until newer odds come.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from feeds.providers.sportradar.spec import (
    ACTIVE,
    CANCELLED,
    HANDED_OVER,
    INACTIVE,
    SETTLED,
    SUSPENDED,
    UNDECIDED,
    OddsMarket,
    OutcomeOdds,
    SettledMarket,
)

SETTLEMENTS_KEPT: Final = 8
"""Settlements of a line, the newest; who is told more than these has been told nonsense."""

_NEVER: Final = -1

Standing = Literal["active", "suspended", "inactive", "settled", "void"]
_STANDINGS: Final[dict[int, Standing]] = {
    ACTIVE: "active",
    SUSPENDED: "suspended",
    INACTIVE: "inactive",
    HANDED_OVER: "suspended",
    SETTLED: "settled",
    CANCELLED: "void",
}
_ENDED: Final = frozenset({"settled", "void"})


class Stop(NamedTuple):
    """A bet stop that concerns a line."""

    timestamp: int
    market_status: int


class LineView(NamedTuple):
    """How a line stands. `settlement` may hold results of single outcomes while others are undecided."""

    standing: Standing
    reason: str | None
    settlement: SettledMarket | None

    @property
    def ended(self) -> bool:
        """Whether nothing more can be bet on, unless that is taken back."""
        return self.standing in _ENDED


class LineState:
    """A line. `outcomes` are the last odds, `favourite_at` when it was last said to be the main line."""

    __slots__ = (
        "_cancel_rolled_at",
        "_cancelled_at",
        "_listed_settled_at",
        "_outcomes_at",
        "_rolled_back_at",
        "_settlements",
        "_status",
        "_status_at",
        "favourite",
        "missed",
        "outcomes",
    )

    def __init__(self) -> None:
        self.outcomes: tuple[OutcomeOdds, ...] = ()
        self.favourite = False
        self.missed = False
        self._outcomes_at = _NEVER
        self._status = ACTIVE
        self._status_at = _NEVER
        self._settlements: dict[int, tuple[int, SettledMarket]] = {}
        self._listed_settled_at = _NEVER
        self._rolled_back_at = _NEVER
        self._cancelled_at = _NEVER
        self._cancel_rolled_at = _NEVER

    @property
    def status_at(self) -> int:
        """Timestamp of the newest status."""
        return self._status_at

    def known_outcomes(self) -> tuple[OutcomeOdds, ...]:
        """The last odds, or where there never were any, the outcomes that were settled."""
        if self.outcomes or not self._settlements:
            return self.outcomes
        _, market = self._settlements[max(self._settlements)]
        return tuple(OutcomeOdds(outcome.id) for outcome in market.outcomes)

    def list(self, market: OddsMarket, timestamp: int) -> None:
        """An odds_change lists the line."""
        self.missed = False
        status = ACTIVE if market.status is None else market.status
        if market.outcomes and timestamp >= self._outcomes_at:
            self._outcomes_at = timestamp
            self.outcomes = market.outcomes
        if status == SETTLED:
            self._listed_settled_at = max(self._listed_settled_at, timestamp)
        elif status == CANCELLED:
            self._cancelled_at = max(self._cancelled_at, timestamp)
        elif timestamp >= self._status_at:
            self._status_at = timestamp
            self._status = status
            self.favourite = market.favourite

    def stop(self, stop: Stop) -> None:
        """A bet stop, told while it is forgotten by the event: it becomes the line's own status."""
        if self._status == ACTIVE and _NEVER < self._status_at < stop.timestamp:
            self._status, self._status_at = stop.market_status, stop.timestamp

    def settle(self, market: SettledMarket, timestamp: int, certainty: int) -> None:
        """A bet_settlement."""
        held = self._settlements.get(timestamp)
        if held is None or held[0] <= certainty:
            self._settlements[timestamp] = (certainty, market)
        if len(self._settlements) > SETTLEMENTS_KEPT:
            del self._settlements[min(self._settlements)]

    def roll_back(self, timestamp: int) -> None:
        """A rollback_bet_settlement: takes back what was said before."""
        self._rolled_back_at = max(self._rolled_back_at, timestamp)

    def cancel(self, timestamp: int) -> None:
        """A bet_cancel of all bets."""
        self._cancelled_at = max(self._cancelled_at, timestamp)

    def roll_back_cancel(self, timestamp: int) -> None:
        """A rollback_bet_cancel of all bets."""
        self._cancel_rolled_at = max(self._cancel_rolled_at, timestamp)

    def view(self, stops: Iterable[Stop] = ()) -> LineView:
        """How it stands. `stops`: the bet stops that concern it, oldest first."""
        settlement = self._settlement()
        if self._cancelled_at > self._cancel_rolled_at:
            return LineView("void", None, settlement)
        if settlement is not None and not _undecided(settlement):
            return LineView("settled", _void(settlement), settlement)
        if self._listed_settled_at > self._rolled_back_at:
            return LineView("settled", None, settlement)
        return LineView(*self._offered(stops), settlement)

    def _settlement(self) -> SettledMarket | None:
        standing = [
            (certainty, timestamp, market)
            for timestamp, (certainty, market) in self._settlements.items()
            if timestamp > self._rolled_back_at
        ]
        return max(standing, key=lambda one: one[:2])[2] if standing else None

    def _offered(self, stops: Iterable[Stop]) -> tuple[Standing, str | None]:
        status, reason = self._status, "handed_over" if self._status == HANDED_OVER else None
        if self._status_at == _NEVER:
            return "suspended", "no_odds"
        if status == ACTIVE:
            for stop in stops:
                if stop.timestamp > self._status_at:
                    status, reason = stop.market_status, "bet_stop"
                    break
        standing = _STANDINGS[status]
        if standing == "active" and max(self._rolled_back_at, self._cancel_rolled_at) > self._status_at:
            return "suspended", "rollback"
        if standing in ("active", "suspended") and self.missed:
            return "suspended", "not_offered"
        return standing, reason


def _undecided(settlement: SettledMarket) -> bool:
    return any(outcome.result == UNDECIDED for outcome in settlement.outcomes)


def _void(settlement: SettledMarket) -> str | None:
    return None if settlement.void_reason is None else f"void_{settlement.void_reason}"
