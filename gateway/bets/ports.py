"""What placing bets needs from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from gateway.access.principal import Principal


class Decision(NamedTuple):
    """Where somebody is, decided. `record` is kept with the bet (token hash, rounded coordinates, accuracy, distance,
    versions of polygons and rules); `shown` is what of it a client is told. From `until` on it counts no more."""

    jurisdiction: str
    until: datetime
    record: Mapping[str, object]
    shown: Mapping[str, object]


class Locations(Protocol):
    """Who says whether somebody may bet from where he is. Fails closed."""

    async def check(self, receipt: str | None, principal: Principal, network: str, at: datetime) -> Decision:
        """Verifies a geo receipt. `network`: the client's address. Raises MoneyRefused("geo_...")."""
