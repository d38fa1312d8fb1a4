"""The ports between `feeds check` and a provider's parser: what was seen in a recording, in the provider's own words.

An Inspector reads lines that build on each other and tells what is known in the end; a MessageInspector reads messages
that stand for themselves and tells what each holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from feeds.recording import Line

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


class OutcomeSeen(msgspec.Struct, frozen=True, omit_defaults=False):
    """One outcome of a message. Flags, results and factors as they were sent; None where nothing was."""

    outcome: str
    odds: float | None = None
    active: int | None = None
    team: int | None = None
    probability: float | None = None
    result: int | None = None
    void_factor: float | None = None
    dead_heat_factor: float | None = None


class MessageMarketSeen(msgspec.Struct, frozen=True):
    """One market of a message. `status` and `specifiers` as they were sent; None where they were not."""

    market: str
    specifiers: str | None
    status: int | None
    favourite: int | None
    void_reason: str | None
    outcomes: list[OutcomeSeen]


class MessageSeen(msgspec.Struct, frozen=True):
    """One message. `file` is its name in a folder. `attributes`: those of the message itself."""

    file: str
    line: int
    message: str
    attributes: dict[str, str | int | bool | None]
    markets: list[MessageMarketSeen]


class MessageInspector(Protocol):
    """A parser of messages that stand for themselves, as the check sees it."""

    def documents(self, path: Path) -> Iterator[tuple[str, Line]]:
        """The messages of a file or a folder, each with its file's name. Raises Refused("unreadable")."""

    def read(self, file: str, line: Line) -> MessageSeen:
        """One message. Raises Refused."""
