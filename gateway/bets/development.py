"""Who verifies locations where nobody is configured: nobody, or, for development, one who lets everybody through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.access.principal import Principal
from gateway.bets.checks import Quote
from gateway.bets.ports import Decision, Use
from gateway.money.refusals import MoneyRefused

LIFE = timedelta(minutes=5)


class DevelopmentLocations:
    """A Locations that asks nobody. Every bet it lets through carries its name."""

    async def check(
        self, receipt: str | None, principal: Principal, network: str, at: datetime, *, use: Use = "bet"
    ) -> Decision:
        """Anybody may, from anywhere."""
        del receipt, principal, network, use
        said = {"verifier": "development"}
        return Decision("development", at + LIFE, said, said)

    def permit(self, decision: Decision, quotes: Sequence[Quote], *, stake: int, at: datetime) -> None:
        """On anything."""
        del decision, quotes, stake, at

    def fell(self, decision: Decision, code: str, *, use: Use = "bet") -> None:
        """Nobody keeps a record."""
        del decision, code, use


class NoLocations:
    """A Locations that fails closed."""

    async def check(
        self, receipt: str | None, principal: Principal, network: str, at: datetime, *, use: Use = "bet"
    ) -> Decision:
        """Nobody may."""
        del receipt, principal, network, at, use
        raise MoneyRefused("geo_unavailable")

    def permit(self, decision: Decision, quotes: Sequence[Quote], *, stake: int, at: datetime) -> None:
        """On nothing."""
        del decision, quotes, stake, at
        raise MoneyRefused("geo_unavailable")

    def fell(self, decision: Decision, code: str, *, use: Use = "bet") -> None:
        """Nothing passed."""
        del decision, code, use
