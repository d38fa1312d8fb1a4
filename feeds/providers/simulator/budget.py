"""How many states a slate may give, and how much of that its games and its turnover may take for themselves."""

from __future__ import annotations

_SHARE = 0.4
"""Share of the updates that plays may take, and likewise the turnover of games; single quotes get what is left."""

_CARRY_MAX = 64
"""Largest unspent share that is kept: about one suspension and its re-opening."""


class Budget:
    """States still to be given. Below nothing: overspent by one stretch of states, paid back before anything else."""

    __slots__ = ("_plays", "_turnover", "left")

    def __init__(self) -> None:
        self.left = 0
        self._plays = 0.0
        self._turnover = 0.0

    def earn(self, updates: int) -> None:
        """More may be given."""
        self.left += updates
        self._plays = min(self._plays, _CARRY_MAX) + _SHARE * updates
        self._turnover = min(self._turnover, _CARRY_MAX) + _SHARE * updates

    @property
    def may_play(self) -> bool:
        """Whether something may happen in a game."""
        return self.left > 0 and self._plays > 0

    @property
    def may_turn_over(self) -> bool:
        """Whether a handover from game to game may go on."""
        return self.left > 0 and self._turnover > 0

    def spend_play(self, states: int) -> None:
        """A game took so many."""
        self.left -= states
        self._plays -= states

    def spend_turnover(self, states: int) -> None:
        """A handover took so many."""
        self.left -= states
        self._turnover -= states

    def spend_quote(self, states: int) -> None:
        """A single quote, or a line that moved, took so many."""
        self.left -= states
