"""The log as a desk sees it, in memory, with what goes wrong between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from feeds.contract.errors import LogUnavailable
from feeds.contract.lane import Stored
from feeds.contract.model import Event, Market
from feeds.contract.records import encode_record
from feeds.contract.subjects import event_subject, kind_of, lane_of, market_subject

LANES = 3


class MemoryDeskLog:
    """An OverlayLog. `away` are lanes that do not answer; `before_write` is called before every write, `while_silent`
    after one that is stored and not answered."""

    def __init__(self, states: Iterable[Event | Market] = ()) -> None:
        self.lanes: list[dict[str, Stored]] = [{} for _ in range(LANES)]
        self.ends = [0] * LANES
        self.trail: list[tuple[str, Stored]] = []
        self.away: set[int] = set()
        self.trail_away = False
        self.silent: set[int] = set()
        """Lanes that store the next write and do not say so."""
        self.while_silent: Callable[[], Awaitable[object]] = _nothing
        self.before_write: Callable[[int, str], None] = lambda _lane, _subject: None
        for state in states:
            event = state.event if isinstance(state, Market) else state.id
            lane = lane_of(event, LANES)
            if isinstance(state, Market):
                subject = market_subject(lane, state.topic, state.id)
            else:
                subject = event_subject(lane, state.topic)
            self.store(lane, subject, encode_record(state))

    def store(self, lane: int, subject: str, data: bytes) -> None:
        self.ends[lane] += 1
        self.lanes[lane][subject] = Stored(subject, self.ends[lane], data)

    def refresh(self, lane: int, subject: str) -> None:
        """The same record, further on."""
        if subject in self.lanes[lane]:
            self.store(lane, subject, self.lanes[lane][subject].data)

    def _reach(self, lane: int) -> None:
        if lane in self.away:
            raise LogUnavailable(f"lane {lane} is away")

    def _reach_trail(self) -> None:
        if self.trail_away:
            raise LogUnavailable("the trail is away")

    async def last(self, lane: int, subject: str) -> Stored | None:
        self._reach(lane)
        return self.lanes[lane].get(subject)

    async def write(self, lane: int, subject: str, data: bytes, *, expected_s: int) -> bool:
        self.before_write(lane, subject)
        self._reach(lane)
        found = self.lanes[lane].get(subject)
        if expected_s != (0 if found is None else found.s):
            return False
        self.store(lane, subject, data)
        if lane in self.silent:
            self.silent.discard(lane)
            await self.while_silent()
            raise LogUnavailable("no answer")
        return True

    async def overlays(self, lane: int) -> list[Stored]:
        self._reach(lane)
        return [record for record in self.lanes[lane].values() if kind_of(record.subject) == "desk"]

    async def record(self, subject: str, data: bytes, message_id: str) -> None:
        self._reach_trail()
        if message_id not in {known for known, _ in self.trail}:
            self.trail.append((message_id, Stored(subject, len(self.trail) + 1, data)))

    async def last_recorded(self, subject: str) -> Stored | None:
        self._reach_trail()
        return next((record for _, record in reversed(self.trail) if record.subject == subject), None)

    async def recorded(self, scope_subject: str | None, limit: int) -> list[Stored]:
        self._reach_trail()
        records = [record for _, record in self.trail]
        if scope_subject is not None:
            records = [record for record in records if f"{record.subject}.".startswith(f"{scope_subject}.")]
        return records[-limit:]


async def _nothing() -> None:
    """Nothing happens meanwhile."""
