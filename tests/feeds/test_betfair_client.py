"""Playing a recording: pace, batches, health, loops, and what is refused on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from feeds.contract.errors import Refused
from feeds.contract.model import Event, FeedState, Market
from feeds.contract.results import MarketResult
from feeds.ports import State
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.client import TURN_LINES_MAX, BetfairRecording
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import Change, StreamReader
from feeds.providers.betfair.telling import CLOSED_KEPT_MS, Teller
from feeds.recording import Recording
from tests.feeds.betfair_stream import MARKET, change, definition, line, opening

_SAMPLES = Path(__file__).parent / "samples"
_RACE = _SAMPLES / "race.jsonl"
_T = 1_900_000_000_000
_FAST = 1e9


class _Sink:
    """Remembers what it was handed, and when by the loop's clock."""

    def __init__(self) -> None:
        self.told: list[list[State] | FeedState] = []
        self.ended: list[MarketResult] = []
        self.times: list[float] = []
        self.changed = asyncio.Event()

    def put(self, states: Iterable[State]) -> None:
        self._tell([*states])

    def results(self, results: Iterable[MarketResult]) -> None:
        self.ended.extend(results)

    def health(self, state: FeedState) -> None:
        self._tell(state)

    def _tell(self, what: list[State] | FeedState) -> None:
        self.told.append(what)
        self.times.append(asyncio.get_running_loop().time())
        self.changed.set()

    @property
    def batches(self) -> list[list[State]]:
        return [what for what in self.told if isinstance(what, list)]

    @property
    def states(self) -> list[State]:
        return [state for batch in self.batches for state in batch]

    @property
    def healths(self) -> list[FeedState]:
        return [what for what in self.told if not isinstance(what, list)]

    async def until(self, met: Callable[[_Sink], bool]) -> None:
        while not met(self):
            self.changed.clear()
            await self.changed.wait()


def _provider(path: Path, *, speed: float = _FAST, loop: bool = False) -> BetfairRecording:
    return BetfairRecording(path, feed="betfair", lanes=4, speed=speed, loop=loop, now_ms=lambda: 77)


def _recording(folder: Path, *lines: bytes) -> Path:
    path = folder / "recording.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


async def test_a_recording_is_played_to_its_end() -> None:
    sink, provider = _Sink(), _provider(_RACE)
    await provider.run(sink)
    assert sink.healths == ["recovering", "live", "down"]
    assert sink.told[0] == "recovering"
    assert isinstance(sink.told[1], list)
    assert sink.told[2] == "live"
    assert sink.told[-1] == "down"
    market, event = sink.states[-2:]
    assert isinstance(market, Market)
    assert isinstance(event, Event)
    assert (market.st, market.gone, market.ts, event.state) == ("settled", True, 77, "ended")
    assert [selection.name for selection in market.selections] == ["Birch Song", "Hazel Run", "Quiet Willow"]
    assert event.name == "Elm Park 1st May"
    assert (provider.tally.understood, provider.tally.refused) == (12, 0)


async def test_lines_are_put_when_they_are_due_and_not_before() -> None:
    sink = _Sink()
    await _provider(_RACE, speed=0.25).run(sink)
    started = sink.times[1]
    puts = [at - started for at, what in zip(sink.times, sink.told) if isinstance(what, list)]
    due_ms = [0, 40, 120, 160, 200, 220, 240, 260, 280, 300]
    assert len(puts) == len(due_ms)
    assert all(at >= ms / 250 - 0.001 for at, ms in zip(puts, due_ms))


async def test_lines_of_one_moment_are_put_together(tmp_path: Path) -> None:
    lines = [line(change({"id": 11, "ltp": 2 + number / 10}), pt=_T) for number in range(5)]
    sink = _Sink()
    await _provider(_recording(tmp_path, opening(), *lines), speed=1).run(sink)
    assert [len(batch) for batch in sink.batches] == [2, 5]


async def test_a_player_that_is_behind_lets_the_loop_run(tmp_path: Path) -> None:
    lines = [line(change({"id": 11, "ltp": 2 + number / 100}), pt=_T) for number in range(20 * TURN_LINES_MAX)]
    sink = _Sink()
    await _provider(_recording(tmp_path, opening(), *lines)).run(sink)
    assert len(sink.states) == 2 + len(lines)
    assert max(len(batch) for batch in sink.batches) <= TURN_LINES_MAX


async def test_a_degraded_publisher_is_recovering_until_it_is_healthy(tmp_path: Path) -> None:
    path = _recording(tmp_path, opening(), line(change({"id": 11, "ltp": 3}), status=503), line())
    sink = _Sink()
    await _provider(path).run(sink)
    assert sink.healths == ["recovering", "live", "recovering", "live", "down"]


async def test_live_is_said_after_the_last_segment_of_the_image(tmp_path: Path) -> None:
    path = _recording(
        tmp_path,
        line(change(market="1.1", marketDefinition=definition()), ct="SUB_IMAGE", segmentType="SEG_START"),
        line(change(market="1.2", marketDefinition=definition()), ct="SUB_IMAGE", segmentType="SEG_END"),
    )
    sink = _Sink()
    await _provider(path).run(sink)
    recovering, image, live, down = sink.told
    assert (recovering, live, down) == ("recovering", "live", "down")
    assert isinstance(image, list)
    assert [type(state) for state in image] == [Event, Market, Market]


