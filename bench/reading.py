"""How fast a core reads what providers send: parsed alone, and parsed and turned into states of ours.

Every pass begins with an adapter that knows nothing, as after a start, and is timed by the CPU of this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import provider_inputs
from bench.result import Reading
from feeds.mapping import MappingTable, Names
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.mapping import Translator as BetfairTranslator
from feeds.providers.betfair.parse import StreamReader
from feeds.providers.simulator.serving.theoddsapi_answers import BOOKMAKER
from feeds.providers.sportradar.mapping import Translator as SportradarTranslator
from feeds.providers.sportradar.parse import parse as parse_uof
from feeds.providers.sportradar.spec import EventMessage
from feeds.providers.theoddsapi.mapping import PROVIDER as THEODDSAPI
from feeds.providers.theoddsapi.mapping import Translator as TheOddsApiTranslator
from feeds.providers.theoddsapi.parse import parse as parse_answer

LANES = 4
ANSWERS_PART = 20
"""An answer of The Odds API holds a whole sport or all of an event: one of these for so many messages of the others."""

Work = Callable[[], int]
"""One pass over all messages of a provider; gives the states that came of it."""


class Reader(NamedTuple):
    """A provider's messages, and both ways to read them; each gives a pass that is ready to be timed."""

    provider: str
    messages: Sequence[bytes]
    parse: Callable[[], Work]
    parse_and_map: Callable[[], Work]


def readers(*, events: int, messages: int, recordings: Path | None) -> list[Reader]:
    """One for each provider. `recordings`: a folder with recordings of Betfair's, where these are to be read."""
    return [
        _betfair(_betfair_lines(events, messages, recordings)),
        _sportradar(provider_inputs.sportradar(events, messages)),
        _theoddsapi(provider_inputs.theoddsapi(events, max(1, messages // ANSWERS_PART))),
    ]


def figures(reader: Reader, *, seconds: float) -> dict[str, Reading]:
    """Messages a CPU second, parsed alone and mapped too; states that came of them; and how large a message is."""
    parsed, _ = _timed(reader.parse, len(reader.messages), seconds)
    mapped, states = _timed(reader.parse_and_map, len(reader.messages), seconds)
    size = sum(map(len, reader.messages)) / len(reader.messages)
    return {
        f"{reader.provider}_parsed_per_cpu_s": Reading(parsed, "1/s"),
        f"{reader.provider}_mapped_per_cpu_s": Reading(mapped, "1/s"),
        f"{reader.provider}_states_per_cpu_s": Reading(states, "1/s"),
        f"{reader.provider}_message": Reading(size, "B"),
    }


def _timed(ready: Callable[[], Work], count: int, seconds: float) -> tuple[float, float]:
    """Messages and states for a CPU second, over whole passes of so many CPU seconds at least."""
    took_s, messages, states = 0.0, 0, 0
    while took_s < seconds:
        work = ready()
        began_s = time.process_time()
        states += work()
        took_s += time.process_time() - began_s
        messages += count
    return messages / took_s, states / took_s


def _betfair_lines(events: int, messages: int, recordings: Path | None) -> list[bytes]:
    if recordings is None:
        return provider_inputs.betfair(events, messages)
    return provider_inputs.recorded_betfair(recordings, messages)


def _betfair(lines: list[bytes]) -> Reader:
    def parse() -> Work:
        reader = StreamReader()

        def work() -> int:
            for line in lines:
                reader.read(line)
            return 0

        return work

    def parse_and_map() -> Work:
        reader, translator = StreamReader(), BetfairTranslator(feed="b", lanes=LANES, catalogue=Catalogue())

        def work() -> int:
            states = 0
            for line in lines:
                change = reader.read(line)
                states += len(translator.states(reader.markets, change.markets, change.pt or 0))
                translator.results(change.markets, change.pt or 0)
            return states

        return work

    return Reader("betfair", lines, parse, parse_and_map)


def _sportradar(inputs: provider_inputs.UofInputs) -> Reader:
    def parse() -> Work:
        def work() -> int:
            for message in inputs.messages:
                parse_uof(message)
            return 0

        return work

    def parse_and_map() -> Work:
        translator = SportradarTranslator(feed="s", lanes=LANES, mapping=MappingTable(), product=None)
        for document in inputs.documents:
            translator.learn(document, 0)

        def work() -> int:
            states = 0
            for data in inputs.messages:
                message = parse_uof(data)
                if isinstance(message, EventMessage):
                    states += len(translator.apply(message, message.timestamp).states)
            return states

        return work

    return Reader("sportradar", inputs.messages, parse, parse_and_map)


def _theoddsapi(asked: list[provider_inputs.Asked]) -> Reader:
    def parse() -> Work:
        def work() -> int:
            for each in asked:
                parse_answer(each.body)
            return 0

        return work

    def parse_and_map() -> Work:
        names = Names(THEODDSAPI)
        translator = TheOddsApiTranslator(feed="o", lanes=LANES, names=names, bookmaker=BOOKMAKER)

        def work() -> int:
            states = 0
            for number, each in enumerate(asked):
                at_ms = provider_inputs.START_MS + number
                states += len(translator.odds(parse_answer(each.body), each.scope, at_ms))
            return states

        return work

    return Reader("theoddsapi", [each.body for each in asked], parse, parse_and_map)
