"""What placing bets needs from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from gateway.access.principal import Principal
from gateway.bets.checks import Quote

Use = Literal["bet", "cash_out", "deposit", "withdrawal"]
"""What a receipt is shown for."""


class Decision(NamedTuple):
    """Where somebody is, decided. `record` is kept with the bet (token hash, rounded coordinates, accuracy, distance,
    versions of polygons and rules); `shown` is its shown_of. From `until` on it counts no more."""

    jurisdiction: str
    until: datetime
    record: Mapping[str, object]
    shown: Mapping[str, object]


SHOWN = ("verifier", "jurisdiction")
"""What of a record its user is told. Not the rest: how far a border is would teach where to stand."""


def shown_of(record: Mapping[str, object]) -> Mapping[str, object]:
    """That part of a record."""
    return {name: record[name] for name in SHOWN if name in record}


class Locations(Protocol):
    """Who says whether somebody may bet from where he is. Fails closed."""

    async def check(
        self, receipt: str | None, principal: Principal, network: str, at: datetime, *, use: Use = "bet"
    ) -> Decision:
        """Verifies a geo receipt. `network`: the client's address. Raises MoneyRefused("geo_...")."""

    def permit(self, decision: Decision, quotes: Sequence[Quote], *, stake: int, at: datetime) -> None:
        """Whether these markets may be bet on from there, with `stake` in all. Raises MoneyRefused("geo_...")."""

    def fell(self, decision: Decision, code: str, *, use: Use = "bet") -> None:
        """A decision that passed `check` did not stand when it was to be committed, by the code `geo_...`."""
