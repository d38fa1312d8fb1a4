"""How often an account may bet: a burst, then so many a second, in each worker's share. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from gateway.money.refusals import MoneyRefused

ACCOUNTS_MAX = 100_000
"""Accounts that are remembered; the one that was not heard of the longest begins anew."""


class Rates:
    """The generic cell rate algorithm (ITU-T I.371): of each account only when it may go on. `clock` gives seconds."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float]) -> None:
        self._step_s = 1 / per_s
        self._tolerance_s = (burst - 1) * self._step_s
        self._clock = clock
        self._due_s: OrderedDict[str, float] = OrderedDict()

    def take(self, owner: str) -> None:
        """One more. Raises MoneyRefused("rate_limited")."""
        now_s = self._clock()
        due_s = max(self._due_s.get(owner, now_s), now_s)
        if due_s - now_s > self._tolerance_s:
            raise MoneyRefused("rate_limited", "too many bets a second for this account", retry_after_s=1)
        self._due_s[owner] = due_s + self._step_s
        self._due_s.move_to_end(owner)
        if len(self._due_s) > ACCOUNTS_MAX:
            self._due_s.popitem(last=False)
