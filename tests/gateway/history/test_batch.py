"""Records to rows: the same whatever is taken at once, whenever the process began, and without repetitions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.lane import Logged
from feeds.contract.model import Event, Market
from feeds.contract.records import encode_record
from feeds.contract.subjects import event_subject, market_subject
from gateway.history.batch import Batch, LaneMemory, LastState, decoded
from gateway.history.rows import form_body, key_of, market_key, numbers_of
from tests.bus import event, market

LANE = 0

states = st.one_of(
    st.builds(
        lambda name, ts, gone: market(name, "E1", ts=ts, gone=gone, st="closed" if gone else "open"),
        st.sampled_from(["M1", "M2"]),
        st.integers(1, 3),
        st.sampled_from([False, False, False, True]),
    ),
    st.builds(lambda state, ts: event("E1", state=state, ts=ts), st.sampled_from(["live", "ended"]), st.integers(1, 2)),
)


def logged(s: int, state: Market | Event) -> Logged:
    if isinstance(state, Event):
        return Logged(event_subject(LANE, state.topic), s, s, encode_record(state))
    return Logged(market_subject(LANE, state.topic, state.id), s, s, encode_record(state))


class Stored:
    """What a database would hold, by what batches add to it."""

    def __init__(self) -> None:
        self.changes: dict[int, int] = {}
        self.markets: dict[int, LastState] = {}
        self.events: dict[str, bytes] = {}
        self.gone: dict[int, bool] = {}

    def take(self, memory: LaneMemory, records: list[Logged]) -> Batch:
        values = decoded(records)
        markets, events = memory.unknown(values)
        memory.learn(
            {name: self.markets.get(market_key(name)) for name in markets},
            {name: self.events.get(name) for name in events},
        )
        batch = memory.batch(values)
        form_gone = {form.key: form.gone for form in batch.forms}
        self.gone |= form_gone
        for change in batch.changes:
            self.changes[change.s] = change.form
            self.markets[change.market] = LastState(change.form, change.numbers, self.gone[change.form])
        for one in batch.events:
            self.changes[one.s] = 0
            self.events[one.event] = one.body
        return batch


def expected(made: list[Market | Event]) -> list[int]:
    last: dict[str, Market | Event] = {}
    positions = []
    for s, state in enumerate(made, start=1):
        if last.get(state.id) != state:
            positions.append(s)
        last[state.id] = state
    return positions


@given(st.lists(states, min_size=1, max_size=30), st.lists(st.integers(1, 5), min_size=30, max_size=30), st.data())
def test_however_it_is_cut_and_wherever_it_begins_anew_it_is_the_changes(
    made: list[Market | Event], cuts: list[int], data: st.DataObject
) -> None:
    records = [logged(s, state) for s, state in enumerate(made, start=1)]
    stored, memory = Stored(), LaneMemory(LANE)
    for count in cuts:
        if not records:
            break
        if data.draw(st.booleans(), label="restarted"):
            memory = LaneMemory(LANE)
        batch = stored.take(memory, records[:count])
        assert batch.records == len(records[:count]) == len(batch.changes) + len(batch.events) + batch.repeats
        del records[:count]
    assert sorted(stored.changes) == expected(made)


def test_a_market_is_told_of_when_it_begins_ends_and_comes_back() -> None:
    stored, memory = Stored(), LaneMemory(LANE)
    steps = [
        market("M1", "E1", ts=1),
        market("M1", "E1", ts=2),
        market("M1", "E1", ts=3, gone=True),
        market("M1", "E1", ts=4),
    ]
    told = []
    for s, state in enumerate(steps, start=1):
        told.append([known.gone for known in stored.take(memory, [logged(s, state)]).markets])
    assert told == [[False], [], [True], [False]]


def test_a_form_is_offered_once() -> None:
    memory, one = LaneMemory(LANE), market("M1", "E1", ts=1)
    stored = Stored()
    first = stored.take(memory, [logged(1, one), logged(2, market("M1", "E1", ts=2))])
    assert [form.key for form in first.forms] == [key_of(form_body(one))]
    assert stored.take(memory, [logged(3, market("M1", "E1", ts=3))]).forms == []
    assert [change.numbers for change in first.changes] == [numbers_of(one), numbers_of(market("M1", "E1", ts=2))]
