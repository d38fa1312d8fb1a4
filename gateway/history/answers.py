"""What the archive answers with, and the decision whether a price was live. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from feeds.contract.freshness import SourceState
from feeds.contract.model import Event, Market

Interval = Literal["1m", "1h"]

Doubt = Literal[
    "bad_cursor",
    "unknown_epoch",
    "not_archived_yet",
    "not_covered",
    "hole",
    "no_such_market",
    "no_such_selection",
    "gone",
    "not_open",
    "price_differs",
    "source_stale",
    "source_down",
]
"""Why a price cannot be said to have been live; the first five say that nobody knows."""

Code = Doubt | Literal["no_parquet", "bad_file"]


class NotInHistory(Exception):
    """The archive cannot answer. `code` is stable and machine readable."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class PastState(NamedTuple):
    """A market as it stood from `at_us` on (microseconds, the log's clock), at position `s` of log `log`."""

    market: Market
    at_us: int
    log: int
    s: int


class PastPrice(NamedTuple):
    """A selection's price from `at_us` on, in thousandths; None: withdrawn. `on_offer`: it could be had."""

    at_us: int
    s: int
    milli: int | None
    on_offer: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """What one selection was offered at within an interval that begins at `start_us`: thousandths, decimal odds.

    Only prices that changed within it, and could be had: an interval without any has no bar.
    """

    selection: str
    start_us: int
    open: int
    high: int
    low: int
    close: int
    changes: int


@dataclass(frozen=True, slots=True)
class PastBoard:
    """An event as it stood. `sources`: those that were not live, so that their markets counted as suspended."""

    event: Event | None
    event_s: int
    states: list[PastState]
    sources: Mapping[str, SourceState]
    at_us: int


@dataclass(frozen=True, slots=True)
class LineEnds:
    """Opening: the first state on offer. Closing: the last on offer before it went in play. None: never on offer.

    `whole` is False where the market is older than what is kept, so that the opening may not be the first.
    """

    market_id: str
    opening: PastState | None
    closing: PastState | None
    whole: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a price was live at a cursor, and if not, why."""

    live: bool
    doubt: Code | None
    state: PastState | None


def judge(state: PastState | None, selection_id: str, milli: int, source: SourceState) -> Proof:
    """The rule every reader applies (PROTOCOL.md, Freshness), applied to the past."""
    doubt = _doubt(None if state is None else state.market, selection_id, milli, source)
    return Proof(doubt is None, doubt, state)


def _doubt(market: Market | None, selection_id: str, milli: int, source: SourceState) -> Doubt | None:
    if market is None:
        return "no_such_market"
    if market.gone:
        return "gone"
    selection = next((one for one in market.selections if one.id == selection_id), None)
    if selection is None:
        return "no_such_selection"
    if market.st != "open" or selection.st != "open":
        return "not_open"
    if selection.price is None or selection.price.milli != milli:
        return "price_differs"
    if source == "down":
        return "source_down"
    return "source_stale" if source == "stale" and market.live else None