async def test_refused_lines_are_counted_and_passed_over() -> None:
    sink, provider = _Sink(), _provider(_SAMPLES / "broken.jsonl")
    await provider.run(sink)
    assert provider.tally.reasons == {"json_malformed": 1, "no_market_definition": 1}
    assert sink.healths == ["recovering", "live", "down"]
    last = sink.states[-1]
    assert isinstance(last, Market)
    assert last.selections[0].ltp == 2520


async def test_a_recording_without_definitions_never_says_live(tmp_path: Path) -> None:
    sink = _Sink()
    with pytest.raises(Refused, match="no market is defined"):
        await _provider(_recording(tmp_path, line(change({"id": 11, "ltp": 3})))).run(sink)
    assert sink.told == ["recovering"]


async def test_a_looped_recording_begins_again() -> None:
    sink, provider = _Sink(), _provider(_RACE, loop=True)
    playing = asyncio.create_task(provider.run(sink))
    await asyncio.wait_for(sink.until(lambda told: told.healths.count("live") == 2), timeout=20)
    playing.cancel()
    assert sink.healths[:4] == ["recovering", "live", "recovering", "live"]
    again = sink.told.index("recovering", 1)
    first_pass, second_pass = sink.told[1], sink.told[again + 1]
    assert first_pass == second_pass


async def test_a_looped_fragment_is_suspended_between_two_passes(tmp_path: Path) -> None:
    sink = _Sink()
    playing = asyncio.create_task(_provider(_recording(tmp_path, opening()), loop=True).run(sink))
    await asyncio.wait_for(sink.until(lambda told: told.healths.count("live") == 2), timeout=20)
    playing.cancel()
    statuses = [state.st for state in sink.states if isinstance(state, Market)]
    assert statuses[:3] == ["open", "suspended", "open"]


async def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        await _provider(tmp_path / "none.bz2").run(_Sink())
    assert refusal.value.code == "unreadable"


async def test_a_catalogue_that_is_none_is_passed_over(tmp_path: Path) -> None:
    path = _recording(tmp_path, opening())
    (tmp_path / "recording.catalogue.json").write_bytes(b"{")
    sink = _Sink()
    await _provider(path).run(sink)
    assert sink.healths == ["recovering", "live", "down"]


async def test_what_was_known_is_told_again_before_live(tmp_path: Path) -> None:
    other = "1.2"
    path = _recording(
        tmp_path,
        line(change(marketDefinition=definition()), change(market=other, marketDefinition=definition())),
        line(change({"id": 11, "ltp": 3}), status=503),
        line(),
    )
    sink = _Sink()
    await _provider(path).run(sink)
    again = sink.told[sink.told.index("recovering", 1) + 1 :]
    told = [state.id for batch in again if isinstance(batch, list) for state in batch]
    assert {state.id for state in sink.states} <= set(told)


async def test_results_of_a_recording_are_told_after_its_states() -> None:
    sink = _Sink()
    await _provider(_RACE).run(sink)
    (result,) = sink.ended
    assert (result.kind, result.market) == ("settled", sink.states[-2].id)
    assert [selection.w.num for selection in result.selections].count(1) == 1


async def test_closed_markets_are_forgotten_after_an_hour_of_the_recording(tmp_path: Path) -> None:
    closed = definition("CLOSED", runners=[{"id": 11, "status": "WINNER"}])
    path = _recording(
        tmp_path,
        line(change(marketDefinition=definition()), pt=_T),
        line(change(marketDefinition=closed), pt=_T + 1),
        line(change(market="1.2", marketDefinition=definition(eventId="4")), pt=_T + 1 + CLOSED_KEPT_MS),
        line(change({"id": 11, "ltp": 3}), change({"id": 11, "ltp": 3}, market="1.2"), pt=_T + 2 + CLOSED_KEPT_MS),
    )
    reader = StreamReader()
    translator = Translator(feed="betfair", lanes=4, catalogue=Catalogue())
    teller = Teller(_Sink(), translator, lambda: 77)
    kept = []
    for each in Recording(path):
        teller.learn(reader, reader.read(each.data))
        kept.append((len(reader.markets), len(translator._markets), len(translator._events)))
    assert kept == [(1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)]
    corrected = definition("CLOSED", runners=[{"id": 11, "status": "LOSER"}])
    told = reader.read(line(change(marketDefinition=corrected), pt=_T + 3 + CLOSED_KEPT_MS))
    translator.states(reader.markets, told.markets, 78)
    (result,) = translator.results(told.markets, told.pt or 0)
    assert result.ts == _T + 3 + CLOSED_KEPT_MS


async def test_a_market_that_vanished_is_ended_after_an_hour() -> None:
    reader = StreamReader(live=True)
    translator = Translator(feed="betfair", lanes=4, catalogue=Catalogue())
    sink = _Sink()
    teller = Teller(sink, translator, lambda: 77)
    teller.learn(reader, reader.read(line(change(img=True, marketDefinition=definition()), pt=_T)))
    reader.drop([MARKET])
    teller.learn(reader, Change("mcm", _T, (MARKET,)))
    teller.learn(reader, reader.read(line(pt=_T + CLOSED_KEPT_MS)))
    teller.flush()
    *_, suspended, ended, event = sink.states
    assert isinstance(suspended, Market)
    assert isinstance(ended, Market)
    assert isinstance(event, Event)
    assert (suspended.reason, ended.gone, ended.st, event.state) == ("not_offered", True, "closed", "ended")
    assert translator.current() == []
