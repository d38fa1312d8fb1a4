"""The simulator as a provider: limits, pace, what it puts in which order, a second start, what a former run left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest
from msgspec.structs import replace

from feeds.contract.errors import Refused
from feeds.contract.model import Event, FeedState, Market
from feeds.contract.results import MarketResult
from feeds.ports import Provider, State
from feeds.providers.simulator.client import Simulator
from feeds.providers.simulator.listing import Chance
from feeds.providers.simulator.pacing import Pacer, game_ms


class Sink:
    """Keeps what it is given and says when there is enough."""

    def __init__(self, enough: Callable[[Sink], bool]) -> None:
        self.states: list[State] = []
        self.ended: list[MarketResult] = []
        self.told: list[tuple[FeedState, int]] = []
        self.done = asyncio.Event()
        self._enough = enough

    def put(self, states: Iterable[State]) -> None:
        self.states.extend(states)
        if self._enough(self):
            self.done.set()

    def results(self, results: Iterable[MarketResult]) -> None:
        self.ended.extend(results)

    def health(self, state: FeedState) -> None:
        self.told.append((state, len(self.states)))


def simulator(*, events: int = 6, rate: int = 20_000, run: str = "r1") -> Provider:
    return Simulator(
        feed="sim", lanes=2, events=events, rate=rate, chance=Chance(1, run), now_ms=lambda: 1_790_000_000_000
    )


async def played(provider: Provider, enough: Callable[[Sink], bool]) -> Sink:
    sink = Sink(enough)
    running = asyncio.create_task(provider.run(sink))
    await asyncio.wait_for(sink.done.wait(), 20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return sink


@pytest.mark.parametrize(
    ("events", "rate", "code"),
    [
        (0, 200, "events_out_of_range"),
        (5001, 200, "events_out_of_range"),
        (60, 0, "rate_out_of_range"),
        (60, 20_001, "rate_out_of_range"),
    ],
)
def test_limits_are_refused_by_code(events: int, rate: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        simulator(events=events, rate=rate)
    assert refused.value.code == code


async def test_everything_is_put_before_it_says_live_and_then_it_goes_on() -> None:
    sink = await played(simulator(), lambda sink: len(sink.states) > 1_000)
    (first, at_first), (second, at_second) = sink.told
    assert (first, at_first, second) == ("recovering", 0, "live")
    opened = sink.states[:at_second]
    assert sum(isinstance(state, Event) and state.kind == "game" for state in opened) == 6
    known = {state.id for state in opened}
    assert len(known) == at_second
    changed = [state for state in sink.states[at_second:] if state.id in known]
    assert len(changed) > 100


async def test_started_again_it_is_another_run() -> None:
    provider = simulator()
    first = await played(provider, lambda sink: len(sink.states) > 200)
    second = await played(provider, lambda sink: len(sink.states) > 200)
    assert not {state.id for state in first.states} & {state.id for state in second.states}


async def test_without_a_run_id_every_process_has_its_own() -> None:
    first = await played(simulator(run=""), lambda sink: bool(sink.states))
    second = await played(simulator(run=""), lambda sink: bool(sink.states))
    assert first.states[0].id != second.states[0].id


async def test_what_a_former_run_left_is_closed() -> None:
    provider = simulator()
    sink = await played(provider, lambda sink: any(isinstance(state, Market) for state in sink.states))
    market = next(state for state in sink.states if isinstance(state, Market))
    left = replace(market, st="suspended", reason="possible_score")
    ended = provider.absent(left, 1_790_000_009_000)
    assert ended == replace(market, ts=1_790_000_009_000, st="closed", gone=True)


@pytest.mark.parametrize(("rate", "tick_s"), [(1, 0.1), (7, 0.1), (50, 0.02), (200, 0.01), (20_000, 0.01)])
def test_fractions_of_an_update_are_carried_over(rate: int, tick_s: float) -> None:
    pacer = Pacer(rate, 0.0)
    assert pacer.tick_s == pytest.approx(tick_s)
    ticks = round(10 / pacer.tick_s)
    assert sum(pacer.due(number * pacer.tick_s) for number in range(1, ticks + 1)) == pytest.approx(10 * rate, abs=1)
    assert pacer.dropped == 0


def test_lateness_is_made_up_for_one_second_and_the_rest_is_counted() -> None:
    pacer = Pacer(100, 0.0)
    assert pacer.due(0.75) == 75
    assert pacer.due(4.75) == 100
    assert pacer.dropped == 300


def test_games_last_longer_where_the_rate_cannot_carry_their_turnover() -> None:
    assert game_ms(60, 200) == 600_000
    assert game_ms(5000, 20_000) == 600_000
    assert 600_000 < game_ms(5000, 1_000) < 10_800_000
    assert game_ms(60, 1) == 10_800_000
