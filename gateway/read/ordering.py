"""The order in which a board shows its markets: by what is fixed for life, so that no price moves a row. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Protocol, TypeVar

from feeds.contract.model import MARKET_CLASSES, Market

_CLASS_ORDER = {cls: place for place, cls in enumerate(MARKET_CLASSES)}
_NO_LINE = Decimal(0)

Standing = tuple[int, str, str, str, str, Decimal, str]


class Placed(Protocol):
    """A market as it stands, or stood."""

    @property
    def state(self) -> Market:
        """Its state."""


PlacedT = TypeVar("PlacedT", bound=Placed)


def standing(entry: Placed) -> Standing:
    """Class, period, type, group, whom it is about, line; at last the id."""
    market = entry.state
    subject = "" if market.subject is None else market.subject.id
    return (
        _CLASS_ORDER[market.cls],
        market.period,
        market.type,
        market.group or "",
        subject,
        _number(market.line),
        market.id,
    )


def with_main_lines(board: Iterable[PlacedT]) -> list[PlacedT]:
    """Alternates, those of a group together and behind the main line they are alternates of.

    `board` is in its order. Main lines without alternates are left out; alternates of no known main line stay.
    """
    main: dict[str, list[PlacedT]] = {}
    alternates: dict[str, list[PlacedT]] = {}
    for entry in board:
        market = entry.state
        group = market.group or f"{market.period}.{market.type}"
        if market.cls == "main":
            main.setdefault(group, []).append(entry)
        elif market.cls == "alternate":
            alternates.setdefault(group, []).append(entry)
    return [entry for group, lines in alternates.items() for entry in (*main.get(group, ()), *lines)]


def _number(line: str | None) -> Decimal:
    try:
        return _NO_LINE if line is None else Decimal(line)
    except InvalidOperation:
        return _NO_LINE
