"""What providers send, to be read by their adapters: from a slate by the simulator's encoders, or as it was recorded.

Owns which messages there are; never reads them for a measurement. Recordings are Betfair's alone, in `betfair/` of the
folder that ODDSWIRE_DATA names: of the other providers there is no recorded stream long enough to have a rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from bench.scenario import CannotMeasure
from feeds.contract.errors import Refused
from feeds.contract.model import Event
from feeds.contract.results import MarketResult
from feeds.ports import State
from feeds.providers.betfair.parse import StreamReader
from feeds.providers.simulator.listing import Chance
from feeds.providers.simulator.serving.betfair_board import BetfairBoard
from feeds.providers.simulator.serving.betfair_talk import Talk
from feeds.providers.simulator.serving.faults import FaultyLine
from feeds.providers.simulator.serving.theoddsapi_answers import Answers, market_key, raw_id, sport_key
from feeds.providers.simulator.serving.uof_source import UofSource
from feeds.providers.simulator.slate import Slate
from feeds.providers.sportradar.documents import parse_document
from feeds.providers.sportradar.spec import Document
from feeds.providers.theoddsapi.taxonomy import is_featured
from feeds.providers.theoddsapi.tracks import Scope
from feeds.recording import Recording

START_MS: Final = 1_790_000_000_000
STEP_MS: Final = 100
STEP_UPDATES: Final = 20
FEATURED: Final = frozenset({"h2h", "spreads", "totals"})
_CREDENTIALS: Final = b'{"op":"authentication","id":1,"appKey":"k","session":"s"}'
_SUBSCRIPTION: Final = b'{"op":"marketSubscription","id":2,"segmentationEnabled":true}'


class Asked(NamedTuple):
    """An answer of The Odds API, and what was asked for."""

    body: bytes
    scope: Scope


class UofInputs(NamedTuple):
    """Messages of the Unified Odds Feed, and the documents they need."""

    messages: list[bytes]
    documents: list[Document]


def _slate(events: int) -> Slate:
    return Slate(chance=Chance(1, "bench"), events=events, feed="bench", lanes=1, now_ms=START_MS)


def _steps(slate: Slate) -> Iterator[tuple[list[State], list[MarketResult], int]]:
    """The slate's whole opening, then what happens step by step, endlessly: states, results and when that is."""
    yield slate.open(), [], START_MS
    now_ms = START_MS
    while True:
        now_ms += STEP_MS
        yield slate.advance(now_ms, STEP_UPDATES), slate.results(), now_ms


def betfair(events: int, count: int) -> list[bytes]:
    """Lines of the Exchange Stream: an image, then changes."""
    board = BetfairBoard()
    steps = _steps(_slate(events))
    states, _, now_ms = next(steps)
    board.apply(states, now_ms)
    talk = Talk(board, FaultyLine(), epoch="e", connection_id="c")
    talk.request(_CREDENTIALS, now_ms, fail=None, degraded=False)
    lines = talk.request(_SUBSCRIPTION, now_ms, fail=None, degraded=False)[1:]
    for states, results, now_ms in steps:
        changes = [*board.apply(states, now_ms), *board.settle(results, now_ms)]
        lines += talk.changes(changes, now_ms, degraded=False)
        if len(lines) >= count:
            return [line.strip() for line in lines[:count]]
    raise AssertionError("a slate never ends")


def theoddsapi(events: int, count: int) -> list[Asked]:
    """Answers in turn: every sport's list, then each event by itself, as what is on offer goes on."""
    answers = Answers()
    games: dict[str, Event] = {}
    keys: set[str] = set()
    made: list[Asked] = []
    for states, _, _ in _steps(_slate(events)):
        answers.put(states)
        for state in states:
            if not isinstance(state, Event):
                keys.add(market_key(state))
            elif state.kind == "game" and state.state != "ended":
                games[state.id] = state
        others = frozenset(key for key in keys if not is_featured(key))
        made += _asked(answers, list(games.values()), others)
        if len(made) >= count:
            return made[:count]
    raise AssertionError("a slate never ends")


def _asked(answers: Answers, games: list[Event], others: frozenset[str]) -> Iterator[Asked]:
    for sport in answers.sports():
        found = answers.odds(sport, FEATURED, "decimal")
        yield Asked(orjson.dumps(found), Scope(sport, None, FEATURED))
    for game in games:
        one = answers.event_odds(sport_key(game), raw_id(game), others, "decimal")
        if one is not None:
            yield Asked(orjson.dumps(one), Scope(sport_key(game), raw_id(game), others))


def sportradar(events: int, count: int) -> UofInputs:
    """Messages about events, and what the REST API says of them."""
    source = UofSource(1)
    messages: list[bytes] = []
    found: dict[str, None] = {}
    for states, results, now_ms in _steps(_slate(events)):
        told = [*source.put(states, now_ms), *source.results(results, now_ms, rollback_first=False)]
        messages += (message.body for message in told)
        found |= {source.catalogue.event_id(state): None for state in states if isinstance(state, Event)}
        if len(messages) >= count:
            break
    named = [source.catalogue.fixture(event_id) for event_id in found]
    documents = [source.catalogue.descriptions(), *(body for body in named if body is not None)]
    documents += source.catalogue.players()
    return UofInputs(messages[:count], [parse_document(body) for body in documents])


def recorded_betfair(data: Path, count: int) -> list[bytes]:
    """Lines of all recordings of the stream, one recording after the other, over and over. Raises CannotMeasure."""
    lines: list[bytes] = []
    for path in sorted([*data.glob("betfair/*.bz2"), *data.glob("betfair/*.jsonl.gz")]):
        lines += _understood(path, count - len(lines))
    if not lines:
        raise CannotMeasure(f"there are no recordings of the stream in {data / 'betfair'}")
    return list(islice(cycle(lines), count))


def _understood(path: Path, count: int) -> Iterator[bytes]:
    reader = StreamReader()
    for line in islice(Recording(path), max(count, 0)):
        try:
            reader.read(line.data)
        except Refused:
            continue  # a line that cannot be read is not of what is measured
        yield line.data
