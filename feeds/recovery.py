"""What one feed holds in one lane, and what a recovery changes of it. Pure.

The states that have not ended are kept as bytes: they are what is sent again when the log was lost, and what a
recovering provider is compared with, so that only what differs is written. A market the log holds and the recovered
provider did not mention becomes what the provider says of it; an event left without any market ends.

What is held is what the provider says; what is written is that under the desk's overlays (overlay.py). So the freshest
provider state is there when an overlay ends, and a market of the log is held as it was before a desk changed it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from feeds.contract.desk import lift
from feeds.contract.errors import Refused
from feeds.contract.lane import Stored
from feeds.contract.model import Event, Market
from feeds.contract.records import Record, decode_record, encode_record
from feeds.contract.subjects import event_subject, kind_of, market_subject, source_id
from feeds.lane_log import Message
from feeds.overlay import LaneOverlays
from feeds.ports import State

_TS = re.compile(rb'"ts":\d+')
"""A state's `ts` in our own compact bytes. In a string the quotes would be escaped, so it is found nowhere else."""


class Newest(NamedTuple):
    """A subject's newest state, and whether nothing more is to come of it."""

    message: Message
    ends: bool


class HeldStates:
    """The states of `feed` in `lane`, the newest of each. What has ended is only kept where it could not be written."""

    def __init__(self, *, feed: str, lane: int, overlays: LaneOverlays | None = None) -> None:
        self._lane = lane
        self._src = source_id(feed, lane)
        self.overlays = LaneOverlays() if overlays is None else overlays
        self._current: dict[str, bytes] = {}
        self._shown: dict[str, bytes] = {}
        """What is written instead, where that is another state."""
        self._ends: dict[str, bytes] = {}
        self._mentioned: set[str] | None = set()

    def current(self) -> list[Message]:
        """Everything that has not ended, as it is to be written."""
        return [Message(subject, self._shown.get(subject, data)) for subject, data in self._current.items()]

    def board_read(self, records: Iterable[Stored]) -> None:
        """What the log holds of this feed: its markets that are not gone, and the events these belong to. What is
        another feed's is left alone."""
        events: list[tuple[str, str, bytes]] = []
        topics: set[str] = set()
        for subject, _, data in records:
            match _decoded(subject, data):
                case Market() as market if market.src == self._src and not market.gone:
                    topics.add(market.topic)
                    self._found(subject, data, market)
                case Event() as event if event.state != "ended" and event.src in (None, self._src):
                    events.append((event.topic, subject, data))
        for topic, subject, data in events:
            if topic in topics:
                self._current.setdefault(subject, data)

    def _found(self, subject: str, data: bytes, market: Market) -> None:
        if subject in self._current:
            return
        if market.desk is not None:
            self._shown[subject] = data
            data = encode_record(lift(market))
        self._current[subject] = data

    def recovering(self) -> None:
        """The provider begins to put all it knows."""
        self._mentioned = set()

    def put(self, state: State) -> Message | None:
        """The message to write for a state; None where a recovery found it as the log already has it."""
        subject = self.subject(state)
        if isinstance(state, Event):
            state = msgspec.structs.replace(state, src=self._src)
        data = encode_record(state)
        if self._mentioned is not None:
            self._mentioned.add(subject)
            held = self._current.get(subject)
            if held is not None and _without_ts(held) == _without_ts(data):
                return None
        if self._ends:
            self._ends.pop(subject, None)
        if ended(state):
            self._current.pop(subject, None)
            self._shown.pop(subject, None)
            return Message(subject, data)
        self._current[subject] = data
        if self.overlays.present or self._shown:
            data = self._under_overlays(subject, data, state)
        return Message(subject, data)

    def _under_overlays(self, subject: str, data: bytes, state: State) -> bytes:
        """What is to be written for a state, which has not ended, and its bytes."""
        if not isinstance(state, Market):
            return data
        shown = self.overlays.apply(state)
        if shown is state:
            self._shown.pop(subject, None)
            return data
        self._shown[subject] = data = encode_record(shown)
        return data

    def overlaid(self) -> list[str]:
        """The subjects of all that is written otherwise than the provider says."""
        return list(self._shown)

    def under(self, scopes: Iterable[str]) -> list[str]:
        """The subjects of all that is held under these scopes."""
        prefixes = tuple(f"odds.{self._lane}.{scope}." for scope in scopes)
        return [subject for subject in self._current if subject.startswith(prefixes)]

    def again(self, subject: str) -> Message | None:
        """The message to write for a state whose overlays may have changed; None where they changed nothing of it."""
        data = self._current.get(subject)
        if data is None:
            return None
        before = self._shown.get(subject, data)
        record = _decoded(subject, data)
        if not isinstance(record, Market):
            return None
        after = self._under_overlays(subject, data, record)
        return None if after == before else Message(subject, after)

    def keep_end(self, message: Message) -> None:
        """The end of a market or event is not written for now: another feed owns it."""
        self._ends[message.subject] = message.data

    def meet(self, subject: str, ended: bool) -> bool:
        """Another feed's record stands there now. Gives whether there is anything to write over it: an end that was
        kept says nothing over what has `ended`, and is forgotten; so ends are kept no longer than records stand."""
        if ended:
            self._ends.pop(subject, None)
        return subject in self._current or subject in self._ends

    def newest(self, subject: str) -> Newest | None:
        """What is to be written there, which is no longer kept by it."""
        if (end := self._ends.pop(subject, None)) is not None:
            return Newest(Message(subject, end), ends=True)
        data = self._current.get(subject)
        return None if data is None else Newest(Message(subject, self._shown.get(subject, data)), ends=False)

    def forget(self, subject: str) -> None:
        """This state is not written after all."""
        self._current.pop(subject, None)
        self._shown.pop(subject, None)
        self._ends.pop(subject, None)

    def recovered(self, absent: Callable[[Market], Market]) -> list[State]:
        """The provider has put all it knows. Gives what becomes of what it did not mention; to be `put`."""
        mentioned, self._mentioned = self._mentioned, None
        if mentioned is None:
            return []
        states: list[State] = []
        orphans: list[Event] = []
        topics: set[str] = set()
        for subject, data in self._current.items():
            record = _decoded(subject, data)
            if isinstance(record, Market):
                market = record if subject in mentioned else absent(record)
                if subject not in mentioned:
                    states.append(market)
                if not market.gone:
                    topics.add(market.topic)
            elif isinstance(record, Event) and subject not in mentioned:
                orphans.append(record)
        ends = (msgspec.structs.replace(event, state="ended") for event in orphans if event.topic not in topics)
        return [*states, *ends]

    def subject(self, state: State) -> str:
        """Where a state goes."""
        if isinstance(state, Market):
            return market_subject(self._lane, state.topic, state.id)
        return event_subject(self._lane, state.topic)


def ended(state: State) -> bool:
    """Whether nothing more is to come of it, so that it may age out of the log."""
    return state.gone if isinstance(state, Market) else state.state == "ended"


def _without_ts(data: bytes) -> bytes:
    return _TS.sub(b"", data, count=1)


def _decoded(subject: str, data: bytes) -> Record | None:
    if kind_of(subject) not in ("market", "event"):
        return None
    try:
        return decode_record(subject, data)
    except Refused:
        return None
