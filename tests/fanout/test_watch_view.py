"""What a watcher is told: changes, lines and the table, without a terminal."""

from __future__ import annotations

import re

from fanout.contract.replica import Message, Replica
from fanout.watch_table import render, table
from fanout.watch_view import LATENCY_WINDOW_S, Latency, Movements, change_line, plain
from tests.fanout.scripted import changes, live, market, subscribed

ESCAPE = "\x1b]0;owned\x07"


def holding(*markets: Message) -> tuple[Replica, Movements]:
    replica, movements = Replica(), Movements()
    opening = [subscribed({"id": 1, "topics": ["football"]}), {"t": "img", "m": list(markets)}, live("c1")]
    for message in opening:
        replica.receive(message)
        assert movements.of_message(message, replica) == []
    return replica, movements


def told(message: Message, replica: Replica, movements: Movements) -> list[tuple[str, str, str, int]]:
    replica.receive(message)
    return [
        (change.selection, change.before, change.after, change.moved)
        for change in movements.of_message(message, replica)
    ]


def test_a_price_that_pays_more_moves_up() -> None:
    replica, movements = holding(market(s=10))
    better = {"id": "M1", "p": 10, "s": 11, "ts": 1, "x": [{"id": "M1h", "a": 105, "d": "2.050"}]}
    assert told(changes(better), replica, movements) == [("Chiefs", "-110", "+105", 1)]
    off = {"id": "M1", "p": 11, "s": 12, "ts": 1, "x": [{"id": "M1h", "a": None, "d": None}]}
    assert told(changes(off), replica, movements) == [("Chiefs", "+105", "off", 0)]


def test_what_is_repeated_is_no_change() -> None:
    replica, movements = holding(market(s=10))
    assert told(changes({"id": "M1", "p": 10, "s": 20, "ts": 1}), replica, movements) == []
    assert told(changes(market(s=21)), replica, movements) == []


def test_a_market_comes_and_goes() -> None:
    replica, movements = holding()
    assert told(changes(market(s=10)), replica, movements) == [("Chiefs", "new", "-110", 0)]
    gone = {"id": "M1", "p": 10, "s": 11, "ts": 1, "st": "closed", "gone": True}
    assert told(changes(gone), replica, movements) == [("", "open", "gone", 0)]
    assert told(changes(gone), replica, movements) == []


def test_sources_are_told_when_they_turn() -> None:
    replica, movements = holding()
    replica.receive({"t": "src", "id": "alpha-0", "state": "stale", "ts": 1})
    assert movements.of_sources(replica) == [("alpha-0", "stale")]
    assert movements.of_sources(replica) == []
    replica.receive({"t": "src", "id": "alpha-0", "state": "live", "ts": 1})
    assert movements.of_sources(replica) == [("alpha-0", "live")]


def test_latency_forgets_what_is_old() -> None:
    latency = Latency()
    for number in range(1, 101):
        latency.note(number, 0.0)
    assert latency.quantiles_ms(1.0) == (50, 99)
    assert latency.quantiles_ms(LATENCY_WINDOW_S + 1) is None


def test_a_name_never_talks_to_the_terminal() -> None:
    assert plain("Zürich 94 €") == "Zürich 94 €"
    selection = {"id": "M1h", "name": f"Chiefs{ESCAPE}\n", "a": -110, "d": "1.909", "st": "open"}
    replica, movements = holding(market(s=9))
    message = changes(market(s=10, x=[selection | {"a": -120}]))
    replica.receive(message)
    [change] = movements.of_message(message, replica)
    assert change_line(change, {}, now_ms=0, latency_ms=None).isprintable()
    rows = [render(row, columns=200, colour=False) for row in table(replica, {}, head=(), lines=10)]
    assert all(row.isprintable() for row in rows)


def test_the_table_fits_and_counts_what_does_not() -> None:
    replica, _ = holding(*(market(f"M{number}", s=number) for number in range(1, 31)))
    rows = table(replica, {"M1h": 1}, head=(), lines=10)
    text = [render(row, columns=40, colour=True) for row in rows]
    assert len(text) == 10
    assert "... 22 more markets" in text[-1]
    assert all(len(re.sub(r"\x1b\[\d+m", "", row)) <= 40 for row in text)
    assert len(table(replica, {}, head=(), lines=31)) == 31


def test_markets_of_a_source_that_is_not_live_stand_as_suspended() -> None:
    replica, _ = holding(market(s=10))
    replica.receive({"t": "src", "id": "alpha-0", "state": "down", "ts": 1})
    [_, row] = table(replica, {}, head=(), lines=10)
    assert "suspended (alpha-0 not live)" in render(row, columns=200, colour=False)
