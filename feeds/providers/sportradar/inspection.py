"""What `feeds check` asks of recorded Unified Odds Feed messages: each as read, in Sportradar's own ids and words. Pure
but for reading the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import asdict

from feeds.inspection import MessageMarketSeen, MessageSeen, OutcomeSeen
from feeds.providers.sportradar.recorded import files_of, messages_in, read_any
from feeds.providers.sportradar.spec import (
    Description,
    Document,
    EventMessage,
    Fixture,
    MarketRef,
    Message,
    OddsMarket,
    Player,
    SettledMarket,
    SystemMessage,
)
from feeds.recording import Line

_NAMES = {"status", "markets"}


class SportradarInspector:
    """`feeds.inspection.MessageInspector` for Sportradar."""

    def documents(self, path: Path) -> Iterator[tuple[str, Line]]:
        """See MessageInspector."""
        for file in files_of(path):
            for line in messages_in(file):
                yield file.name, line

    def read(self, file: str, line: Line) -> MessageSeen:
        """See MessageInspector. Documents of the API are told of by their kind and id alone."""
        found = read_any(line.data)
        if isinstance(found, (EventMessage, SystemMessage)):
            return MessageSeen(file, line.number, _kind(found), _attributes(found), _markets(found))
        return MessageSeen(file, line.number, *_document(found), [])


def _kind(message: Message) -> str:
    name = type(message).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _attributes(message: Message) -> dict[str, str | int | bool | None]:
    fields = asdict(message)
    return {
        name: "|".join(value) if isinstance(value, tuple) else value
        for name, value in fields.items()
        if name not in _NAMES and value is not None
    }


def _document(document: Document) -> tuple[str, dict[str, str | int | bool | None]]:
    match document:
        case Fixture():
            return "fixture", {"id": document.id, "start": document.start}
        case Player():
            return "player", {"id": document.id, "name": document.name}
    kind = "descriptions" if document and isinstance(document[0], Description) else "producers"
    return kind, {"count": len(document)}


def _markets(message: Message) -> list[MessageMarketSeen]:
    markets: tuple[OddsMarket | SettledMarket | MarketRef, ...] = getattr(message, "markets", ())
    return [_market(market) for market in markets]


def _market(market: OddsMarket | SettledMarket | MarketRef) -> MessageMarketSeen:
    status = favourite = void_reason = None
    outcomes: list[OutcomeSeen] = []
    match market:
        case OddsMarket():
            status, favourite = market.status, 1 if market.favourite else None
            outcomes = [
                OutcomeSeen(
                    one.id,
                    odds=_float(one.odds),
                    active=None if one.active is None else int(one.active),
                    team=one.team,
                    probability=_float(one.probabilities),
                )
                for one in market.outcomes
            ]
        case SettledMarket():
            void_reason = market.void_reason
            outcomes = [
                OutcomeSeen(
                    one.id,
                    result=one.result,
                    void_factor=_float(one.void_factor),
                    dead_heat_factor=_float(one.dead_heat_factor),
                )
                for one in market.outcomes
            ]
        case MarketRef():
            void_reason = market.void_reason
    return MessageMarketSeen(market.line.market, market.sent_specifiers, status, favourite, void_reason, outcomes)


def _float(text: str | None) -> float | None:
    return None if text is None else float(text)
