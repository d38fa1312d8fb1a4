"""Betfair's lines as states of ours, for tests: a reader and a translator, fed line by line."""

from __future__ import annotations

from typing import Any

from feeds.contract.model import Event, Market
from feeds.mapping import MappingTable, Names
from feeds.ports import State
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import StreamReader
from tests.feeds.betfair_stream import definition, runner

NOW = 1_900_000_000_000


class Feed:
    """A reader and a translator, fed line by line."""

    def __init__(self, catalogue: Catalogue | None = None, table: MappingTable | None = None) -> None:
        self._reader = StreamReader()
        names = Names("betfair", table)
        self._translator = Translator(feed="betfair", lanes=4, catalogue=catalogue or Catalogue(), names=names)
        self._now_ms = NOW

    def states(self, data: bytes) -> list[State]:
        self._now_ms += 1
        told = self._reader.read(data)
        return self._translator.states(self._reader.markets, told.markets, self._now_ms)

    def restart(self) -> list[State]:
        self._reader = StreamReader()
        return self._translator.restart(self._now_ms)


def event_of(states: list[State]) -> Event:
    """The one event among states."""
    (event,) = [state for state in states if isinstance(state, Event)]
    return event


def markets_of(states: list[State]) -> list[Market]:
    """The markets among states."""
    return [state for state in states if isinstance(state, Market)]


def market_of(states: list[State]) -> Market:
    """The one market among states."""
    (market,) = markets_of(states)
    return market


def handicap(main: float, **more: Any) -> dict[str, Any]:
    """An Asian handicap of three lines, `main` the main one."""
    runners = [
        runner(runner_id, hc=hc, sortPriority=priority)
        for priority, (runner_id, hc) in enumerate([(11, -0.5), (12, 0.5), (11, 0), (12, 0), (11, 0.5), (12, -0.5)])
    ]
    key_line = {"kl": [{"id": 11, "hc": main}, {"id": 12, "hc": -main}]}
    return definition(
        runners=runners,
        eventTypeId="1",
        marketType="ASIAN_HANDICAP",
        bettingType="ASIAN_HANDICAP_DOUBLE_LINE",
        keyLineDefinition=key_line,
        **more,
    )
