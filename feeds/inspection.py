"""The port between `feeds check` and a provider's parser: what was seen in a recording, in the provider's own words."""

from __future__ import annotations

from typing import Protocol

import msgspec

RawSelectionId = int | str


class SelectionSeen(msgspec.Struct, frozen=True):
    """One selection by the provider's id and handicap. Decimal odds as the provider wrote them, None where none are."""

    id: RawSelectionId
    hc: float
    st: str
    back: float | None
    lay: float | None
    ltp: float | None


class MarketSeen(msgspec.Struct, frozen=True):
    """One market by the provider's id, with the provider's status. `live`: in play."""

    id: str
    st: str
    live: bool
    selections: list[SelectionSeen]


class Inspector(Protocol):
    """A provider's parser as the check sees it."""

    def read(self, line: bytes) -> None:
        """Apply one line. Raises Refused and then has changed nothing."""

    def markets(self) -> list[MarketSeen]:
        """All markets known, with all their selections, withdrawn ones too."""

    def winners(self) -> dict[str, list[RawSelectionId]]:
        """Market id to the ids of its winners, for every market known."""

    def removed(self) -> dict[str, list[RawSelectionId]]:
        """Market id to the ids of what was withdrawn from it, for every market known."""
