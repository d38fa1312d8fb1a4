"""What holds of every slate, over several seeds and minutes of simulated time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from feeds.contract.book import MarketBook, MarketEntry
from feeds.contract.ids import check_id, check_league, check_sport
from feeds.contract.model import Event, Market
from feeds.contract.prices import price_from_american
from feeds.contract.subjects import lane_of, source_id
from feeds.ports import State
from feeds.providers.simulator.listing import Chance
from feeds.providers.simulator.slate import Slate, live_games
from feeds.providers.simulator.spec import DANGER_MS

START_MS = 1_790_000_000_000
TICK_MS = 20
UPDATES_A_TICK = 10
EVENTS = 24
SECONDS = 80
BURST_MAX = 45


class Put(NamedTuple):
    """What one call of advance() gave."""

    now_ms: int
    states: list[State]


def slate(
    *, seed: int = 1, run: str = "r1", events: int = EVENTS, game_ms: int = 90_000, corrections: float = 0.0
) -> Slate:
    return Slate(
        chance=Chance(seed, run, corrections),
        events=events,
        feed="sim",
        lanes=4,
        now_ms=START_MS,
        game_ms=game_ms,
    )


def play(slate: Slate, *, seconds: int, tick_ms: int = TICK_MS, updates: int = UPDATES_A_TICK) -> list[Put]:
    opened = Put(START_MS, slate.open())
    ticks = range(START_MS + tick_ms, START_MS + 1000 * seconds + 1, tick_ms)
    return [opened, *(Put(now_ms, slate.advance(now_ms, updates)) for now_ms in ticks)]


def states_of(puts: list[Put]) -> Iterator[State]:
    return (state for put in puts for state in put.states)


def markets_of(puts: list[Put]) -> Iterator[Market]:
    return (state for state in states_of(puts) if isinstance(state, Market))


def games_of(puts: list[Put]) -> Iterator[Event]:
    return (state for state in states_of(puts) if isinstance(state, Event) and state.kind == "game")


@pytest.fixture(scope="module", params=[1, 2, 3])
def history(request: pytest.FixtureRequest) -> list[Put]:
    return play(slate(seed=request.param), seconds=SECONDS)


def test_a_third_of_the_games_is_live_at_every_moment(history: list[Put]) -> None:
    games: dict[str, str] = {}
    for put in history:
        games.update((event.id, event.state) for event in games_of([put]))
        states = Counter(games.values())
        assert states["live"] == EVENTS // 3
        assert states["live"] + states["upcoming"] == EVENTS
    assert Counter(games.values())["ended"] > 3


def test_every_id_topic_and_source_is_valid(history: list[Put]) -> None:
    for state in states_of(history):
        check_id(state.id)
        sport, league, event = state.topic.split(".")
        check_sport(sport)
        check_league(league)
        assert event == (state.event if isinstance(state, Market) else state.id)
        if isinstance(state, Market):
            assert state.src == source_id("sim", lane_of(state.event, 4))
            for selection in state.selections:
                check_id(selection.id)


def test_an_id_keeps_its_fixed_attributes_and_selections(history: list[Put]) -> None:
    book = MarketBook()
    first_seen: dict[str, int] = {}
    for s, state in enumerate(states_of(history), start=1):
        entry = book.apply(state, s).entry
        if isinstance(entry, MarketEntry):
            assert entry.born == first_seen.setdefault(state.id, s), f"another shape under one id: {state}"


def test_markets_are_gone_before_their_event_ends_and_then_say_nothing(history: list[Put]) -> None:
    open_of: dict[str, set[str]] = defaultdict(set)
    over: set[str] = set()
    for state in states_of(history):
        assert state.id not in over
        if isinstance(state, Event):
            if state.state == "ended":
                assert not open_of[state.id]
                over.add(state.id)
            continue
        assert state.event not in over
        if state.gone:
            assert state.st in ("closed", "settled")
            over.add(state.id)
            open_of[state.event].discard(state.id)
        else:
            open_of[state.event].add(state.id)


def test_a_market_is_settled_in_every_selection(history: list[Put]) -> None:
    settled = [market for market in markets_of(history) if market.st == "settled"]
    assert settled
    for market in settled:
        assert market.gone
        assert all(selection.st == "settled" for selection in market.selections)


def test_a_possible_score_suspends_every_market_of_the_game_until_all_open_again(history: list[Put]) -> None:
    newest: dict[str, dict[str, Market]] = defaultdict(dict)
    since: dict[str, int] = {}
    for put in history:
        touched: set[str] = set()
        for market in markets_of([put]):
            assert (market.st == "suspended") == (market.reason in ("possible_score", "game_over"))
            touched.add(market.event)
            held = newest[market.event]
            held[market.id] = market
            if market.gone:
                del held[market.id]
        for event in touched:
            statuses = {market.st for market in newest[event].values()}
            assert len(statuses) <= 1, "a game's markets are suspended, and open again, in one stretch"
            if statuses == {"suspended"}:
                assert put.now_ms - since.setdefault(event, put.now_ms) <= DANGER_MS[1] + 1_000
            elif since.pop(event, None) is not None:
                assert all(market.live for market in newest[event].values())
    assert sum(market.st == "suspended" for market in markets_of(history)) > 100


def test_nothing_of_a_game_is_open_after_the_final_whistle(history: list[Put]) -> None:
    newest: dict[str, Market] = {}
    final: set[str] = set()
    for put in history:
        newest.update((market.id, market) for market in markets_of([put]))
        final.update(event.id for event in games_of([put]) if event.clock == "Final")
        assert not any(market.st == "open" for market in markets_of([put]) if market.event in final)
    assert final
    assert not any(market.st == "open" for market in newest.values() if market.event in final)


def test_books_of_open_prices_hold_the_overround(history: list[Put]) -> None:
    for market in markets_of(history):
        prices = [selection.price for selection in market.selections if selection.price is not None]
        assert all(price == price_from_american(price.american) for price in prices)
        assert all(type(price.milli) is int and type(price.american) is int for price in prices)
        if len(prices) == len(market.selections):
            implied = sum(100 / (a + 100) if a > 0 else a / (a - 100) for a in (price.american for price in prices))
            assert 1.03 <= implied <= 1.08, market


def test_no_two_open_markets_of_a_group_share_a_line(history: list[Put]) -> None:
    lines: dict[tuple[str, str | None], str] = {}
    mains: dict[str, str] = {}
    for market in markets_of(history):
        if market.group is None:
            continue
        if market.gone:
            lines.pop((market.group, market.line), None)
            if mains.get(market.group) == market.id:
                del mains[market.group]
            continue
        assert lines.setdefault((market.group, market.line), market.id) == market.id
        if market.cls != "alternate":
            assert mains.setdefault(market.group, market.id) == market.id


def test_the_markets_of_a_game_turn_live_with_it(history: list[Put]) -> None:
    newest: dict[str, Market] = {}
    began: dict[str, int] = {}
    for put in history:
        for state in put.states:
            if isinstance(state, Market):
                newest[state.id] = state
            elif state.state == "live":
                began.setdefault(state.id, put.now_ms)
        turned = [event for event, began_ms in began.items() if put.now_ms == began_ms + 1_000]
        for event in turned:
            assert all(market.live for market in newest.values() if market.event == event and not market.gone)
    assert len(began) > EVENTS // 3


def test_a_main_line_that_moves_names_its_successor(history: list[Put]) -> None:
    successors = {market.replaces: market for market in markets_of(history) if market.replaces}
    moved = [market for market in markets_of(history) if market.st == "closed" and market.cls == "main"]
    assert len(moved) > 10
    for market in moved:
        successor = successors[market.id]
        assert successor.id == market.replaced_by
        assert successor.group == market.group
        assert successor.line != market.line
        assert successor.cls == "main"


def test_selections_read_as_their_lines(history: list[Put]) -> None:
    for market in markets_of(history):
        if market.line is None:
            continue
        assert market.line.endswith(".5"), "nothing can be a push"
        first, second = market.selections
        if first.side == "home":
            assert (first.line, second.line) == (
                market.line,
                market.line[1:] if market.line[0] == "-" else f"-{market.line}",
            )
        else:
            assert (first.name, second.name) == (f"Over {market.line}", f"Under {market.line}")


def test_every_class_status_and_oddity_is_seen(history: list[Put]) -> None:
    markets = list(markets_of(history))
    assert {market.cls for market in markets} == {"main", "alternate", "prop", "future"}
    assert any(s.st == "suspended" for m in markets if m.st == "open" for s in m.selections)
    assert any(s.price is None for m in markets if m.cls == "prop" for s in m.selections)
    assert all(s.price is not None for m in markets if m.cls != "prop" for s in m.selections)
    assert {m.subject.type for m in markets if m.subject} == {"player", "team"}
    assert all((m.subject is not None) for m in markets if m.cls == "prop")


def test_scores_and_clocks_move_and_points_are_never_taken_away(history: list[Put]) -> None:
    newest: dict[str, Event] = {}
    moved = 0
    for event in games_of(history):
        before = newest.get(event.id)
        if event.state == "upcoming":
            assert event.score is None
        else:
            assert event.score is not None
            assert event.clock
        if before is not None and before.score is not None and event.score is not None:
            assert event.score.home >= before.score.home
            assert event.score.away >= before.score.away
            moved += event.clock != before.clock
        newest[event.id] = event
    assert moved > 100
    ended = [event for event in newest.values() if event.state == "ended"]
    assert all(event.clock == "Final" for event in ended)
    assert all(
        event.score is not None and event.score.home != event.score.away for event in ended if event.sport != "soccer"
    )


def test_every_state_of_a_market_changes_something(history: list[Put]) -> None:
    newest: dict[str, Market] = {}
    same = total = 0
    for market in markets_of(history):
        before = newest.get(market.id)
        newest[market.id] = market
        if before is not None:
            total += 1
            same += replace(before, ts=market.ts) == market
    assert same <= total / 1000


def test_the_rate_holds_over_every_second_within_one_burst(history: list[Put]) -> None:
    per_second: Counter[int] = Counter()
    for put in history[1:]:
        per_second[(put.now_ms - START_MS - 1) // 1000] += len(put.states)
    rate = UPDATES_A_TICK * 1000 // TICK_MS
    assert all(abs(states - rate) <= max(rate // 10, BURST_MAX) for states in per_second.values())
    assert abs(per_second.total() - rate * SECONDS) <= BURST_MAX


def test_live_games_take_most_updates_and_futures_few(history: list[Put]) -> None:
    changes = [market for market in markets_of(history[1:]) if not market.gone]
    futures = sum(market.cls == "future" for market in changes) / len(changes)
    live = sum(market.live for market in changes) / len(changes)
    assert 0.80 <= live <= 0.92
    assert 0.01 <= futures <= 0.03


def test_the_same_calls_give_the_same_states_and_another_run_other_ids() -> None:
    one, same, other = (play(slate(seed=7, run=run), seconds=10) for run in ("a", "a", "b"))
    assert one == same
    assert not {state.id for state in states_of(one)} & {state.id for state in states_of(other)}


@pytest.mark.parametrize("events", [1, 2, 3, 5, 12, 13, 60])
def test_a_slate_of_any_size(events: int) -> None:
    puts = play(slate(events=events, game_ms=20_000), seconds=30, updates=20)
    games: dict[str, Event] = {}
    for put in puts:
        games.update((event.id, event) for event in games_of([put]))
        running = [event for event in games.values() if event.state != "ended"]
        assert len(running) == events
        assert sum(event.state == "live" for event in running) == live_games(events)
    assert len(games) > events
    if events >= 12:
        sports = {event.sport for event in games.values() if event.state != "ended"}
        assert sports == {"football", "basketball", "baseball", "soccer", "hockey", "tennis"}


def test_every_league_has_one_outright_with_a_side_for_every_team() -> None:
    opened = slate(events=60).open()
    outrights = {state.id: state for state in opened if isinstance(state, Event) and state.kind == "outright"}
    futures = [state for state in opened if isinstance(state, Market) and state.cls == "future"]
    assert {event.league for event in outrights.values()} == {
        event.league for event in opened if isinstance(event, Event) and event.kind == "game"
    }
    assert sorted(market.event for market in futures) == sorted(outrights)
    assert all(8 <= len(market.selections) <= 30 for market in futures)


def test_an_event_is_told_before_its_markets_and_upcoming_games_begin_later() -> None:
    told: set[str] = set()
    for state in slate().open():
        if isinstance(state, Event):
            told.add(state.id)
            assert (state.start > "2026-09-21T14:13:20Z") == (state.state == "upcoming")
        else:
            assert state.event in told


def test_a_rate_too_low_for_the_slate_still_holds() -> None:
    trickle = slate(events=60, game_ms=60_000)
    trickle.open()
    given = sum(len(trickle.advance(START_MS + 1000 * second, 1)) for second in range(1, 601))
    assert abs(given - 600) <= BURST_MAX


def test_few_games_at_the_highest_rate_only_move_more_often() -> None:
    fast = slate(events=3, game_ms=600_000)
    fast.open()
    states = [state for ms in range(10, 1001, 10) for state in fast.advance(START_MS + ms, 200)]
    assert abs(len(states) - 20_000) <= BURST_MAX
    assert sum(isinstance(state, Event) for state in states) < 20
