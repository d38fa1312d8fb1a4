"""The simulated log: lanes with dense positions, an age, and an epoch. It is the truth that every check asks.

It knows every state that was ever published, and what a whole market or event at a position looks like on the wire.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import orjson

from fanout.contract.codec import event_json, market_json
from feeds.contract.lane import Board, Stored
from feeds.contract.model import Event, Market
from feeds.contract.records import Beat, encode_record
from feeds.contract.subjects import beat_subject, event_subject, lane_of, market_subject

State = Market | Event


def ended(state: State) -> bool:
    """Whether nothing more is to be shown of a market or event."""
    return state.gone if isinstance(state, Market) else state.state == "ended"


class History:
    """Every state of one market or event in one epoch, in order of `s`."""

    def __init__(self, lane: int) -> None:
        self.lane = lane
        self.positions: list[int] = []
        self.states: list[State] = []
        self.vanished = False
        """Aged out although it had not ended: what a device should hold of it is nobody's to say."""

    def as_of(self, position: int) -> tuple[int, State] | None:
        """The last state at or below a position."""
        index = bisect_right(self.positions, position) - 1
        return None if index < 0 else (self.positions[index], self.states[index])

    def at(self, s: int) -> State | None:
        """The state published at exactly `s`."""
        found = self.as_of(s)
        return found[1] if found is not None and found[0] == s else None


class Log:
    """All lanes. `followers` are told of every record stored from now on."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.generation = 0
        self.epochs: dict[str, dict[str, History]] = {}
        self._begin()
        self._wire: dict[tuple[str, str, int], dict[str, Any]] = {}

    def _begin(self) -> None:
        self.generation += 1
        self.epoch = f"e{self.generation}"
        self.histories = self.epochs[self.epoch] = {}
        self.heads = [0] * self.lanes
        self.floors = [1] * self.lanes
        self.records: list[list[Stored]] = [[] for _ in range(self.lanes)]
        self._last: list[dict[str, Stored]] = [{} for _ in range(self.lanes)]

    def lose(self) -> None:
        """Every lane is lost: a new epoch, and nothing in it."""
        self._begin()

    def publish(self, state: State) -> Stored:
        """Appends a whole state."""
        lane = lane_of(state.topic.split(".")[2], self.lanes)
        if isinstance(state, Market):
            subject = market_subject(lane, state.topic, state.id)
        else:
            subject = event_subject(lane, state.topic)
        stored = self._append(lane, subject, encode_record(state))
        history = self.histories.setdefault(state.id, History(lane))
        history.positions.append(stored.s)
        history.states.append(state)
        return stored

    def beat(self, lane: int, beat: Beat) -> Stored:
        """Appends a beat."""
        return self._append(lane, beat_subject(lane, beat.feed), encode_record(beat))

    def board(self, lane: int) -> Board:
        """The last record of every subject."""
        records = sorted(self._last[lane].values(), key=lambda record: record.s)
        return Board(self.heads[lane], self.floors[lane], records)

    def held_below(self, lane: int, floor: int) -> list[State]:
        """The last states that would age out by this floor although they have not ended."""
        return [
            history.states[-1]
            for history in self.histories.values()
            if history.lane == lane and self._in_log(history) and history.positions[-1] < floor
            if not ended(history.states[-1])
        ]

    def superseded_by(self, lane: int, floor: int) -> int:
        """Up to where a reader must have read to miss nothing when the lane forgets what is below `floor`."""
        least = floor - 1
        for history in self.histories.values():
            above = bisect_right(history.positions, floor - 1)
            if history.lane == lane and 0 < above < len(history.positions):
                least = max(least, history.positions[above])
        return least

    def age(self, lane: int, floor: int) -> None:
        """Forgets everything below the floor."""
        for history in self.histories.values():
            if history.lane == lane and self._in_log(history) and history.positions[-1] < floor:
                history.vanished = not ended(history.states[-1])
        self.floors[lane] = floor
        self._last[lane] = {subject: record for subject, record in self._last[lane].items() if record.s >= floor}

    def last_states(self) -> dict[str, tuple[int, State]]:
        """The last state of everything that is still in the log and has not ended."""
        return {
            entry_id: (history.positions[-1], history.states[-1])
            for entry_id, history in self.histories.items()
            if self._in_log(history) and not ended(history.states[-1])
        }

    def vanished(self) -> set[str]:
        """What aged out without having ended: only devices that were live at that time were told."""
        return {
            entry_id for entry_id, history in self.histories.items() if history.vanished and not self._in_log(history)
        }

    def wire(self, epoch: str, entry_id: str, s: int) -> dict[str, Any] | None:
        """What a device shows of a market or event at `s`: None if nothing was published there."""
        key = (epoch, entry_id, s)
        held = self._wire.get(key)
        if held is None:
            history = self.epochs[epoch].get(entry_id)
            state = None if history is None else history.at(s)
            if state is None:
                return None
            encoded = market_json(state, s) if isinstance(state, Market) else event_json(state, s)
            held = self._wire[key] = shown(orjson.loads(encoded))
        return held

    def _in_log(self, history: History) -> bool:
        return history.positions[-1] >= self.floors[history.lane]

    def _append(self, lane: int, subject: str, data: bytes) -> Stored:
        self.heads[lane] += 1
        stored = Stored(subject, self.heads[lane], data)
        self._last[lane][subject] = stored
        self.records[lane].append(stored)
        return stored


def shown(entry: dict[str, Any]) -> dict[str, Any]:
    """A market or event without what means nothing once it is applied: `p`, and optional values that are null."""
    plain = {name: value for name, value in entry.items() if name != "p"}
    if "x" in entry:
        plain["x"] = [
            {name: value for name, value in selection.items() if value is not None or name in ("a", "d")}
            for selection in entry["x"]
        ]
    return plain
