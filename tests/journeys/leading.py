"""Judges of who writes a feed, and of what devices are shown meanwhile: they watch every record and every message.

The simulator makes each term a slate of its own, so an event belongs to the term that made it: what another term says
of it, other than that it is over, would be a stale overwrite.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from fanout.client import OddsStream
from fanout.contract.codec import market_json
from feeds.contract.lane import Board, Stored
from feeds.contract.model import Event, Market
from feeds.contract.records import Beat, Lead, decode_record
from feeds.contract.subjects import lane_of
from tests.bus import Mirror

RECORDS_KEPT = 40_000
"""Of a lane, to hold against what devices show: more than half a minute of them."""


class LogJudge(Mirror):
    """A reader of all lanes that fails where a feed has two writers at a time. `exact`: nothing is written twice."""

    def __init__(self, *, lanes: int, exact: bool = True) -> None:
        super().__init__()
        self.lanes = lanes
        self.owners: dict[int, str] = {}
        self.live: set[int] = set()
        """Lanes whose leader has beaten `live`."""
        self.count = 0
        self.terms: list[str] = []
        self._exact = exact
        self._epochs: dict[int, int] = {}
        self._made_by: dict[str, str] = {}
        self._kept: dict[int, dict[int, Stored]] = {lane: {} for lane in range(lanes)}
        self._holes: dict[int, list[range]] = {lane: [] for lane in range(lanes)}

    @property
    def leader(self) -> str | None:
        """The owner that leads and is live in every lane."""
        owners = set(self.owners.values())
        if len(self.owners) == len(self.live) == self.lanes and len(owners) == 1:
            return owners.pop()
        return None

    def board(self, lane: int, board: Board) -> None:
        """After a hole some of what came is unknown: events first seen now are not judged, nor what was in the hole."""
        self._holes[lane].append(range(self.positions.get(lane, 0) + 1, board.position + 1))
        super().board(lane, board)
        for record in board.records:
            state = decode_record("odds" + record.subject[4:], record.data)
            if isinstance(state, Lead):
                self._led(lane, state)
            elif isinstance(state, Event):
                self._made_by.setdefault(state.id, "")
            elif isinstance(state, Market):
                self._keep(lane, record)

    def record(self, lane: int, record: Stored) -> None:
        before = self.last[lane].get(record.subject[5:])
        super().record(lane, record)
        self.records.clear()
        self.count += 1
        match decode_record("odds" + record.subject[4:], record.data):
            case Lead() as lead:
                self._led(lane, lead)
            case Beat() as beat:
                self._beaten(lane, beat)
            case Market() as market:
                self._keep(lane, record)
                assert not self._exact or before is None or before.data != record.data, f"{market.id} came twice"
                if not market.gone:
                    self._written(lane, market.event)
            case Event() as event if event.state != "ended":
                self._written(lane, event.id)

    def missed(self, lane: int, s: int) -> bool:
        """Whether this position came while this reader did not read."""
        return any(s in hole for hole in self._holes[lane])

    def state_at(self, market_id: str, event_id: str, s: int) -> Market | None:
        """A market as the log had it at a position, None where that is forgotten."""
        record = self._kept[lane_of(event_id, self.lanes)].get(s)
        state = None if record is None else decode_record("odds" + record.subject[4:], record.data)
        return state if isinstance(state, Market) and state.id == market_id else None

    def _led(self, lane: int, lead: Lead) -> None:
        if self.owners.get(lane) == lead.owner:
            assert lead.epoch == self._epochs[lane]
            return
        assert lead.owner not in self.terms or lead.owner in self.owners.values(), f"{lead.owner} came back"
        assert lead.epoch > self._epochs.get(lane, 0)
        if lead.owner not in self.terms:
            self.terms.append(lead.owner)
        self._epochs[lane] = lead.epoch
        self.owners[lane] = lead.owner
        self.live.discard(lane)

    def _beaten(self, lane: int, beat: Beat) -> None:
        if beat.state == "live":
            self.live.add(lane)
        else:
            self.live.discard(lane)

    def _written(self, lane: int, event_id: str) -> None:
        owner = self.owners[lane]
        made_by = self._made_by.setdefault(event_id, owner)
        assert made_by in ("", owner), f"{event_id} of {made_by} was written while {owner} led"

    def _keep(self, lane: int, record: Stored) -> None:
        kept = self._kept[lane]
        kept[record.s] = record
        if len(kept) > RECORDS_KEPT:
            del kept[next(iter(kept))]


class Shown(NamedTuple):
    """A market as a device showed it after a message, encoded."""

    id: str
    event: str
    s: int
    data: bytes


class DeviceJudge:
    """Reads one device's stream to its end, and holds it to DOMAIN.md's S1, S2, S3, S5 and S6."""

    def __init__(self, stream: OddsStream, log: LogJudge) -> None:
        self.stream = stream
        self.told: Counter[str] = Counter()
        """How often each source was told not to be live."""
        self.told_s: dict[str, float] = {}
        self.compared = 0
        self._log = log
        self._shown: dict[str, int] = {}
        self._uncompared: deque[Shown] = deque()

    async def watch(self) -> None:
        """Until cancelled; raises where a rule was broken."""
        async for message in self.stream:
            for part in message.get("m", ()):
                self._rises(part["id"], part["s"])
            for source, state in _told(message):
                if state != "live" and self.stream.replica.not_live.get(source) == state:
                    self.told[source] += 1
                    self.told_s[source] = time.monotonic()
            self._keep(message)
            self._compare()
            assert self.stream.replica.gaps == 0, "S2: a gap without a fault"

    def _rises(self, market_id: str, s: int) -> None:
        """What is newer was taken; what was shown already, as a delta right after an image may be, was not."""
        before = self._shown.get(market_id, 0)
        last = self.stream.replica.last.get(market_id, 0)
        assert last == max(before, s), f"S1, S3: {market_id} is shown at {last} after {before} and {s}"
        self._shown[market_id] = last

    def _keep(self, message: dict[str, Any]) -> None:
        for part in message.get("m", ()):
            if (market := self.stream.replica.markets.get(part["id"])) is not None:
                self._uncompared.append(Shown(market["id"], market["event"], market["s"], orjson.dumps(market)))

    def _compare(self) -> None:
        """S5 and S6: what was shown at `s` is what the log has there. The log's reader may be behind the device."""
        while self._uncompared:
            shown = self._uncompared[0]
            lane = lane_of(shown.event, self._log.lanes)
            if self._log.positions.get(lane, 0) < shown.s:
                return
            self._uncompared.popleft()
            state = self._log.state_at(shown.id, shown.event, shown.s)
            if state is None and self._log.missed(lane, shown.s):
                continue
            assert state is not None, f"S6: {shown.id} was never published at {shown.s}"
            assert orjson.loads(shown.data) == orjson.loads(market_json(state, shown.s)), f"S6: {shown.id} at {shown.s}"
            self.compared += 1


def _told(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if message["t"] == "src":
        yield message["id"], message["state"]
    elif message["t"] == "hb":
        yield from message["src"].items()
