"""Limits of what is kept of a producer's events, and that reaching one changes nothing that was known."""

from __future__ import annotations

import pytest

from feeds.contract.errors import Refused
from feeds.providers.sportradar import book as books
from feeds.providers.sportradar.book import Book, EventBook
from feeds.providers.sportradar.parse import parse
from feeds.providers.sportradar.spec import AnyEventMessage, EventMessage, Line
from tests.feeds.uof_messages import EVENT, market, message, odds, settled, settlement, state

_LINE = Line("1")


def _read(data: bytes) -> AnyEventMessage:
    found = parse(data)
    assert isinstance(found, EventMessage)
    return found


def _groups(market_id: str) -> frozenset[str] | None:
    return {"1": frozenset({"all", "score"}), "2": frozenset({"all", "corners"})}.get(market_id)


def _apply(book: EventBook, *messages: bytes) -> None:
    for data in messages:
        book.apply(_read(data), _groups)


def test_a_message_that_would_add_too_many_lines_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "LINES_MAX", 2)
    book = EventBook(EVENT)
    _apply(book, odds(market(1), market(2)))
    with pytest.raises(Refused) as refused:
        _apply(book, odds(market(1, status=-1), market(3), at=1))
    assert refused.value.code == "too_many_lines"
    assert book.view(_LINE, _groups).standing == "active"


def test_bet_stops_that_are_forgotten_have_become_the_lines_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "STOPS_KEPT", 1)
    book = EventBook(EVENT)
    _apply(book, odds(market(1), market(2), market(4711)))
    _apply(book, message("bet_stop", groups="score", at=1), message("bet_stop", groups="other", at=2, market_status=0))
    assert book.view(_LINE, _groups).standing == "suspended"
    assert book.view(Line("2"), _groups).standing == "active"
    assert book.view(Line("4711"), _groups).standing == "suspended"


def test_closed_events_are_forgotten_when_there_are_nearly_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "EVENTS_MAX", 10)
    book = Book()
    for number in range(10):
        event = book.event(f"sr:match:{number}")
        _apply(event, odds(status=state(4 if number < 2 else 1)))
    assert book.forgettable() == ["sr:match:0", "sr:match:1"]
    with pytest.raises(Refused):
        book.event("sr:match:10")
    book.forget("sr:match:0")
    assert book.event("sr:match:10").id == "sr:match:10"
    assert book.forgettable() == ["sr:match:1"]


def test_sayings_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "SAYINGS_KEPT", 2)
    book = EventBook(EVENT)
    told = [
        len(book.apply(_read(settlement(settled(1, "", {"1": 'result="1"'}), at=at)), _groups).sayings)
        for at in (1, 2, 1, 3, 1)
    ]
    assert told == [1, 1, 0, 1, 1]
