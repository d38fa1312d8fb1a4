"""From the worker's book to what a bet is checked against. Pure: the book keeps its own clock."""

from __future__ import annotations

from collections.abc import Iterable

from fanout.contract.cursor import decode_cursor
from gateway.bets.asked import Leg
from gateway.bets.checks import Quote
from gateway.read.book import Lane, ReadBook


class Quotes:
    """Of one book. `age_ms_max`: a lane of which nothing was heard for longer is not `ready`; feeds beat in it."""

    def __init__(self, book: ReadBook, *, age_ms_max: int) -> None:
        self._book = book
        self._age_ms_max = age_ms_max

    def of(self, legs: Iterable[Leg], cursor: str | None = None) -> tuple[Quote, ...]:
        """One for each leg."""
        return tuple(self._quote(leg.market, _epoch(cursor)) for leg in legs)

    def _quote(self, market_id: str, epoch: str | None) -> Quote:
        book = self._book
        found = book.market(market_id)
        if found is None:
            return Quote(None, None, 0, "down", ready=all(map(self._is_ready, book.lanes)))
        lane, entry = found
        market = entry.state
        group = book.group(market.event)
        return Quote(
            market=market,
            event=None if group is None or group.event is None else group.event.state,
            s=entry.s,
            source=book.not_live(lane).get(market.src, "live"),
            ready=self._is_ready(lane),
            same_epoch=epoch in (None, book.epoch),
        )

    def _is_ready(self, lane: Lane) -> bool:
        return lane.joined and self._book.now_ms - lane.heard_ms <= self._age_ms_max


def _epoch(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    decoded = decode_cursor(cursor)
    return "" if decoded is None else decoded.epoch
