"""Whether what a user owes is paid out of what a bet wins: by policy of the bet's jurisdiction, operator and market."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from feeds.contract.errors import Refused
from gateway.settlement.batches import Batch, Cause
from gateway.settlement.corrections.policy import NOWHERE, Policies
from gateway.settlement.sql import statement
from gateway.settlement.types_of_markets import types_of


class Offsetting:
    """By some policies of one operator. `now` is the wall clock."""

    def __init__(self, policies: Policies, operator: str, now: Callable[[], datetime]) -> None:
        self._policies = policies
        self._operator = operator
        self._now = now

    async def kept_whole(self, connection: Any, batch: Batch, causes: Mapping[str, Cause]) -> frozenset[str]:
        """Bets of users who owe something, whose winnings are the user's all the same."""
        bets = [bet.bet for bet in batch.bets if batch.purses[bet.owner].receivable < 0]
        if not bets:
            return frozenset()
        types = await types_of(connection, sorted({causes[bet].market for bet in bets}))
        places = await connection.fetch(statement("jurisdictions"), bets, NOWHERE)
        return frozenset(bet for bet, place in places if not self._offset(place, types[causes[bet].market]))

    def _offset(self, place: str, market_type: str) -> bool:
        """Where no policy says that it may be taken, it is not."""
        try:
            return self._policies.policy_for(place, self._operator, market_type, on=self._now().date()).offset
        except Refused:
            return False
