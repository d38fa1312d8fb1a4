"""The oracle: after every message, and once all is quiet, what a device shows is compared with the log itself.

S1 `s` rises; S6 only published states are shown; every cursor is true;
S2, S4 after quiet a device holds exactly the log's last states of its topics.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bench.simulation.delivery.devices import SimulatedDevice
from bench.simulation.delivery.log import Log, State, ended, shown
from bench.simulation.violation import Violation
from fanout.contract.cursor import decode_cursor
from fanout.contract.topics import Topic, parse_topic
from feeds.contract.model import Event, Market
from feeds.contract.subjects import lane_of

Message = dict[str, Any]


def means(topic: Topic, state: State) -> bool:
    """Whether a market or event belongs to a topic, straight from the words of the protocol."""
    path = topic.path.split(".")
    if isinstance(state, Event):
        full = state.topic.split(".")
        return full[: len(path)] == path[:3]
    full = [*state.topic.split("."), state.id]
    return full[: len(path)] == path and topic.cls in (None, state.cls)


_parsed = lru_cache(parse_topic)


def meant_by(topics: set[str], state: State) -> bool:
    """Whether any of these topics means it."""
    return any(means(_parsed(text), state) for text in topics)


class Checker:
    """Watches one device."""

    def __init__(self, log: Log, device: SimulatedDevice) -> None:
        self._log = log
        self._device = device
        self._epoch: str | None = None
        self._shown: dict[str, int] = {}
        self._cursor: str | None = None

    def received(self, message: Message) -> None:
        """The device has taken a message."""
        replica = self._device.replica
        if replica.epoch != self._epoch:
            self._epoch = replica.epoch
            self._shown.clear()
        for part in (*message.get("m", ()), *message.get("e", ())):
            self._check_entry(part["id"])
        if message["t"] in ("d", "img"):
            self._check_topics(message)
        if replica.cursor != self._cursor:
            self._cursor = replica.cursor
            if self._cursor is not None:
                self._check_cursor(self._cursor)

    def _check_entry(self, entry_id: str) -> None:
        replica = self._device.replica
        assert self._epoch is not None
        last = replica.last.get(entry_id, 0)
        if last < self._shown.get(entry_id, 0):
            raise Violation(f"S1: {entry_id} fell to {last} from {self._shown[entry_id]}")
        self._shown[entry_id] = last
        held = replica.markets.get(entry_id) or replica.events.get(entry_id)
        if held is None:
            return
        if entry_id in replica.markets and held["s"] != last:
            raise Violation(f"S1: {entry_id} is shown at {held['s']}, its last is {last}")
        if shown(held) != self._log.wire(self._epoch, entry_id, held["s"]):
            raise Violation(
                f"S6: {shown(held)} was never published; {self._log.wire(self._epoch, entry_id, held['s'])}"
            )

    def _check_topics(self, message: Message) -> None:
        assert self._epoch is not None
        for part in (*message["m"], *message.get("e", ())):
            state = self._log.epochs[self._epoch][part["id"]].states[-1]
            if not meant_by(self._device.claimed, state):
                raise Violation(f"{part['id']} belongs to no topic of {sorted(self._device.claimed)}")

    def _check_cursor(self, text: str) -> None:
        cursor = decode_cursor(text)
        assert cursor is not None
        if cursor.epoch != self._epoch:
            raise Violation(f"the cursor {text} is of another epoch than {self._epoch}")
        held = {topic for topic in self._device.held if topic in self._device.wanted}
        for topic in held:
            event = parse_topic(topic).event
            lanes = range(self._log.lanes) if event is None else [lane_of(event, self._log.lanes)]
            if not set(lanes) <= cursor.positions.keys():
                raise Violation(f"the cursor {text} does not cover {topic}")
        for entry_id, history in self._log.epochs[cursor.epoch].items():
            found = history.as_of(cursor.positions.get(history.lane, 0))
            if found is None or history.vanished or not meant_by(held, found[1]):
                continue
            self._check_claim(text, entry_id, found)

    def _check_claim(self, text: str, entry_id: str, claimed: tuple[int, State]) -> None:
        s, state = claimed
        replica = self._device.replica
        if isinstance(state, Event):
            event = replica.events.get(entry_id)
            if not ended(state) and (event is None or event["s"] < s):
                raise Violation(f"the cursor {text} claims event {entry_id} at {s}, held is {event}")
        elif replica.last.get(entry_id, 0) <= s:
            market = replica.markets.get(entry_id)
            if (market is None) != state.gone or (market is not None and market["s"] != s):
                raise Violation(f"the cursor {text} claims {entry_id} at {s} gone={state.gone}, held is {market}")

    def quiet(self) -> None:
        """Everything was delivered: the device shows the log."""
        device, replica = self._device, self._device.replica
        wanted = set(device.wanted)
        last = {entry_id: at for entry_id, at in self._log.last_states().items() if meant_by(wanted, at[1])}
        markets = {entry_id: s for entry_id, (s, state) in last.items() if isinstance(state, Market)}
        events = {entry_id: s for entry_id, (s, state) in last.items() if isinstance(state, Event)}
        vanished = self._log.vanished()
        held_markets = {
            entry_id: market["s"] for entry_id, market in replica.markets.items() if entry_id not in vanished
        }
        held_events = {
            entry_id: event["s"]
            for entry_id, event in replica.events.items()
            if event["state"] != "ended" and entry_id not in vanished
        }
        if held_markets != markets:
            shows, has = _differing(held_markets, markets), _differing(markets, held_markets)
            raise Violation(f"S4: {device.name} shows {shows}, the log has {has}")
        if held_events != events:
            raise Violation(f"S4: {device.name} shows events {held_events}, the log has {events}")
        if replica.gap:
            raise Violation("S2: a gap was not healed")
        for entry_id in (*markets, *events):
            self._check_entry(entry_id)


def _differing(some: dict[str, int], others: dict[str, int]) -> dict[str, int]:
    return {key: value for key, value in some.items() if others.get(key) != value}
