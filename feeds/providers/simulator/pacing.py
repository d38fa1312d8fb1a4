"""How fast a simulator goes: its limits, how many updates are due, how long a game lasts at a rate. Pure."""

from __future__ import annotations

from feeds.contract.errors import Refused
from feeds.providers.simulator.slate import live_games
from feeds.providers.simulator.spec import EVENTS_MAX, GAME_MS, GAME_MS_MAX, RATE_MAX

_CATCH_UP_MAX_S = 1.0
_TICK_MIN_S, _TICK_MAX_S = 0.01, 0.1

_TURNOVER_STATES = 105
"""About what one game's end, and the beginning of its two successors, cost in states."""

_TURNOVER_SHARE = 0.15
"""Share of the rate that may go into it."""


def check_limits(events: int, rate: int) -> None:
    """Raises Refused("events_out_of_range" | "rate_out_of_range")."""
    if not 1 <= events <= EVENTS_MAX:
        raise Refused("events_out_of_range", f"the simulator plays 1 to {EVENTS_MAX} events, not {events}")
    if not 1 <= rate <= RATE_MAX:
        raise Refused("rate_out_of_range", f"the simulator gives 1 to {RATE_MAX} updates a second, not {rate}")


def game_ms(events: int, rate: int, *, least_ms: int = GAME_MS) -> int:
    """How long a game lasts: as it is told, or as long as the rate needs to carry the turnover, three hours at most."""
    needed_ms = live_games(events) * _TURNOVER_STATES * 1000 / (_TURNOVER_SHARE * rate)
    return int(min(max(needed_ms, least_ms), GAME_MS_MAX))


class Pacer:
    """Turns time into whole updates; the fraction is carried over. Times are seconds of one rising clock.

    Who comes late gets at most one second's worth; the rest is dropped and counted in `dropped`.
    """

    def __init__(self, rate: int, now_s: float) -> None:
        self.dropped = 0
        self.tick_s = min(max(1 / rate, _TICK_MIN_S), _TICK_MAX_S)
        self._rate = rate
        self._last_s = now_s
        self._owed = 0.0

    def due(self, now_s: float) -> int:
        """Updates due since the last call."""
        elapsed_s = now_s - self._last_s
        self._last_s = now_s
        late_s = max(0.0, elapsed_s - _CATCH_UP_MAX_S)
        self.dropped += int(late_s * self._rate)
        self._owed += (elapsed_s - late_s) * self._rate
        updates = int(self._owed)
        self._owed -= updates
        return updates
